"""Owns: durations, sizes and rates as the language writes them.
Imports: nothing of the router.
Never: reads a clock.
"""

from __future__ import annotations

import re
from datetime import timedelta

#: how each is written; the number of a duration has a bound besides
DURATION = r"([0-9]{1,9})(ms|s|m|h|d)"
SIZE = r"([0-9]{1,9})(B|KiB|MiB|GiB)"
PERCENT = r"(0?[0-9]{1,2}|100)%"
RATE = r"([0-9]{1,6})/(s|m)"
_DURATION = re.compile(DURATION)
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
#: a longer one added to a time of today is no time any more
_LONGEST = timedelta(days=36_500)
_SIZE = re.compile(SIZE)
_SIZES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_RATE = re.compile(RATE)
_PERCENT = re.compile(PERCENT)


def duration(text: str) -> timedelta | None:
    """Return `500ms`, `5s`, `30m`, `2h`, `90d` as a timedelta; None when it is none of these
    or longer than 100 years.
    """
    match = _DURATION.fullmatch(text)
    span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    return span if span is not None and span <= _LONGEST else None


def duration_text(span: timedelta) -> str:
    """Return the shortest way to write a duration: the inverse of `duration`."""
    millis = int(span / timedelta(milliseconds=1))
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if millis and millis % size == 0:
            return f"{millis // size}{unit}"
    return f"{millis}ms" if millis else "0s"


def size(text: str) -> int | None:
    """Return `64KiB`, `1MiB` as bytes; None when it is no size."""
    match = _SIZE.fullmatch(text)
    return int(match[1]) * _SIZES[match[2]] if match else None


def size_text(number: int) -> str:
    """Return the shortest way to write a size: the inverse of `size`."""
    for unit, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if number and number % factor == 0:
            return f"{number // factor}{unit}"
    return f"{number}B"


def rate(text: str) -> int | None:
    """Return `20/s`, `30/m` as a number a minute; None when it is none of these or zero."""
    match = _RATE.fullmatch(text)
    return (int(match[1]) * (60 if match[2] == "s" else 1) or None) if match else None


def rate_text(per_minute: int) -> str:
    """Return the shortest way to write a rate: the inverse of `rate`."""
    return f"{per_minute}/m" if per_minute % 60 else f"{per_minute // 60}/s"


def percent(text: str) -> int | None:
    """Return `20%` as 20; None when it is no percentage up to 100."""
    match = _PERCENT.fullmatch(text)
    return int(match[1]) if match else None
