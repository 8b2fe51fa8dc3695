"""Instants: every form that is seen, and the ones that must not be guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core import instants as i
from router.core.instants import InstantError

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-03-05T22:30:00Z", "2024-03-05T22:30:00Z"),
        ("2024-03-05t22:30:00z", "2024-03-05T22:30:00Z"),
        ("2024-03-05 22:30:00Z", "2024-03-05T22:30:00Z"),
        ("2024-03-05T23:30:00+01:00", "2024-03-05T22:30:00Z"),
        ("2024-03-05T17:00:00-0530", "2024-03-05T22:30:00Z"),
        ("2024-03-05T22:30:00+0000", "2024-03-05T22:30:00Z"),
        ("2024-03-05T22:30:00-00:00", "2024-03-05T22:30:00Z"),
        ("2024-03-05T22:30:00.000Z", "2024-03-05T22:30:00Z"),
        ("2024-03-05T22:30:00.120Z", "2024-03-05T22:30:00.12Z"),
        ("2024-03-05T22:30:00.123456789Z", "2024-03-05T22:30:00.123456Z"),
        ("2024-12-31T23:59:59.999999999Z", "2024-12-31T23:59:59.999999Z"),
        ("2024-01-01T00:30:00+02:00", "2023-12-31T22:30:00Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ],
)
def test_an_rfc_3339_text_becomes_utc(text, utc):
    assert i.to_text(i.from_text(text)) == utc


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2024-03-05T24:00:00Z", "hour 24"),
        ("2016-12-31T23:59:60Z", "second 60"),
        ("2024-03-05T22:30:00", "without offset"),
        ("2023-02-29T00:00:00Z", "no such date"),
        ("2024-03-05T25:00:00Z", "no such date"),
        ("0000-01-01T00:00:00Z", "no such date"),
        ("2024-03-05T22:30:00+24:00", "no such offset"),
        ("0001-01-01T00:00:00+01:00", "outside the years"),
        ("2024-03-05T22:30Z", "not a time"),
        ("2024-03-05", "not a time"),
        ("2024-03-05T22:30:00Z\n", "not a time"),
        ("2024-03-05T22:30:00.Z", "not a time"),
        ("2024-03-05T22:30:00,5Z", "not a time"),
        ("\u0662024-03-05T22:30:00Z", "not a time"),
        ("2024-03-05T22:30:00." + "1" * 99 + "Z", "not a time"),
        ("", "not a time"),
    ],
)
def test_a_text_that_is_no_instant_is_refused_with_the_reason(text, said):
    with pytest.raises(InstantError, match=said):
        i.from_text(text)


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2024-03-05T23:30:00", BERLIN, "2024-03-05T22:30:00Z"),
        ("2024-07-05T23:30:00", BERLIN, "2024-07-05T21:30:00Z"),
        ("2024-07-05 23:30:00.5", "America/New_York", "2024-07-06T03:30:00.5Z"),
        # 02:30 comes twice on this night: the first, still in summer time
        ("2024-10-27T02:30:00", BERLIN, "2024-10-27T00:30:00Z"),
        ("2024-10-27T03:00:00", BERLIN, "2024-10-27T02:00:00Z"),
        # both ends of the hour that is skipped
        ("2024-03-31T01:59:59", BERLIN, "2024-03-31T00:59:59Z"),
        ("2024-03-31T03:00:00", BERLIN, "2024-03-31T01:00:00Z"),
        # an offset in the text counts, the zone does not
        ("2024-03-05T23:30:00Z", BERLIN, "2024-03-05T23:30:00Z"),
        ("2024-03-05T23:30:00", "UTC", "2024-03-05T23:30:00Z"),
    ],
)
def test_a_local_text_is_read_in_its_zone(text, zone, utc):
    assert i.to_text(i.from_text(text, zone)) == utc


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2024-03-31T02:00:00", BERLIN),
        ("2024-03-31T02:59:59", BERLIN),
        ("2024-03-10T02:30:00", "America/New_York"),
        ("2024-10-06T02:15:00", "Australia/Lord_Howe"),  # a gap of half an hour
        ("2011-12-30T12:00:00", "Pacific/Apia"),  # a whole day is missing
    ],
)
def test_a_local_time_that_never_was_is_refused(text, zone):
    with pytest.raises(InstantError, match="skips"):
        i.from_text(text, zone)


@pytest.mark.parametrize(
    "zone",
    ["", "Berlin", "europe/berlin", "../etc/passwd", "/etc/localtime", "localtime", "America",
     "Europe/Atlantis", "posix/Europe/Berlin", "Factory", "UTC\0", "CEST", "+02:00", "A" * 9999],
)  # fmt: skip
def test_an_unknown_zone_is_refused(zone):
    with pytest.raises(InstantError, match="time zone"):
        i.from_text("2024-03-05T23:30:00", zone)
    with pytest.raises(InstantError, match="time zone"):
        i.date_in(datetime(2024, 1, 1, tzinfo=UTC), zone)


def test_every_zone_of_the_database_is_known():
    noon = datetime(2024, 6, 1, 12, tzinfo=UTC)
    others = {"localtime", "Factory", "posixrules"}
    zones = [
        one for one in available_timezones() - others if not one.startswith(("posix/", "right/"))
    ]
    assert len(zones) > 400
    assert {i.date_in(noon, zone).month for zone in zones} <= {6}


@pytest.mark.parametrize(
    ("number", "unit", "utc"),
    [
        (1709677800, "s", "2024-03-05T22:30:00Z"),
        ("1709677800", "s", "2024-03-05T22:30:00Z"),
        (1709677800123, "ms", "2024-03-05T22:30:00.123Z"),
        (1709677800.25, "s", "2024-03-05T22:30:00.25Z"),
        (0, "s", "1970-01-01T00:00:00Z"),
        (-1, "s", "1969-12-31T23:59:59Z"),
    ],
)
def test_an_epoch_time_becomes_utc(number, unit, utc):
    assert i.to_text(i.from_epoch(number, unit)) == utc


@pytest.mark.parametrize(
    ("number", "unit", "said"),
    [
        (1709677800123, "s", "outside the years"),
        (10**39, "s", "outside the years"),
        (1, "min", "unit of an epoch"),
        ("1e9", "s", "not a decimal"),
        (True, "s", "boolean"),
    ],
)
def test_an_epoch_time_that_cannot_be_is_refused(number, unit, said):
    with pytest.raises(ValueError, match=said):
        i.from_epoch(number, unit)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("Tue, 05 Mar 2024 22:30:00 +0000", "2024-03-05T22:30:00Z"),
        ("Tue, 05 Mar 2024 22:30:00 GMT", "2024-03-05T22:30:00Z"),
        ("5 Mar 2024 23:30:00 +0100", "2024-03-05T22:30:00Z"),
        ("Thu, 29 Feb 2024 20:00:00 -0430", "2024-03-01T00:30:00Z"),
    ],
)
def test_a_mail_date_is_an_instant(text, utc):
    assert i.to_text(i.from_mail(text)) == utc


@pytest.mark.parametrize(
    "text",
    [
        "", "Tue, 05 Mar 2024 22:30:00", "Tue, 05 Mar 24 22:30:00 GMT",
        "Wed, 05 Mar 2024 22:30:00 GMT", "Tue, 05 Mar 2024 22:30:00 EST",
        "Thu, 29 Feb 2023 20:00:00 GMT", "Tue, 05 Mar 2024 24:00:00 GMT",
        "Tue, 05 Mrz 2024 22:30:00 GMT", "Tue, 05 Mar 2024 22:30:00 +9900", "2024-03-05T22:30:00Z",
    ],
)  # fmt: skip
def test_what_is_no_mail_date_is_refused(text):
    with pytest.raises(i.InstantError):
        i.from_mail(text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("/Date(1709677800000)/", "2024-03-05T22:30:00Z"),
        ("/Date(1709677800500+0060)/", "2024-03-05T22:30:00.5Z"),
        ("/Date(-1000)/", "1969-12-31T23:59:59Z"),
    ],
)
def test_an_odata_time_is_milliseconds_utc(text, utc):
    assert i.to_text(i.from_odata(text)) == utc


@pytest.mark.parametrize("text", ["/Date()/", "Date(1)", "/Date(1.5)/", "/Date(9999999999999999)/"])
def test_what_is_no_odata_time_is_refused(text):
    with pytest.raises(InstantError):
        i.from_odata(text)


def test_the_day_of_the_shop_is_not_the_utc_day():
    late = i.from_text("2024-03-31T22:30:00Z")
    assert i.date_in(late, BERLIN) == date(2024, 4, 1)
    assert i.date_in(late, "America/New_York") == date(2024, 3, 31)
    with pytest.raises(InstantError, match="outside"):
        i.date_in(datetime.max.replace(tzinfo=UTC), BERLIN)


def test_dates_as_text():
    assert i.from_edi("20240229") == date(2024, 2, 29)
    assert i.to_date("2024-02-29") == date(2024, 2, 29)
    for wrong in ("240229", "20230229", "20240229 ", "2024-02-29", ""):
        with pytest.raises(InstantError):
            i.from_edi(wrong)
    for wrong in ("2023-02-29", "20240229", "2024-2-29", "2024-02-29T00:00:00Z"):
        with pytest.raises(InstantError):
            i.to_date(wrong)


def test_a_time_without_offset_has_no_text():
    with pytest.raises(InstantError, match="without offset"):
        i.to_text(datetime(2024, 1, 1))


@given(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),
    st.integers(-23 * 60, 23 * 60),
)
def test_an_instant_survives_its_text(naive, minutes):
    at = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = i.to_text(at)
    assert i.from_text(text) == at
    assert i.from_text(at.isoformat()) == at
    assert "." not in text or not text.removesuffix("Z").endswith("0")
