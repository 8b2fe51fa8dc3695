"""Owns: what values of a sample look like: times in every form, dates, currencies, numbers.
Imports: core.
Never: looks at a name where the values decide; gives a value out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from router.core.currencies import EXPONENTS
from router.core.document import Json

_OFFSET = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LOOSE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?")
_TICKS = re.compile(r"/Date\(-?[0-9]{1,16}([+-][0-9]{1,4})?\)/")
_DAY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_SHORT_DAY = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
DECIMAL = re.compile(r"[+-]?[0-9]{1,18}\.[0-9]{1,6}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,6})?")
#: seconds and milliseconds since 1970 that fall between 2001 and 2096
_SECONDS = (10**9, 4 * 10**9)

#: forms of text, the most telling first
_FORMS: dict[str, re.Pattern[str]] = {
    "instant": _OFFSET,
    "instant_loose": _LOOSE,
    "local": _LOCAL,
    "ticks": _TICKS,
    "day": _DAY,
    "short_day": _SHORT_DAY,
    "uuid": _UUID,
    "mail": _MAIL,
}


def form_of(values: Sequence[Json]) -> str:
    """Return the form that all values have, or an empty text."""
    if not values:
        return ""
    texts = [one for one in values if isinstance(one, str)]
    if len(texts) == len(values):
        for form, pattern in _FORMS.items():
            if all(pattern.fullmatch(one) and _is_real(one, form) for one in texts):
                return form
    return _epoch_of(values)


def is_currency(values: Sequence[Json]) -> bool:
    """Return whether all values are codes of currencies, in capitals or not."""
    return bool(values) and all(
        isinstance(one, str) and len(one) == 3 and one.upper() in EXPONENTS for one in values
    )


def is_number(value: Json) -> bool:
    """Return whether a value is a number, or a text that is one."""
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def are_numbers(values: Sequence[Json]) -> bool:
    """Return whether there are values and all are numbers or texts that are."""
    return bool(values) and all(is_number(one) for one in values)


def is_fraction(value: Json) -> bool:
    """Return whether a number is written with decimal places."""
    return isinstance(value, float) or (isinstance(value, str) and bool(DECIMAL.fullmatch(value)))


def has_point(value: Json) -> bool:
    """Return whether a number with decimal places stands anywhere in a document."""
    if isinstance(value, dict):
        return any(map(has_point, value.values()))
    return any(map(has_point, value)) if isinstance(value, list) else isinstance(value, float)


def is_negative(value: Json) -> bool:
    """Return whether a number, or a text that is one, is below zero."""
    if isinstance(value, str):
        return value.startswith("-") and value.strip("-0.") != ""
    return isinstance(value, int | float) and value < 0


def all_of(values: Sequence[Json], kind: type | tuple[type, ...]) -> bool:
    """Return whether there are values and each is of a kind; true and false are no numbers."""
    fits: Callable[[Json], bool] = lambda one: (  # noqa: E731 (one line, used once)
        isinstance(one, kind) and (kind is bool or not isinstance(one, bool))
    )
    return bool(values) and all(map(fits, values))


def _is_real(text: str, form: str) -> bool:
    """Return whether a day or a time is one of the calendar."""
    if form not in ("instant", "instant_loose", "local", "day", "short_day"):
        return True
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _epoch_of(values: Sequence[Json]) -> str:
    low, high = _SECONDS
    numbers = [int(one) for one in values if _is_whole(one)]
    if len(numbers) < len(values):
        return ""
    if all(low <= one < high for one in numbers):
        return "seconds"
    return "milliseconds" if all(low * 1000 <= one < high * 1000 for one in numbers) else ""


def _is_whole(value: Json) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) < 15
    return isinstance(value, int) and not isinstance(value, bool)
