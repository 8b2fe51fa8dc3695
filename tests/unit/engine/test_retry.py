"""The next attempt is a function of message, policy and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.policies import FailurePolicy, Retry
from router.core.decision import DeadLettered, Redeliver
from router.core.diagnostics import Place
from router.core.message import Message
from router.engine.retry import Failure, decide

SECOND = timedelta(seconds=1)


def policy(*after: int, **fields: Any) -> FailurePolicy:
    base = {"jitter": 0, "retry_after": "honour", "within": timedelta(days=1)}
    return FailurePolicy(
        policy="failure",
        name="patient",
        retry=Retry(after=tuple(one * SECOND for one in after), **{**base, **fields}),
        at_last="dead_letter",
        place=Place("patient.yaml"),
    )


def failure(after: float | None = None) -> Failure:
    wish = None if after is None else timedelta(seconds=after)
    return Failure(reason="retry", detail="status 503", after=wish)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5), (2, 30), (3, 300)])
def test_each_attempt_has_its_delay(
    message_of: Any, noon: datetime, attempt: int, seconds: int
) -> None:
    decided = decide(message_of(attempt=attempt), policy(5, 30, 300), failure(), noon)
    assert decided == Redeliver(
        at=noon + seconds * SECOND,
        nominal=seconds * SECOND,
        reason="retry",
        detail="status 503",
    )


def test_after_the_last_delay_comes_the_dead_letter(message_of: Any, noon: datetime) -> None:
    decided = decide(message_of(attempt=4), policy(5, 30, 300), failure(), noon)
    assert decided == DeadLettered(reason="retries_exhausted", detail="retry: status 503")


@pytest.mark.parametrize(("seconds", "goes_on"), [(0, True), (1, False)])
def test_no_attempt_begins_later_than_within(
    message_of: Any, noon: datetime, seconds: int, *, goes_on: bool
) -> None:
    now = noon + timedelta(minutes=50, seconds=seconds)
    decided = decide(message_of(), policy(600, within=timedelta(hours=1)), failure(), now)
    assert isinstance(decided, Redeliver) is goes_on


@pytest.mark.parametrize(("wish", "seconds"), [(None, 30), (0, 30), (29, 30), (31, 31), (90, 90)])
def test_a_wish_lengthens_and_never_shortens(
    message_of: Any, noon: datetime, wish: int | None, seconds: int
) -> None:
    decided = decide(message_of(), policy(30), failure(wish), noon)
    assert isinstance(decided, Redeliver)
    assert decided.at == noon + seconds * SECOND
    assert decided.nominal == seconds * SECOND


def test_a_wish_can_be_ignored(message_of: Any, noon: datetime) -> None:
    decided = decide(message_of(), policy(30, retry_after="ignore"), failure(90), noon)
    assert isinstance(decided, Redeliver)
    assert decided.at == noon + 30 * SECOND


def test_a_wish_beyond_the_time_left_ends_the_attempts(message_of: Any, noon: datetime) -> None:
    decided = decide(message_of(), policy(30, within=timedelta(minutes=1)), failure(61), noon)
    assert isinstance(decided, DeadLettered)


@given(
    st.text(min_size=1, max_size=40),
    st.integers(1, 3),
    st.integers(0, 100),
    st.one_of(st.none(), st.integers(0, 600)),
)
def test_jitter_takes_off_and_stays_within_bounds(
    message_id: str, attempt: int, jitter: int, wish: int | None
) -> None:
    noon = datetime(2025, 3, 14, 12, 0, tzinfo=UTC)
    message = Message(id=message_id, correlationid="c", occurred_at=noon, attempt=attempt)
    delays = (10, 100, 1000)
    decided = decide(message, policy(*delays, jitter=jitter), failure(wish), noon)
    assert isinstance(decided, Redeliver)
    nominal = delays[attempt - 1] * SECOND
    least = nominal * (100 - jitter) / 100
    wait = decided.at - noon
    assert wait >= least - timedelta(microseconds=1)
    if wish is None or wish * SECOND <= least:
        assert wait <= nominal
        assert decided.nominal == nominal
    else:
        assert wait >= wish * SECOND
    assert decide(message, policy(*delays, jitter=jitter), failure(wish), noon) == decided


def test_jitter_spreads_messages_and_attempts(message_of: Any, noon: datetime) -> None:
    def at(**fields: Any) -> datetime:
        decided = decide(message_of(**fields), policy(100, 100, jitter=50), failure(), noon)
        assert isinstance(decided, Redeliver)
        return decided.at

    moments = {at(id=f"m{n}", attempt=attempt) for n in range(50) for attempt in (1, 2)}
    assert len(moments) == 100
    # over a hundred of them some lie in each half of the range
    assert min(moments) < noon + 75 * SECOND < max(moments)


def test_a_policy_that_never_gives_up_does_not_overflow(message_of: Any, noon: datetime) -> None:
    # the language allows 999999999d
    decided = decide(message_of(), policy(30, within=timedelta(days=999_999_999)), failure(), noon)
    assert isinstance(decided, Redeliver)
