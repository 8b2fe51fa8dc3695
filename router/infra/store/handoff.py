"""Owns: rows that this process has just stored, as values: the loop need not decode them again.
Imports: infra.store.rows.
Never: the only place of a row (the database is); holds a row before it is committed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from router.infra.store.rows import Queued

#: rows kept; at 10 kB a decoded message some 10 MB
MOST = 1024


class Handoff:
    """Rows by message and consumer, each taken once. Safe for many threads.

    A row that is not here is decoded from the store: nothing depends on its being here.
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[str, str], Queued] = OrderedDict()

    def put(self, rows: Iterable[Queued]) -> None:
        """Keep rows for whoever reads them next; the oldest are forgotten."""
        for row in rows:
            self._rows[row.message.id, row.consumer] = row
        while len(self._rows) > MOST:
            try:
                self._rows.popitem(last=False)
            except KeyError:  # taken by another thread meanwhile
                return

    def take(self, message_id: str, consumer: str) -> Queued | None:
        """Return a row and forget it; None when it is not here."""
        return self._rows.pop((message_id, consumer), None)

    def clear(self) -> None:
        """Forget every row: what the store holds of them is not known."""
        self._rows.clear()
