"""Owns: care after an unclean end: what may have killed the process goes alone, behind a mark.
Imports: core.decision, core.ports, infra.store.
Never: suspects what was not alone in hand when the process died.

What kills its process would kill it again after every start. So after an unclean end everything
that can have been in hand then (a row of the loop, a command, a file) is marked, on disk, before it
is touched, and of all that is suspected only one is in hand at a time. What was marked at enough
ends in succession is the killer: it is buried without being touched. What was in hand are the first
rows of a lane: they are taken in order, and those that are settled are gone.

Who kills the process for other reasons may hit the same one twice: each start begins with it. So
it takes more ends than two. A call takes seconds, and is hit again and again: there a trial
follows. The next process leaves it alone for as long as it may last. When that process ends too, it
was something else, and the count begins anew.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal

from router.core.decision import DeadLettered
from router.core.ports import Clock
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction

#: ends of the process with the same one alone in hand, after which it is not touched again
MOST_ENDS = 5
#: what is done with a suspect: touched, not now, never again
Verdict = Literal["go", "later", "killer"]


def killer(step: str) -> DeadLettered:
    """Return the dead letter of what ends the process; the step says what was done with it."""
    return DeadLettered(
        reason="killer", step=step, detail="the process ended with it alone in hand"
    )


class Suspects:
    """The first rows of a lane, as far as they are from before an unclean end. For one thread."""

    def __init__(self, until: int, most: int) -> None:
        #: rows up to this one go alone; 0 = none does
        self.until = until
        self._most = most
        self._seen, self._last = 0, 0

    def take(self, row: int) -> None:
        """Count a row that goes alone: behind `most` of them, nothing was in anybody's hands."""
        if row > self._last:  # an answered row comes a second time, among later ones
            self._seen, self._last = self._seen + 1, row
        if self._seen >= self._most:
            self.until = min(self.until, self._last)


class Caution:
    """Lets one suspect at a time be in hand, and knows which of them is the killer.

    It is about one thing that is led: all of a store that has one process, or a lane, or a source.
    Safe for many threads.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        unit: str = "",
        name: str = "",
        loop_done: threading.Event | None = None,
    ) -> None:
        """Take note of how the last process that led `unit` ended, and say that this one does.

        `name` is this process: what it led itself before, and lost, did not end. `loop_done` is set
        when no row of the loop is suspected any more; calls, which take long, wait for it.
        """
        self._store = store
        self._clock = clock
        self._since = clock.now()
        self._names = (f"state:{unit}", f"in_hand:{unit}") if unit else ("state", "in_hand")
        self._running = f"running {name}".strip()
        with store.read() as reader:
            #: whether the last process did not end in order
            state = reader.mark(self._names[0])
            self.unclean = unclean = state.startswith("running") and state != f"running {name}"
            self._until = reader.newest_row() if unclean else 0
            #: what the last process ended with in hand, and how many in succession; it stays when
            #: that was put down: a row may be harmless until it has its answer
            self._ended = _read(reader.mark(self._names[1])) if unclean else ("", 0)
        self._hand = threading.Lock()
        self.loop_done = loop_done or threading.Event()
        store.write(self._begin)

    def suspects(self, most: int) -> Suspects:
        """Return which rows of a lane go alone, when at most so many can have been in hand."""
        return Suspects(self._until, most)

    @contextmanager
    def alone(self, key: str, lasts: timedelta | None = None) -> Iterator[Verdict]:
        """Have a suspect alone in hand, marked on disk, and say what may be done with it.

        `lasts` is the length of its trial; without it there is none. Raises Unavailable.
        """
        with self._hand:
            verdict = self.judge(key, lasts)
            if verdict == "go":
                self._mark(key, self._ends(key) + 1)
            try:
                yield verdict
            except Exception:
                self._mark("", 0)  # it failed, so it is in nobody's hands any more
                raise
            if verdict == "killer":
                self._ended = ("", 0)  # it is buried: who retries it means it
            self._mark("", 0)

    def judge(self, key: str, lasts: timedelta | None = None) -> Verdict:
        """Return what is to be done with a suspect."""
        if self._ends(key) < MOST_ENDS:
            return "go"
        return (
            "later" if lasts is not None and self._clock.now() < self._since + lasts else "killer"
        )

    def end(self) -> None:
        """Say that this process ended in order."""
        self._store.write(lambda transaction: transaction.mark(self._names[0], "stopped"))

    def _ends(self, key: str) -> int:
        return self._ended[1] if key == self._ended[0] else 0

    def _mark(self, key: str, ends: int) -> None:
        text = _text(key, ends)
        self._store.write(lambda transaction: transaction.mark(self._names[1], text))

    def _begin(self, transaction: Transaction) -> None:
        """Say that a process runs, and that nothing is in its hand so far."""
        transaction.mark(self._names[1], _text("", 0))
        transaction.mark(self._names[0], self._running)


def _text(key: str, ends: int) -> str:
    return json.dumps([key, ends])


def _read(text: str) -> tuple[str, int]:
    key, ends = json.loads(text or '["", 0]')
    return str(key), int(ends)
