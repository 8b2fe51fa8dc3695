"""Owns: forgetting instances that ended long ago, as their workflow says; a tombstone stays.
Imports: core, config, infra.store.
Never: forgets what has not ended, or what rows may wait for; holds the store for longer than a
piece.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from router.config.project import Project
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction

#: from one look to the next
EVERY = timedelta(minutes=5)
#: instances of one transaction
PIECE = 64


class Forgetting:
    """Forgets instances of a project's workflows. One thread calls `step`."""

    def __init__(self, store: Store, project: Project) -> None:
        self._store = store
        self._workflows = project.workflows
        self._next: datetime | None = None

    def step(self, now: datetime, held: frozenset[str] = frozenset()) -> int:
        """Forget a piece of what is old enough; return how many instances. Raises Unavailable.

        Of workflows that are held back nothing goes: rows may wait for what has ended. Where there
        is no more, nothing is looked at for a while.
        """
        if not self._workflows or (self._next is not None and now < self._next):
            return 0
        gone = sum(self._forget(name, now) for name in self._workflows.keys() - held)
        if not gone:
            if not held:  # rows that wait may be about any of them
                self._store.write(partial(self._forget_rest, now))
            self._next = now + EVERY
        return gone

    def _forget_rest(self, now: datetime, transaction: Transaction) -> None:
        """Forget that instances were forgotten, and that events were ambiguous, long ago."""
        transaction.forget_tombstones(now)
        for name, workflow in self._workflows.items():
            transaction.forget_ambiguities(name, now - workflow.file.retain.closed)

    def _forget(self, name: str, now: datetime) -> int:
        retain = self._workflows[name].file.retain
        with self._store.read() as reader:
            ended = reader.instances.ended(name, now - retain.closed, PIECE)
        if not ended:
            return 0

        def job(transaction: Transaction) -> None:
            for one in ended:
                until = (one.ended_at or one.at) + retain.tombstone
                transaction.forget_instance(one, until)

        self._store.write(job)
        return len(ended)
