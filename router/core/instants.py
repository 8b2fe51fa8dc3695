"""Owns: points in time: the texts and numbers they come as, and the one text they leave as.
Imports: core.document, core.quantity (exact numbers).
Never: reads a clock; guesses an offset; shows a value in an error.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from router.core.document import Json
from router.core.quantity import EXACT, exact

#: longest text that is looked at; the longest that means something has 44 characters
_MAX_TEXT = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]"
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_EDI_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
#: ticks in milliseconds UTC; the offset in minutes says where it was written and moves nothing
_ODATA = re.compile(r"/Date\((-?[0-9]{1,16})(?:[+-][0-9]{1,4})?\)/")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAIL = re.compile(
    rf"(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?([0-9]{{1,2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) "
    r"([0-9]{2}:[0-9]{2}:[0-9]{2}) ([+-][0-9]{4}|GMT|UTC)"
)
#: names with a capital and without dots: keeps out paths and the machine's own `localtime`
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]{1,30}(?:/[A-Z][A-Za-z0-9_+-]{1,30}){0,2}")
#: a unit of epoch times to its power of ten in microseconds
_EPOCH_UNITS = {"s": 6, "ms": 3}
_RANGE = "outside the years 1 to 9999"


class InstantError(ValueError):
    """A time that cannot be taken; the text never shows it."""


def from_text(text: str, zone: str | None = None) -> datetime:
    """Return the UTC instant of an RFC 3339 text, or of a local text in an IANA zone.

    An offset in the text (`Z`, `+02:00`, `+0200`) counts and the zone does not; without one the
    zone is needed. Digits beyond microseconds are cut. A local time that a change of clocks
    skips is refused; one that comes twice is the first of the two. Hour 24 and second 60 are
    refused. Raises InstantError.
    """
    match = _INSTANT.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        raise InstantError("not a time: write YYYY-MM-DDThh:mm:ss and an offset (RFC 3339)")
    naive = _naive(match)
    if match[8] is not None:
        return _in_utc(naive.replace(tzinfo=_offset(match[8])))
    if zone is None:
        raise InstantError("a time without offset: end it with Z or +hh:mm, or name its zone")
    return _from_local(naive, _zone(zone))


def from_epoch(number: Json, unit: str) -> datetime:
    """Return the UTC instant of seconds (`s`) or milliseconds (`ms`) since 1970-01-01 UTC.

    The number is an int, its text, or a fraction of at most 15 digits. Raises InstantError,
    NumberError.
    """
    power = _EPOCH_UNITS.get(unit)
    if power is None:
        raise InstantError("the unit of an epoch time is s or ms")
    return _after_epoch(int(exact(number).scaleb(power, context=EXACT)))


def from_odata(text: str) -> datetime:
    """Return the UTC instant of `/Date(ms)/`, also with an offset. Raises InstantError."""
    match = _ODATA.fullmatch(text)
    if match is None:
        raise InstantError("not an OData time: write /Date(milliseconds)/")
    return _after_epoch(int(match[1]) * 1000)


def from_mail(text: str) -> datetime:
    """Return the UTC instant of a date of the mail format, `Tue, 05 Mar 2024 22:30:00 +0100`.

    The day of the week must be the date's. Raises InstantError.
    """
    match = _MAIL.fullmatch(text)
    if match is None:
        raise InstantError("not a mail date: write Tue, 05 Mar 2024 22:30:00 +0100 (RFC 5322)")
    name, day, month, year, clock, offset = match.groups()
    number = _MONTHS.index(month) + 1
    zone = "Z" if offset in ("GMT", "UTC", "-0000") else f"{offset[:3]}:{offset[3:]}"
    found = from_text(f"{year}-{number:02}-{int(day):02}T{clock}{zone}")
    if name and date(int(year), number, int(day)).strftime("%a") != name:
        raise InstantError("the day of the week is not that of the date")
    return found


def to_text(at: datetime) -> str:
    """Return RFC 3339 in UTC with `Z` and only the fraction digits needed.

    Raises InstantError for a time without offset.
    """
    if at.utcoffset() is None:
        raise InstantError("a time without offset is no instant")
    text = _in_utc(at).replace(tzinfo=None).isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


@lru_cache(2048)  # a batch has one time, and many rows; a message's goes into several
def time_text(at: datetime) -> str:
    """Return a time as it is kept: RFC 3339 UTC, six digits; texts sort as times."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:-6] + "Z"


def time_of(text: str) -> datetime:
    """Return the time that `time_text` wrote."""
    return datetime.fromisoformat(text)


def date_in(at: datetime, zone: str) -> date:
    """Return the local date of an instant in an IANA zone. Raises InstantError."""
    try:
        return at.astimezone(_zone(zone)).date()
    except OverflowError:
        raise InstantError(_RANGE) from None


def time_in(at: datetime, zone: str) -> time:
    """Return the time of day that the clocks of an IANA zone show. Raises InstantError."""
    return at.astimezone(_zone(zone)).time()


def at_local(day: date, at: time, zone: str) -> datetime:
    """Return the instant at which the clocks of an IANA zone show a time of day, the first one.

    Where they skip it, it is as much later as they skip. Raises InstantError.
    """
    return _in_utc(datetime.combine(day, at, tzinfo=_zone(zone)))


def is_zone(name: str) -> bool:
    """Return whether an IANA time zone has this name."""
    try:
        _zone(name)
    except InstantError:
        return False
    return True


def to_date(text: str) -> date:
    """Return the date of `YYYY-MM-DD`. Raises InstantError."""
    return _date(_DATE.fullmatch(text), "YYYY-MM-DD")


def from_edi(text: str) -> date:
    """Return the date of `CCYYMMDD`. Raises InstantError; so does YYMMDD, which has no century."""
    return _date(_EDI_DATE.fullmatch(text), "CCYYMMDD")


def _naive(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    if hour == 24:
        raise InstantError("hour 24: write hour 00 of the next day")
    if second == 60:
        raise InstantError("second 60: leap seconds have no place in this calendar")
    micros = int((match[7] or "")[:6].ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, micros)  # noqa: DTZ001 zone follows
    except ValueError:
        raise InstantError("no such date or time of day") from None


def _offset(text: str) -> timezone:
    if text in ("Z", "z"):
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:
        raise InstantError("no such offset")
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


def _from_local(naive: datetime, zone: ZoneInfo) -> datetime:
    at = _in_utc(naive.replace(tzinfo=zone, fold=0))
    if at.astimezone(zone).replace(tzinfo=None) != naive:
        raise InstantError("a local time that the change of clocks skips in this zone")
    return at


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise InstantError(_RANGE) from None


def _after_epoch(micros: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise InstantError(_RANGE) from None


def _date(match: re.Match[str] | None, form: str) -> date:
    if match is None:
        raise InstantError(f"not a date: write {form}")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise InstantError("no such date") from None


@lru_cache(maxsize=1024)  # more than there are zones: reading one's rules costs a file
def _zone(name: str) -> ZoneInfo:
    if _ZONE.fullmatch(name) and name != "Factory":
        try:
            return ZoneInfo(name)
        except (LookupError, OSError, ValueError):
            pass
    raise InstantError("not an IANA time zone: write Area/City")
