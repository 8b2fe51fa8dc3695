"""Owns: the gates of one batch: who is first in a row of messages with one order key.
Imports: core, infra.store.rows.
Never: reads or writes the store (what changes is listed for the transaction).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from router.core.decision import DeadLettered, Decision, Needs, Redeliver
from router.infra.store.rows import Queued


class Gates:
    """Folds a batch over the gates as they are: what an earlier row closes, a later one meets.

    A row that waits (for an answer, for its next attempt, for a person) closes its gate. A row that
    is settled opens the gate it had closed, and the next of its key becomes first.
    """

    def __init__(self, held: Mapping[tuple[str, str], tuple[str, str | None]]) -> None:
        """`held` maps (consumer, order key) to who is first and who waits next, if anybody."""
        self._held = dict(held)
        #: what happened, in order: `close` = it became first and is not settled, `hold` = it waits
        #: behind another, `open` = it was first and is settled
        self.changes: list[tuple[Literal["close", "hold", "open"], Queued]] = []

    def holds_back(self, row: Queued) -> bool:
        """Return whether somebody else is first; then the row waits behind those that wait."""
        if not row.message.order_key:
            return False
        holder, following = self._held.get(_key(row), ("", None))
        if holder in ("", row.message.id):
            return False
        self._held[_key(row)] = (holder, following or row.message.id)
        self.changes.append(("hold", row))
        return True

    def pass_on(self, row: Queued, decision: Decision | Needs) -> None:
        """Close or open the gate of a row by what was decided about it."""
        if not row.message.order_key:
            return
        key = _key(row)
        holder, following = self._held.get(key, ("", None))
        if isinstance(decision, Needs | Redeliver | DeadLettered):
            if not holder:
                self.changes.append(("close", row))
                self._held[key] = (row.message.id, None)
        elif holder:
            self.changes.append(("open", row))
            if following is None:
                del self._held[key]
            else:
                self._held[key] = (following, None)


def _key(row: Queued) -> tuple[str, str]:
    return row.consumer, row.message.order_key
