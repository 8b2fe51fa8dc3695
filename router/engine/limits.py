"""Owns: what bounds calls over time: a bucket for a rate, slots for calls at once.
Imports: nothing of the router.
Never: reads a clock, does I/O: a state and a time give the next state and how long to wait.

Times are whole microseconds since 1970, so that states can be kept as JSON and nothing is rounded
but the pause between two calls, which is rounded up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

SECOND = 1_000_000
MINUTE = 60 * SECOND
#: how long a far side may pause us at once
LONGEST_PAUSE = 24 * 3600 * SECOND
#: when to look again for something that others give back: a slot
PEEK = SECOND // 4


@dataclass(frozen=True, slots=True)
class Rate:
    """One call each `interval` microseconds, after a rest `burst` of them at once."""

    interval: int
    burst: int

    @property
    def refill(self) -> int:
        """Return how long an empty bucket takes to be full."""
        return self.interval * self.burst

    def part(self, share: int) -> Rate:
        """Return `share` percent of the rate; of the burst at least one call."""
        return Rate(-(-self.interval * 100 // share), max(1, self.burst * share // 100))


def rate_of(per_minute: int, burst: int) -> Rate:
    """Return a rate of calls a minute."""
    return Rate(-(-MINUTE // per_minute), burst)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many calls have gone, as the time at which all of them are earned; and a pause.

    The bucket is full when `earned_at` has passed, empty when it lies `refill` ahead.
    """

    earned_at: int = 0
    paused_until: int = 0

    def at(self, rate: Rate, now: int, empty_at: int) -> Bucket:
        """Return the bucket as it stands: empty at `empty_at`, from which on nothing is known.

        Times that no bucket of this rate can have (of a clock that ran ahead, of another rate)
        count as an empty bucket that owes one call.
        """
        earned = max(self.earned_at, min(empty_at, now) + rate.refill, now)
        paused = min(self.paused_until, now + LONGEST_PAUSE)
        return Bucket(min(earned, now + rate.refill + rate.interval), paused)

    def wait(self, rate: Rate, now: int) -> int:
        """Return how long the next call has to wait, 0 = it may go."""
        return max(0, self.earned_at - now - rate.refill + rate.interval, self.paused_until - now)

    def less(self, rate: Rate) -> Bucket:
        """Return the bucket after one more call, whether it was there or is owed."""
        return replace(self, earned_at=self.earned_at + rate.interval)

    def paused(self, until: int) -> Bucket:
        """Return the bucket that gives nothing until then; a longer pause stays."""
        return replace(self, paused_until=max(self.paused_until, until))

    def emptied(self, rate: Rate, now: int) -> Bucket:
        """Return the empty bucket: the far side says that nothing is left."""
        return replace(self, earned_at=max(self.earned_at, now + rate.refill))

    def idle_at(self) -> int:
        """Return from when on it is as if there had been no call."""
        return max(self.earned_at, self.paused_until)


@dataclass(frozen=True, slots=True)
class Slots:
    """Who is under way, and until when at the latest: who died gives its slot back then."""

    holders: tuple[tuple[str, int], ...] = ()

    def at(self, now: int, lease: int) -> Slots:
        """Return those that are still under way; nobody holds longer than a lease from now."""
        return Slots(tuple((who, min(to, now + lease)) for who, to in self.holders if to > now))

    def wait(self, most: int, now: int) -> int:
        """Return how long to wait before looking again, 0 = there is room."""
        if len(self.holders) < most:
            return 0
        return max(1, min(PEEK, min(to for _, to in self.holders) - now))

    def plus(self, who: str, until: int) -> Slots:
        """Return the slots with one more holder."""
        return Slots((*self.holders, (who, until)))

    def minus(self, who: str) -> Slots:
        """Return the slots without a holder; without it already, they stay."""
        return Slots(tuple(one for one in self.holders if one[0] != who))

    def idle_at(self) -> int:
        """Return from when on nobody holds a slot."""
        return max((to for _, to in self.holders), default=0)


def part_of(most: int, share: int) -> int:
    """Return `share` percent of a number of calls, at least one."""
    return max(1, most * share // 100)


def packed(state: Bucket | Slots) -> list[object]:
    """Return a state as JSON values."""
    if isinstance(state, Bucket):
        return [state.earned_at, state.paused_until]
    return [list(one) for one in state.holders]


def bucket_of(kept: Sequence[int] | None) -> Bucket:
    """Return a bucket that was kept as JSON values."""
    return Bucket() if kept is None else Bucket(int(kept[0]), int(kept[1]))


def slots_of(kept: Sequence[Sequence[object]] | None) -> Slots:
    """Return slots that were kept as JSON values."""
    return Slots(tuple((str(who), int(str(to))) for who, to in kept or ()))
