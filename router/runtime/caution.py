"""Owns: care after an unclean end: rows go one at a time behind a committed mark.
Imports: infra.store.
Never: suspects a row that was not alone in hand when the process died.

A row that kills its process would kill it again after every start. So after an unclean end each row
that can have been in hand then is marked, on disk, before it is touched. One that was marked at two
ends in succession is the killer: it is buried without being touched. The rows in hand are the first
ones of the lane: the loop takes rows in order, and those that are settled are gone.
"""

from __future__ import annotations

import json

from router.infra.store.store import Store

#: ends of the process with the same row alone in hand, after which it is not touched again
MOST_ENDS = 2
#: rows that go alone after an unclean end: more than can wait for answers (loop.MOST_WAITING) and
#: be in a batch (loop.BATCH) at once
MOST_IN_HAND = 1024


class Caution:
    """Says how the loop has to go about its rows. One thread (the loop) uses it."""

    def __init__(self, store: Store, lane: str) -> None:
        """Take note of how the last process ended, and say that this one runs."""
        self._store = store
        with store.read() as reader:
            unclean = reader.mark("state") == "running"
            #: rows up to this one are handled alone
            self.until = reader.last_queued(lane) if unclean else 0
            self._suspect, self._ends = _read(reader.mark("in_hand"))
        #: how many rows went alone by now, and the last of them
        self._seen, self._last = 0, 0
        store.write(lambda transaction: transaction.mark("state", "running"))

    def take(self, row: int) -> bool:
        """Mark a row as alone in hand; False when it must not be touched."""
        if row > self._last:  # an answered row comes a second time, among later ones
            self._seen, self._last = self._seen + 1, row
        if self._seen >= MOST_IN_HAND:
            self.until = min(self.until, self._last)  # the others were in nobody's hands
        ends = self._ends if row == self._suspect else 0
        if ends >= MOST_ENDS:
            return False
        text = json.dumps([row, ends + 1])
        self._store.write(lambda transaction: transaction.mark("in_hand", text))
        return True

    def put_down(self) -> None:
        """Take the mark away: the row was handled, and nothing came of it."""
        self._store.write(lambda transaction: transaction.mark("in_hand", "[0, 0]"))

    def end(self) -> None:
        """Say that this process ended in order."""
        self._store.write(lambda transaction: transaction.mark("state", "stopped"))


def _read(text: str) -> tuple[int, int]:
    row, ends = json.loads(text or "[0, 0]")
    return int(row), int(ends)
