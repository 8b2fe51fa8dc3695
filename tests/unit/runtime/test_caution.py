"""What is blamed for the end of a process, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from router.infra.store.store import Store
from router.runtime.caution import MOST_ENDS, Caution
from router.runtime.clock import ManualClock

KEY = "call:a:ledger.post"
TRIAL = timedelta(seconds=10)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 12, tzinfo=UTC))


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store.in_memory("rev1")
    yield made
    made.close()


class Killed(BaseException):
    """The end of the process: nothing after it runs."""


def dies_with(caution: Caution, key: str) -> None:
    with suppress(Killed), caution.alone(key, TRIAL) as verdict:
        assert verdict == "go"
        raise Killed


def dies_often(store: Store, clock: ManualClock, times: int) -> None:
    for _ in range(times):
        dies_with(Caution(store, clock), KEY)


def judged(store: Store, clock: ManualClock) -> str:
    return Caution(store, clock).judge(KEY)


def test_enough_ends_in_succession_blame(store: Store, clock: ManualClock) -> None:
    dies_often(store, clock, MOST_ENDS - 1)
    assert judged(store, clock) == "go"
    dies_often(store, clock, MOST_ENDS)
    assert judged(store, clock) == "killer"


def test_what_failed_is_in_nobodys_hands(store: Store, clock: ManualClock) -> None:
    """It is no suspect of the end that comes later."""
    dies_often(store, clock, MOST_ENDS - 1)
    caution = Caution(store, clock)
    with pytest.raises(ValueError, match="bad"), caution.alone(KEY):
        raise ValueError("bad")
    assert judged(store, clock) == "go"
    dies_with(Caution(store, clock), KEY)
    assert judged(store, clock) == "go", "the count began anew"


@pytest.mark.parametrize("how", ["before anything was touched", "in order", "with another one"])
def test_another_end_breaks_the_succession(store: Store, clock: ManualClock, how: str) -> None:
    dies_often(store, clock, MOST_ENDS - 1)
    caution = Caution(store, clock)
    if how == "in order":
        caution.end()
    elif how == "with another one":
        dies_with(caution, "row:1")
    dies_with(Caution(store, clock), KEY)
    assert judged(store, clock) == "go"


def test_a_trial_that_is_survived_blames(store: Store, clock: ManualClock) -> None:
    dies_often(store, clock, MOST_ENDS)
    caution = Caution(store, clock)
    assert caution.judge(KEY, TRIAL) == "later"
    clock.move_to(clock.now() + TRIAL)
    with caution.alone(KEY, TRIAL) as verdict:
        assert verdict == "killer"
    assert caution.judge(KEY, TRIAL) == "go", "it is buried: who retries it means it"


def test_a_trial_that_ends_with_the_process_blames_nobody(store: Store, clock: ManualClock) -> None:
    dies_often(store, clock, MOST_ENDS)
    with Caution(store, clock).alone(KEY, TRIAL) as verdict:
        assert verdict == "later"
    assert judged(store, clock) == "go"
