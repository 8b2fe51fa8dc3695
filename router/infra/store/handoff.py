"""Owns: rows that this process has just stored, as values: the loop need not decode them again.
Imports: infra.store.rows.
Never: the only place of a row (the database is); holds a row before it is committed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from time import monotonic

from router.infra.store.rows import Queued

#: rows kept: two batches of the loop; at 10 kB a decoded message some 5 MB
MOST = 512
#: seconds after which one that was not taken makes room for others
OLD = 10.0


class Handoff:
    """Rows by message and consumer, each taken once. Safe for many threads.

    A row that is not here is decoded from the store: nothing depends on its being here.
    """

    def __init__(self) -> None:
        #: each with when it came, on the monotonic clock
        self._rows: OrderedDict[tuple[str, str], tuple[Queued, float]] = OrderedDict()

    def put(self, rows: Iterable[Queued]) -> None:
        """Keep rows for whoever reads them next, as long as there is room: who is behind reads
        those first that came first.
        """
        now = monotonic()
        for row in rows:
            if len(self._rows) >= MOST and not self._has_dropped(now - OLD):
                return
            self._rows[row.message.id, row.consumer] = row, now

    def take(self, message_id: str, consumer: str) -> Queued | None:
        """Return a row and forget it; None when it is not here."""
        found = self._rows.pop((message_id, consumer), None)
        return None if found is None else found[0]

    def _has_dropped(self, before: float) -> bool:
        """Drop the row that came first, if that was long ago; False when it was not."""
        try:
            key, (_, came) = next(iter(self._rows.items()))
        except (StopIteration, RuntimeError):  # others take rows meanwhile
            return False
        return came < before and self._rows.pop(key, None) is not None

    def clear(self) -> None:
        """Forget every row: what the store holds of them is not known."""
        self._rows.clear()
