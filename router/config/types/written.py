"""Owns: how texts are written that functions take and give: amounts, currencies, times.
Imports: config.types.type.
Never: tells of a text that may be written as wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from router.config.types.type import TEXT, Type

#: texts of which one keeps the pattern of whatever may be an amount, a currency
_AMOUNTS = ("0", "1", "-1", "1.5", "1.50", "10.00", "0.01", "+1", "1000")
_CURRENCIES = ("EUR", "USD", "GBP", "JPY", "TND")
#: function -> what its first arguments are written as
_TAKES: Mapping[str, tuple[str, ...]] = {
    "money": ("an amount", "a currency"),
    "minor": ("a whole number of minor units", "a currency"),
}
#: functions that give times, and their form
FORMS: Mapping[str, Type] = {
    "instant": Type(kinds=TEXT.kinds, form="date-time"),
    "epoch": Type(kinds=TEXT.kinds, form="date-time"),
    "business_date": Type(kinds=TEXT.kinds, form="date"),
}


def miswritten(name: str, place: int, value: Type) -> str:
    """Return why an argument is never written as its function wants it, "" where it may be."""
    wanted = _TAKES.get(name, ())[place : place + 1]
    if not wanted or value.unknown or value.null:
        return ""
    if wanted == ("a whole number of minor units",):
        return _fraction(value)
    fits: tuple[str, ...] = _CURRENCIES if wanted == ("a currency",) else _AMOUNTS
    if value.kinds == {"text"} and value.pattern and not _any(value.pattern, fits):
        return f"must be {wanted[0]}, keeps the pattern {value.pattern}{value.told}"
    return ""


def _fraction(value: Type) -> str:
    """Return why a value may have a fraction, which minor units never have."""
    if "number" in value.kinds and value.origin:
        return f"must be a whole number of minor units, may have a fraction{value.told}"
    if value.kinds == {"text"} and value.pattern and _any(value.pattern, ("1.50", "10.00", "1.5")):
        return f"must be a whole number of minor units, may have a fraction{value.told}"
    return ""


def _any(pattern: str, texts: tuple[str, ...]) -> bool:
    try:
        return any(re.search(pattern, one) for one in texts)
    except re.error:  # a pattern that only the validator reads
        return True
