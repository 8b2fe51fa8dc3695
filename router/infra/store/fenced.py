"""Owns: the store as it is given to who leads something: it writes as long as that leads.
Imports: infra.store.
Never: writes in another life of the connection than the one by which it leads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from router.core.errors import Unavailable
from router.infra.store.guarded import Guarded
from router.infra.store.store import Job, Store
from router.infra.store.transaction import Transaction

T = TypeVar("T")


class Fenced(Guarded):
    """A store whose jobs fail, and leave no trace, once the connection that writes is a new one:
    another process may lead by then what they are about.
    """

    def __init__(self, store: Store, leads: frozenset[str], life: int) -> None:
        """`leads` are the units that are led, in that life of the connection; a lane is a unit."""
        super().__init__(store)
        self._leads = leads
        self._life = life
        store.forget_wakers()

    @property
    def plain(self) -> Store:
        """Return the store as who leads nothing writes to it."""
        return self._store

    def wake(self, lane: str, waker: Callable[[], None]) -> None:
        """As the store does, of a lane that is led."""
        if lane in self._leads:
            self._store.wake(lane, waker)

    def _held(self, job: Job[T]) -> Job[T]:
        def held(transaction: Transaction) -> T:
            if self._store.life != self._life:
                raise Unavailable("the connection to the store was lost, and what it led with it")
            return job(transaction)

        return held
