"""Owns: states of limits and breakers that this process keeps for itself.
Imports: core.ports, engine.admission.
Never: decides (who asks brings the decision); waits.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from router.core.ports import Clock, Shelf
from router.engine.admission import Change, Moment

if TYPE_CHECKING:
    from router.infra.store.store import Store
    from router.runtime.feed import Feed

#: states kept at once: beyond it those go first that nobody has used for longest
MOST = 50_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)

Decide = Callable[[Sequence[Any], Moment], Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Others cannot be asked: since when, why, and the percentage of each limit that is ours."""

    since: datetime
    why: str
    share: int


class States(Protocol):
    """Where the states of systems are kept, and changed by one caller at a time."""

    @property
    def apart(self) -> Apart | None:
        """Return why this process counts for itself though others do, None when it need not."""

    def look(self) -> None:
        """See whether those that could not be asked can be asked again."""

    def shelf(self, revision: str) -> Shelf | None:
        """Return the answers that others asked for by the same configuration."""

    def feed(self, store: Store) -> Feed | None:
        """Return who shows others the journal of a store, None when nobody does."""

    def close(self) -> None:
        """Let go of connections."""

    def change(self, system: str, keys: Sequence[str], decide: Decide) -> Change:
        """Give the states of a system to a decision and keep what it makes of them.

        All of them or none; two callers never see the same states. `decide` may be called again
        with others, as long as nothing is kept.
        """


def micros(at: datetime) -> int:
    """Return a time as whole microseconds since 1970."""
    return (at - _EPOCH) // _MICRO


class LocalStates:
    """States in memory. Safe for many threads.

    What was called before this process began is not known to it: its buckets begin empty.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: how far the clock of those states is ahead of ours, in microseconds
        self._ahead = 0
        self._origin = micros(clock.now())
        self._kept: OrderedDict[str, Any] = OrderedDict()

    apart: Apart | None = None

    def look(self) -> None:
        """There is nobody else."""

    def shelf(self, revision: str) -> None:
        """There are no answers of others."""

    def feed(self, store: Store) -> None:
        """There is nobody to look on."""

    def close(self) -> None:
        """Hold nothing."""

    def change(self, system: str, keys: Sequence[str], decide: Decide) -> Change:
        """Change states as `States` says: this process has all of each limit."""
        return self.change_part(system, keys, decide, 100)

    def change_part(self, system: str, keys: Sequence[str], decide: Decide, share: int) -> Change:
        """Change states of which `share` percent is this process's part."""
        names = [f"{system}:{key}" for key in keys]
        with self._lock:
            moment = Moment(now=self._now(), origin=self._origin, share=share)
            change = decide([self._kept.get(name) for name in names], moment)
            self._put(names, change.values)
        return change

    def mirror(self, system: str, keys: Sequence[str], values: Sequence[Any], now: int) -> None:
        """Remember states that are kept elsewhere, for when they cannot be had there.

        `now` is the time there, by which they go on.
        """
        with self._lock:
            self._ahead = now - micros(self._clock.now())
            self._put([f"{system}:{key}" for key in keys], values)

    def begin_anew(self) -> None:
        """Take every bucket for empty from now on: others have used them, too."""
        with self._lock:
            self._origin = self._now()

    def _now(self) -> int:
        return micros(self._clock.now()) + self._ahead

    def _put(self, names: Sequence[str], values: Sequence[Any]) -> None:
        for name, value in zip(names, values, strict=True):
            self._kept[name] = value
            self._kept.move_to_end(name)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
