"""Owns: whether a system that fails is left alone: a breaker as a value over time.
Imports: engine.limits (slots, units).
Never: reads a clock, does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from router.engine.limits import LONGEST_PAUSE, Slots, slots_of

#: parts of the window that are forgotten one by one
PARTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLaw:
    """When it opens, in microseconds."""

    failures: int
    share: int
    within: int
    open_for: int
    probes: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """Counts of the last calls; open until a time; then the calls that try.

    `counts` are (number of the part of the window, calls, failures). `open_until` 0 = closed; once
    it has passed, the breaker is half open: some calls try, the first good one closes it.
    """

    counts: tuple[tuple[int, int, int], ...] = ()
    open_until: int = 0
    probing: Slots = field(default_factory=Slots)

    def at(self, law: BreakerLaw, now: int, lease: int) -> Breaker:
        """Return the breaker as it stands now: what is too old is forgotten.

        A time that is longer ahead than it can be (of a clock that ran ahead) is cut.
        """
        first = now * PARTS // law.within - PARTS
        until = min(self.open_until, now + max(law.open_for, LONGEST_PAUSE))
        kept = tuple(one for one in self.counts if first < one[0] <= first + PARTS)
        return Breaker(kept, until, self.probing.at(now, lease))

    @property
    def is_closed(self) -> bool:
        """Whether calls go as they come."""
        return not self.open_until

    def wait(self, law: BreakerLaw, now: int) -> int:
        """Return how long the next call has to wait, 0 = it may go (half open: as a trial)."""
        if self.is_closed:
            return 0
        if now < self.open_until:
            return self.open_until - now
        return self.probing.wait(law.probes, now)

    def tried_by(self, who: str, until: int) -> Breaker:
        """Return the breaker with one more call under way; closed, it does not care."""
        return self if self.is_closed else replace(self, probing=self.probing.plus(who, until))

    def without(self, who: str) -> Breaker:
        """Return the breaker with a call back that said nothing about the far side."""
        return replace(self, probing=self.probing.minus(who))

    def heard(self, law: BreakerLaw, now: int, *, failed: bool, wish: int = 0) -> Breaker:
        """Return the breaker after a call has come back; `wish` is how long they ask for rest.

        While it is open, calls of before tell nothing new; half open, any of them decides.
        """
        if not self.is_closed:
            if now < self.open_until:
                return self
            return self.opened(law, now, wish) if failed else Breaker()
        counts = _plus(self.counts, now * PARTS // law.within, int(failed))
        counted = replace(self, counts=counts)
        return counted.opened(law, now, wish) if counted.is_bad(law) else counted

    def opened(self, law: BreakerLaw, now: int, wish: int = 0) -> Breaker:
        """Return the breaker that lets no call go for as long as it says, or they wish."""
        return Breaker(self.counts, now + max(law.open_for, min(wish, LONGEST_PAUSE)))

    def is_bad(self, law: BreakerLaw) -> bool:
        """Return whether so many calls of the window failed that it has to open."""
        calls, failures = self.failures()
        return failures >= law.failures and failures * 100 >= calls * law.share

    def failures(self) -> tuple[int, int]:
        """Return how many calls were counted, and how many of them failed."""
        return sum(calls for _, calls, _ in self.counts), sum(bad for _, _, bad in self.counts)

    def idle_at(self, law: BreakerLaw) -> int:
        """Return from when on it is as if there had been no call."""
        last = max((part for part, _, _ in self.counts), default=0)
        forgotten = (last + PARTS + 1) * law.within // PARTS if self.counts else 0
        # open, it stays so until a call has tried
        return LONGEST_PAUSE + self.open_until if self.open_until else forgotten

    def packed(self) -> list[object]:
        """Return it as JSON values."""
        return [
            [list(one) for one in self.counts],
            self.open_until,
            [list(one) for one in self.probing.holders],
        ]


def breaker_of(kept: Sequence[object] | None) -> Breaker:
    """Return a breaker that was kept as JSON values."""
    if kept is None:
        return Breaker()
    counts, until, probing = kept
    assert isinstance(counts, list)
    assert isinstance(probing, list)
    made = tuple((int(part), int(calls), int(bad)) for part, calls, bad in counts)
    return Breaker(made, int(str(until)), slots_of(probing))


def _plus(
    counts: tuple[tuple[int, int, int], ...], part: int, failed: int
) -> tuple[tuple[int, int, int], ...]:
    """Return counts with one more call in a part of the window."""
    if counts and counts[-1][0] == part:
        _, calls, bad = counts[-1]
        return (*counts[:-1], (part, calls + 1, bad + failed))
    return (*counts, (part, 1, failed))
