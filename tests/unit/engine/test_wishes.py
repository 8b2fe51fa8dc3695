"""When a far side wants to be asked again: every form in which it may say so."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine.wishes import LONGEST_WISH, wish_in, wish_of

#: text of a Retry-After header and the seconds that it asks for at noon of 14 March 2025 UTC
HEADERS = [
    ("0", 0),
    ("120", 120),
    (" 120 ", 120),
    ("007", 7),
    ("1.5", 1.5),
    ("1.123456789", 1.123456),
    # the three forms of HTTP, and a zone that some send
    ("Fri, 14 Mar 2025 12:05:00 GMT", 300),
    ("Friday, 14-Mar-25 12:05:00 GMT", 300),
    ("Fri Mar 14 12:05:00 2025", 300),
    ("Tue Apr  1 12:00:00 2025", 86400),
    ("Fri, 14 Mar 2025 13:05:00 +0100", 300),
    # the past and less than nothing: no delay of their own
    ("Fri, 14 Mar 2025 11:00:00 GMT", 0),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ("-5", 0),
    ("-0.5", 0),
    # several: the longest counts, what cannot be read does not
    ("5, 10", 10),
    ("10,5", 10),
    ("120, 120", 120),
    ("soon, 10", 10),
    ("10, ", 10),
    ("Fri, 14 Mar 2025 12:05:00 GMT, 10", 300),
    ("10, Friday, 14-Mar-25 12:05:00 GMT", 300),
    ("Fri, 14 Mar 2025 12:05:00 GMT, Fri, 14 Mar 2025 12:10:00 GMT", 600),
    # too much of a good thing
    ("86401", 86400),
    ("999999999", 86400),
    ("9" * 400, 86400),
    ("Sat, 01 Jan 2050 00:00:00 GMT", 86400),
    ("0" * 20 + "7", 7),
    # nothing that can be read
    ("", None),
    (",", None),
    ("soon", None),
    ("1e3", None),
    ("+5", None),
    ("1.", None),
    (".5", None),
    ("0x10", None),
    ("1_000", None),
    ("5s", None),
    ("\u0663", None),
    ("Fri, 99 Mar 2025 12:05:00 GMT", None),
    ("nan", None),
    ("9" * 2000, None),
]


@pytest.mark.parametrize(("text", "seconds"), HEADERS)
def test_retry_after_is_seconds_or_a_date(noon: datetime, text: str, seconds: float | None) -> None:
    assert wish_of(text, noon) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (90, 90),
        (2.5, 2.5),
        (Decimal("2.5"), 2.5),
        (-3, 0),
        (10**30, 86400),
        (1e300, 86400),
        ("90", 90),
        ("2.5", 2.5),
        ("500ms", 0.5),
        ("2m", 120),
        ("90d", 86400),
        ("2025-03-14T12:00:30Z", 30),
        ("2025-03-14T13:00:30+01:00", 30),
        ("2025-03-14T11:00:00Z", 0),
        ("2099-01-01T00:00:00Z", 86400),
        ("Fri, 14 Mar 2025 12:05:00 GMT", 300),
        # a time without an offset, and what is no time at all
        ("2025-03-14T12:00:30", None),
        ("soon", None),
        ("", None),
        (None, None),
        (True, None),
        ([5], None),
        ({"seconds": 5}, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_a_rule_may_give_seconds_a_duration_or_a_time(
    noon: datetime, value: Any, seconds: float | None
) -> None:
    assert wish_in(value, noon) == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text(max_size=80))
def test_no_text_stops_the_reading_or_parks_us_for_longer(text: str) -> None:
    noon = datetime.fromisoformat("2025-03-14T12:00:00Z")
    for wish in (wish_of(text, noon), wish_in(text, noon)):
        assert wish is None or timedelta(0) <= wish <= LONGEST_WISH
