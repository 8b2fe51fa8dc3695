"""Owns: whether a call may go: every limit that counts it, and the breaker, as one decision.
Imports: engine.breaker, engine.limits.
Never: reads a clock, does I/O, knows where states are kept: JSON values and a moment come in, JSON
values and a verdict go out, so that whoever keeps them can write all of them or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from router.engine.breaker import Breaker, BreakerLaw, breaker_of
from router.engine.limits import (
    Bucket,
    Rate,
    Slots,
    bucket_of,
    packed,
    part_of,
    slots_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One limit that counts a call: a rate, or a number at once."""

    #: its name, and what it allows, for people
    name: str
    allows: str
    #: the name of its state
    key: str
    #: others than the calls of this state go on when it holds one
    alone: bool
    rate: Rate | None = None
    most: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When and how states are looked at, in microseconds.

    `origin` is since when calls are counted where the states are kept: a bucket was empty then.
    `share` is the percentage of each limit that is ours.
    """

    now: int
    origin: int
    share: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One call: its name, and how long it holds a slot at most, in microseconds."""

    who: str
    lease: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a call told about the far side: well or not, too many calls, how long it wants rest."""

    failed: bool = False
    too_many: bool = False
    wish: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a call has to wait, and how long, in microseconds."""

    wait: int
    why: str
    alone: bool
    #: how long the ones behind it have to stand apart
    apart: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """States to be kept, each with the time from which on it need not be (None = for good)."""

    values: tuple[Any, ...]
    until: tuple[int | None, ...]
    hold: Hold | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """The states of a gate as they stand at a moment."""

    states: tuple[Bucket | Slots, ...]
    breaker: Breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """All that a call of one operation has to pass. States go in and out in the order of `keys`."""

    laws: tuple[Law, ...]
    breaker: BreakerLaw | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the names of its states: the breaker, the limits."""
        return ("breaker", *(law.key for law in self.laws))

    def take(self, kept: Sequence[Any], moment: Moment, trip: Trip) -> Change:
        """Let a call go, counted by every limit, or hold it, counted by none."""
        stand = self._stand(kept, moment, trip.lease)
        hold = self._hold(stand, moment)
        if hold is not None:
            return self._change(stand, hold)
        until = moment.now + trip.lease
        states = tuple(
            state.less(_rate(law, moment))
            if isinstance(state, Bucket)
            else state.plus(trip.who, until)
            for law, state in zip(self.laws, stand.states, strict=True)
        )
        tried = stand.breaker.tried_by(trip.who, until)
        return self._change(replace(stand, states=states, breaker=tried))

    def owe(self, kept: Sequence[Any], moment: Moment, trip: Trip) -> Change:
        """Count one more call of a trip that is under way, whether there is room for it or not."""
        stand = self._stand(kept, moment, trip.lease)
        states = tuple(
            state.less(_rate(law, moment)) if isinstance(state, Bucket) else state
            for law, state in zip(self.laws, stand.states, strict=True)
        )
        return self._change(replace(stand, states=states))

    def back(self, kept: Sequence[Any], moment: Moment, trip: Trip, heard: Heard | None) -> Change:
        """Give back what a call held, and take in what it told; None = it never left.

        A wish for rest pauses the narrowest of the buckets that counted the call.
        """
        stand = self._stand(kept, moment, trip.lease)
        states = [one.minus(trip.who) if isinstance(one, Slots) else one for one in stand.states]
        for index in self._paused(heard):
            law, state = self.laws[index], states[index]
            assert isinstance(state, Bucket), "only buckets are paused"
            assert heard is not None
            states[index] = (
                state.paused(moment.now + heard.wish)
                if heard.wish
                else state.emptied(_rate(law, moment), moment.now)
            )
        breaker = stand.breaker.without(trip.who)
        if heard is not None and self.breaker is not None:
            breaker = breaker.heard(self.breaker, moment.now, failed=heard.failed, wish=heard.wish)
        return self._change(replace(stand, states=tuple(states), breaker=breaker))

    def asks_back(self, heard: Heard | None) -> bool:
        """Return whether a call that is over changes anything."""
        slots = any(law.rate is None for law in self.laws)
        return slots or self.breaker is not None or bool(self._paused(heard))

    def _paused(self, heard: Heard | None) -> list[int]:
        """Return which of the limits a call's answer asks to give nothing for a while."""
        if heard is None or not (heard.wish or heard.too_many):
            return []
        rates = [index for index, law in enumerate(self.laws) if law.rate is not None]
        alone = [index for index in rates if self.laws[index].alone]
        return alone or rates

    def _stand(self, kept: Sequence[Any], moment: Moment, lease: int) -> _Stand:
        states = tuple(
            bucket_of(one).at(_rate(law, moment), moment.now, moment.origin)
            if law.rate is not None
            else slots_of(one).at(moment.now, lease)
            for law, one in zip(self.laws, kept[1:], strict=True)
        )
        breaker = breaker_of(kept[0])
        if self.breaker is not None:
            breaker = breaker.at(self.breaker, moment.now, lease)
        return _Stand(states=states, breaker=breaker)

    def _hold(self, stand: _Stand, moment: Moment) -> Hold | None:
        """Return the longest hold; one that concerns every call comes before one that does not."""
        holds = []
        if self.breaker is not None:
            wait = stand.breaker.wait(self.breaker, moment.now)
            holds += [Hold(wait=wait, why=_failed(stand.breaker), alone=False, apart=0)]
        for law, state in zip(self.laws, stand.states, strict=True):
            if isinstance(state, Bucket):
                rate = _rate(law, moment)
                wait, apart = state.wait(rate, moment.now), rate.interval
                what = "paused by the far side" if state.paused_until > moment.now else law.allows
            else:
                most = part_of(law.most, moment.share)
                wait = apart = state.wait(most, moment.now)
                what = law.allows
            holds.append(
                Hold(wait=wait, why=f"limit {law.name}: {what}", alone=law.alone, apart=apart)
            )
        held = [one for one in holds if one.wait]
        return max(held, key=lambda one: (not one.alone, one.wait), default=None)

    def _change(self, stand: _Stand, hold: Hold | None = None) -> Change:
        law = self.breaker
        return Change(
            values=(
                None if stand.breaker == Breaker() else stand.breaker.packed(),
                *(packed(one) for one in stand.states),
            ),
            until=(
                0 if law is None else stand.breaker.idle_at(law),
                *(one.idle_at() for one in stand.states),
            ),
            hold=hold,
        )


def _rate(law: Law, moment: Moment) -> Rate:
    assert law.rate is not None, "asked for limits with a rate"
    return law.rate if moment.share == 100 else law.rate.part(moment.share)


def _failed(breaker: Breaker) -> str:
    calls, failures = breaker.failures()
    return f"breaker: {failures} of {calls} calls failed"
