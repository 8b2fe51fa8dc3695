"""Owns: what becomes of a job for the store, for whoever waits for it.
Imports: nothing of the router.
Never: runs a job.

A `concurrent.futures.Future` has a lock of its own, taken five times: a thirteenth of the cost of a
message. Jobs of one commit are settled together, so one lock does for all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Pending(Generic[T]):
    """A job that is done, or has failed and left no trace, some time. Safe for many threads."""

    __slots__ = ("_bell", "_calls", "_error", "_settled", "_value", "alone", "job")

    def __init__(
        self, job: Callable[..., T], bell: threading.Condition, *, alone: bool = False
    ) -> None:
        """`bell` is shared by all jobs of a store; one that is `alone` runs beside no other
        process's.
        """
        self.job = job
        self.alone = alone
        self._bell = bell
        self._settled = False
        self._value: T
        self._error: BaseException | None = None
        self._calls: tuple[Callable[[], object], ...] = ()

    def done(self) -> bool:
        """Return whether it is known what became of it."""
        return self._settled

    def result(self, timeout: float | None = None) -> T:
        """Return what the job gave, once it is on disk. Raises what it raised, or TimeoutError.

        `timeout` is in seconds.
        """
        error = self.exception(timeout)
        if error is not None:
            raise error
        return self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the job raised, None when it is on disk. Raises TimeoutError."""
        if not self._settled:
            with self._bell:
                if not self._bell.wait_for(self.done, timeout):
                    raise TimeoutError
        return self._error

    def when_done(self, call: Callable[[], object]) -> None:
        """Call back once it is known what became of it, from any thread; `call` does not raise."""
        with self._bell:
            if not self._settled:
                self._calls += (call,)
                return
        call()

    def succeed(self, value: T) -> None:
        """Note what the job gave; `settle` tells it."""
        self._value, self._error = value, None

    def fail(self, error: BaseException) -> None:
        """Note what the job raised; `settle` tells it."""
        self._error = error


def settle(group: Iterable[Pending[object]], bell: threading.Condition) -> None:
    """Tell all who wait for these jobs what became of them.

    Who is told mostly holds the job: it does not hold them in turn, or each message would stay in
    memory until Python looks for cycles.
    """
    calls: list[Callable[[], object]] = []
    with bell:
        for one in group:
            one._settled = True  # noqa: SLF001 (one noun: a job, and what is known of it)
            calls += one._calls  # noqa: SLF001
            one._calls = ()  # noqa: SLF001
        bell.notify_all()
    for call in calls:
        call()
