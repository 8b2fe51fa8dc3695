"""Owns: reading when a far side wants to be asked again: Retry-After, and what a rule computes.
Imports: core.
Never: reads a clock; refuses (what cannot be read is no wish).
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime

from router.core.document import Json
from router.core.instants import InstantError, from_text
from router.core.units import duration

#: longer wishes are cut: the far side may not park us for days
LONGEST_WISH = timedelta(hours=24)
#: wishes of one header that are looked at; the longest text of one
_MOST = 16
_MAX_TEXT = 1024
_NONE = timedelta(0)
#: a comma between two wishes; the one behind the name of a day is followed by a date
_BETWEEN = re.compile(r",(?!\s*[0-9]{1,2}[ -][A-Za-z]{3}[ -])")
_SECONDS = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


def wish_of(text: str, now: datetime) -> timedelta | None:
    """Return what a Retry-After header asks for, None when it says nothing that can be read.

    Seconds, also with a fraction, or a date in one of the three forms of HTTP. What is negative or
    in the past asks for no delay. Of several (a list, several headers) the longest counts.
    """
    if len(text) > _MAX_TEXT:
        return None
    wishes = [_one(part.strip(), now) for part in _BETWEEN.split(text, _MOST)]
    return max((one for one in wishes if one is not None), default=None)


def wish_in(value: Json, now: datetime) -> timedelta | None:
    """Return the wish that a rule has computed; None when it is none.

    Seconds as a number or a text, a duration as the language writes it, an instant, or what may
    stand in Retry-After.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal | int | float):
        if not math.isfinite(value):
            return None
        return timedelta(seconds=float(min(max(value, 0), LONGEST_WISH.total_seconds())))
    if not isinstance(value, str):
        return None
    text = value.strip()
    span = duration(text)
    if span is not None:
        return min(span, LONGEST_WISH)
    try:
        return _until(from_text(text), now)
    except InstantError:
        return wish_of(text, now)


def _one(text: str, now: datetime) -> timedelta | None:
    match = _SECONDS.fullmatch(text)
    if match is not None:
        sign, whole, part = match.groups()
        if sign:
            return _NONE
        if len(whole.lstrip("0")) > 9:
            return LONGEST_WISH
        return min(timedelta(seconds=float(f"{whole}.{(part or '0')[:6]}")), LONGEST_WISH)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return _until(at if at.tzinfo is not None else at.replace(tzinfo=UTC), now)


def _until(at: datetime, now: datetime) -> timedelta:
    return min(max(at - now, _NONE), LONGEST_WISH)
