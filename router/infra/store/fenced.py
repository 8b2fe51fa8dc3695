"""Owns: the store as it is given to who leads something: it writes as long as that leads.
Imports: infra.store.
Never: writes in another life of the connection than the one by which it leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from router.core.errors import Unavailable
from router.infra.store.pending import Pending
from router.infra.store.reader import Reader
from router.infra.store.store import Job, Store
from router.infra.store.transaction import Transaction

T = TypeVar("T")


class Fenced(Store):
    """A store whose jobs fail, and leave no trace, once the connection that writes is a new one:
    another process may lead by then what they are about.
    """

    def __init__(self, store: Store, leads: frozenset[str], life: int) -> None:
        """`leads` are the units that are led, in that life of the connection; a lane is a unit."""
        self._store = store
        self._leads = leads
        self._life = life
        store.forget_wakers()

    @property
    def revision(self) -> str:
        """Return the revision that stamps the journal."""
        return self._store.revision

    @property
    def is_shared(self) -> bool:
        """Return whether other processes may write beside this one."""
        return self._store.is_shared

    @property
    def life(self) -> int:
        """Return which connection writes now."""
        return self._store.life

    @property
    def plain(self) -> Store:
        """Return the store as who leads nothing writes to it."""
        return self._store

    def wake(self, lane: str, waker: Callable[[], None]) -> None:
        """As the store does, of a lane that is led."""
        if lane in self._leads:
            self._store.wake(lane, waker)

    def submit(self, job: Job[T], *, alone: bool = False) -> Pending[T]:
        """As the store does, as long as it leads."""
        return self._store.submit(self._held(job), alone=alone)

    def write(self, job: Job[T], *, alone: bool = False) -> T:
        """As the store does, as long as it leads."""
        return self._store.write(self._held(job), alone=alone)

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """As the store does."""
        with self._store.read() as reader:
            yield reader

    @contextmanager
    def glance(self) -> Iterator[Reader]:
        """As the store does."""
        with self._store.glance() as reader:
            yield reader

    def _held(self, job: Job[T]) -> Job[T]:
        def held(transaction: Transaction) -> T:
            if self._store.life != self._life:
                raise Unavailable("the connection to the store was lost, and what it led with it")
            return job(transaction)

        return held
