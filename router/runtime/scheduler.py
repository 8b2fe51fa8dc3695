"""Owns: turning due rows into messages on their way.
Imports: core, infra.store.
Never: decides what a message's time is.
"""

from __future__ import annotations

from datetime import datetime

from router.core.ports import Clock
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.failpoints import reach

#: due rows of one transaction
BATCH = 256


class Scheduler:
    """Moves rows whose time has come back to their lanes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def step(self) -> int:
        """Move one batch; return how many rows were moved. Raises Unavailable."""
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
