"""Limits and breakers: a state and a time give the next state; never more goes than is declared."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine.admission import Change, Gate, Heard, Law, Moment, Trip
from router.engine.breaker import BreakerLaw
from router.engine.limits import MINUTE, PEEK, SECOND, Bucket, Rate, Slots, rate_of

#: an hour after the beginning of time
HOUR = 3600 * SECOND
LAW = BreakerLaw(failures=3, share=50, within=MINUTE, open_for=30 * SECOND, probes=1)
LEASE = 10 * SECOND


class Kept:
    """Where the states of one gate are kept."""

    def __init__(self, gate: Gate, *, now: int = HOUR, origin: int = 0) -> None:
        self.gate = gate
        self.now = now
        self.origin = origin
        self.share = 100
        self.values: tuple[Any, ...] = (None,) * len(gate.keys)
        self._trips = 0

    def moment(self) -> Moment:
        return Moment(now=self.now, origin=self.origin, share=self.share)

    def keep(self, change: Change) -> Change:
        self.values = tuple(json.loads(json.dumps(change.values)))  # as they are kept elsewhere
        return change

    def take(self) -> Trip | None:
        """Return the call that may go, or None."""
        self._trips += 1
        trip = Trip(who=str(self._trips), lease=LEASE)
        return None if self.keep(self.gate.take(self.values, self.moment(), trip)).hold else trip

    def wait(self) -> int:
        """Return how long the next call has to wait; it is not made."""
        hold = self.gate.take(self.values, self.moment(), Trip(who="x", lease=LEASE)).hold
        return 0 if hold is None else hold.wait

    def back(self, trip: Trip, heard: Heard | None = None) -> None:
        self.keep(self.gate.back(self.values, self.moment(), trip, heard))


def rate_gate(per_minute: int, burst: int, breaker: BreakerLaw | None = None) -> Gate:
    law = Law(name="calls", allows="", key="calls", alone=False, rate=rate_of(per_minute, burst))
    return Gate(laws=(law,), breaker=breaker)


def slots_gate(most: int) -> Gate:
    return Gate(laws=(Law(name="open", allows="", key="open", alone=False, most=most),))


def test_after_a_rest_a_burst_goes_and_then_one_each_interval() -> None:
    kept = Kept(rate_gate(120, 3))
    assert [bool(kept.take()) for _ in range(4)] == [True, True, True, False]
    assert kept.wait() == SECOND // 2
    kept.now += SECOND // 2
    assert [bool(kept.take()) for _ in range(2)] == [True, False]


def test_a_bucket_of_which_nothing_is_known_begins_empty() -> None:
    kept = Kept(rate_gate(60, 5), origin=HOUR)
    assert kept.wait() == SECOND
    kept.now += 5 * SECOND
    assert [bool(kept.take()) for _ in range(6)] == [True] * 5 + [False]


@given(
    st.integers(1, 6000),
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(0, 3 * SECOND), st.sampled_from(["call", "lose", "away"]))),
)
def test_never_more_go_than_burst_and_rate_whatever_becomes_of_the_states(
    per_minute: int, burst: int, acts: list[tuple[int, str]]
) -> None:
    """Lost states, and four who count by a quarter each while they cannot agree."""
    gate = rate_gate(per_minute, burst)
    shared = Kept(gate)
    parts = [Kept(gate) for _ in range(4)]
    rate = rate_of(per_minute, burst)
    gone: list[int] = []
    now = counted = HOUR  # from the latter on all of them count together
    apart = False
    for span, act in acts:
        now += span
        if act != "call" and not apart:
            for one in parts:
                one.values, one.origin, one.share = (None,) * len(gate.keys), now, 25
        if act == "lose":
            shared.values = (None,) * len(gate.keys)
        if act != "call":
            counted = shared.origin = now + 6 * SECOND
        apart = now < counted
        for one in parts if apart else [shared]:
            one.now = now
            while one.take() is not None:
                gone.append(now)
    for first, begun in enumerate(gone):
        for last in range(first, len(gone)):
            assert last - first + 1 <= max(burst, 4) + (gone[last] - begun) // rate.interval


@given(st.integers(0, 10**18), st.integers(0, 10**18), st.integers(1, 6000), st.integers(1, 50))
def test_a_state_of_another_clock_holds_nobody_longer_than_an_empty_bucket(
    earned: int, origin: int, per_minute: int, burst: int
) -> None:
    rate = rate_of(per_minute, burst)
    stands = Bucket(earned).at(rate, HOUR, origin)
    assert stands.wait(rate, HOUR) <= 2 * rate.interval


@pytest.mark.parametrize(("share", "calls"), [(100, 8), (50, 4), (25, 2), (1, 1)])
def test_a_share_is_a_part_of_rate_and_burst(share: int, calls: int) -> None:
    kept = Kept(rate_gate(480, 8))
    kept.share = share
    assert len([1 for _ in range(9) if kept.take()]) == calls
    assert kept.wait() == -(-SECOND * 100 // (8 * share))
    assert Rate(SECOND, 8).part(share).burst == calls


def test_slots_are_given_back_or_end_with_their_lease() -> None:
    kept = Kept(slots_gate(2))
    first = kept.take()
    assert first is not None
    assert kept.take() is not None
    assert kept.take() is None
    assert kept.wait() == PEEK
    kept.back(first)
    assert kept.take() is not None
    kept.back(first)  # a second time: it has none
    assert kept.take() is None
    kept.now += LEASE
    assert [bool(kept.take()) for _ in range(3)] == [True, True, False]
    assert Slots((("x", 10**18),)).at(HOUR, LEASE).holders == (("x", HOUR + LEASE),)


def test_a_call_that_is_held_by_one_limit_is_counted_by_none() -> None:
    both = Gate(laws=(*rate_gate(60, 2).laws, *slots_gate(1).laws))
    kept = Kept(both)
    trip = kept.take()
    assert trip is not None
    assert kept.take() is None  # no slot: and the bucket keeps its second call
    kept.back(trip)
    assert kept.take() is not None


def test_a_call_that_follows_at_once_is_owed() -> None:
    kept = Kept(rate_gate(60, 1))
    trip = kept.take()
    assert trip is not None
    kept.keep(kept.gate.owe(kept.values, kept.moment(), trip))
    assert kept.wait() == 2 * SECOND


def test_what_the_far_side_asks_for_pauses_the_narrowest_bucket() -> None:
    wide = rate_gate(60, 5).laws[0]
    shop = Law(name="shop", allows="", key="shop:1", alone=True, rate=rate_of(60, 5))
    kept = Kept(Gate(laws=(wide, shop)))
    trip = kept.take()
    assert trip is not None
    kept.back(trip, Heard(too_many=True, wish=90 * SECOND))
    assert kept.wait() == 90 * SECOND
    other = Kept(Gate(laws=(wide,)))
    other.values = kept.values[:2]
    assert other.wait() == 0
    kept.back(trip, Heard(too_many=True, wish=10**15))
    assert kept.wait() == 24 * HOUR  # nobody parks us for longer


def test_too_many_calls_without_a_wish_empty_the_bucket() -> None:
    kept = Kept(rate_gate(60, 5))
    trip = kept.take()
    assert trip is not None
    kept.back(trip, Heard(too_many=True))
    assert kept.wait() == SECOND


def test_a_breaker_opens_tries_and_closes() -> None:
    kept = Kept(Gate(laws=(), breaker=LAW))
    for _ in range(3):
        trip = kept.take()
        assert trip is not None
        kept.back(trip, Heard(failed=True))
    assert kept.wait() == 30 * SECOND
    kept.now += 30 * SECOND
    trial = kept.take()
    assert trial is not None
    assert kept.take() is None, "one tries at a time"
    kept.back(trial, Heard(failed=True))
    assert kept.wait() == 30 * SECOND
    kept.now += 30 * SECOND
    trial = kept.take()
    assert trial is not None
    kept.back(trial, Heard())
    assert [bool(kept.take()) for _ in range(3)] == [True] * 3
    assert kept.values[0] is None, "nothing of before is remembered"


def test_a_breaker_looks_at_the_share_within_its_window() -> None:
    kept = Kept(Gate(laws=(), breaker=LAW))
    for failed in (False,) * 4 + (True,) * 3:
        trip = kept.take()
        assert trip is not None
        kept.back(trip, Heard(failed=failed))
    assert kept.wait() == 0, "three of seven"
    kept.now += MINUTE
    for failed in (True, True):
        trip = kept.take()
        assert trip is not None
        kept.back(trip, Heard(failed=failed))
    assert kept.wait() == 0, "those of before are forgotten"
    trip = kept.take()
    assert trip is not None
    kept.back(trip, Heard(failed=True))
    assert kept.wait() == 30 * SECOND


def test_a_trial_that_tells_nothing_makes_room_for_another() -> None:
    kept = Kept(Gate(laws=(), breaker=LAW))
    for _ in range(3):
        trip = kept.take()
        assert trip is not None
        kept.back(trip, Heard(failed=True))
    kept.now += 30 * SECOND
    trial = kept.take()
    assert trial is not None
    kept.back(trial, None)  # it never left
    assert kept.take() is not None
    kept.now += LEASE  # whoever tried has died
    assert kept.take() is not None


def test_an_open_breaker_stays_open_as_long_as_they_wish() -> None:
    kept = Kept(Gate(laws=(), breaker=LAW))
    for _ in range(3):
        trip = kept.take()
        assert trip is not None
        kept.back(trip, Heard(failed=True, wish=300 * SECOND))
    assert kept.wait() == 300 * SECOND


@given(st.lists(st.tuples(st.integers(0, 20 * SECOND), st.booleans()), max_size=40))
def test_an_open_breaker_lets_go_as_many_as_try_and_no_others(acts: list[tuple[int, bool]]) -> None:
    kept = Kept(Gate(laws=(), breaker=LAW))
    under_way: list[Trip] = []
    for span, failed in acts:
        kept.now += span
        trip = kept.take()
        if trip is not None:
            under_way.append(trip)
        is_open = kept.values[0] is not None and kept.values[0][1]
        if is_open:
            trying = len(kept.values[0][2])
            assert trying <= LAW.probes
            assert trip is None or kept.now >= kept.values[0][1]
        if under_way:
            kept.back(under_way.pop(0), Heard(failed=failed))
