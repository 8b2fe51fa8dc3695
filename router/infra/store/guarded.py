"""Owns: the store as it is given to who may write on a condition: all else is as the store does.
Imports: infra.store.
Never: says what the condition is (who is derived from it does).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from router.infra.store.pending import Pending
from router.infra.store.reader import Reader
from router.infra.store.store import Job, Store

T = TypeVar("T")


class Guarded(Store):
    """A store behind a guard: each job is held against it in the transaction of the job."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @abstractmethod
    def _held(self, job: Job[T]) -> Job[T]:
        """Return a job that fails, and leaves no trace, where it may not write."""

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

    def submit(self, job: Job[T], *, alone: bool = False) -> Pending[T]:
        """As the store does, where the guard lets it."""
        return self._store.submit(self._held(job), alone=alone)

    def write(self, job: Job[T], *, alone: bool = False) -> T:
        """As the store does, where the guard lets it."""
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
