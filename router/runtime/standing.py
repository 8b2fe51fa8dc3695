"""Owns: the store as it is given to who carries a command: it writes as long as the row stands.
Imports: core, infra.store.
Never: lets two write what becomes of one row.

A command may be in two hands at once, where a broker delivers it twice. The row of the queue is the
right to write: who writes about it holds it until the commit, and who comes later finds it gone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from router.core.errors import RouterError
from router.infra.store.guarded import Guarded
from router.infra.store.store import Job, Store
from router.infra.store.transaction import Transaction

T = TypeVar("T")


class Gone(RouterError):
    """The row is not in the queue any more: others have dealt with it."""

    code = "gone"


class Standing(Guarded):
    """A store whose jobs fail, and leave no trace, once the row that a thread is about is gone."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._here = threading.local()

    @contextmanager
    def about(self, row: int) -> Iterator[None]:
        """Let all that this thread writes be about a row. Within, jobs may raise Gone."""
        self._here.row = row
        try:
            yield
        finally:
            self._here.row = 0

    def _held(self, job: Job[T]) -> Job[T]:
        row = int(getattr(self._here, "row", 0))

        def held(transaction: Transaction) -> T:
            if row and not transaction.hold_rows([row], wait=True):
                raise Gone("its row has gone")
            return job(transaction)

        return held
