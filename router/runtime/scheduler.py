"""Owns: turning due rows into messages on their way; between them, forgetting what has ended.
Imports: core, infra.store, runtime.retention.
Never: decides what a message's time is.
"""

from __future__ import annotations

from datetime import datetime

from router.core.ports import Clock
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.failpoints import reach
from router.runtime.retention import Retention

#: due rows of one transaction
BATCH = 256


class Scheduler:
    """Moves rows whose time has come back to their lanes."""

    def __init__(self, store: Store, clock: Clock, retention: Retention | None = None) -> None:
        self._store = store
        self._clock = clock
        self._retention = retention

    def step(self) -> int:
        """Move one batch; return how many rows were moved. Raises Unavailable.

        Where none is due, a little of what has ended is forgotten; that leaves time for the others.
        """
        moved = self._move()
        if not moved and self._retention is not None:
            self._retention.step()
        return moved

    def _move(self) -> int:
        with self._store.read() as reader:
            rows = reader.due(self._clock.now(), BATCH)
        if not rows:
            return 0

        def job(transaction: Transaction) -> None:
            transaction.take_due([(row.message.id, row.consumer) for row in rows])
            transaction.enqueue(
                Queued(lane=row.lane, consumer=row.consumer, message=row.message, extra=row.extra)
                for row in rows
            )

        reach("scheduler.before_commit")
        self._store.write(job)
        reach("scheduler.after_commit")
        return len(rows)

    def next_at(self) -> datetime | None:
        """Return when the next row is due, None when there is none."""
        with self._store.read() as reader:
            return reader.next_due()
