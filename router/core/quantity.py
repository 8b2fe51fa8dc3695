"""Owns: exact decimal numbers from text and JSON numbers, and quantities: a number with a unit.
Imports: core.document.
Never: does float arithmetic; shows a value in an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from typing import TypeAlias

from router.core.document import Json

#: a quantity in a document: {"value": decimal text in normal form, "unit": code}
QuantityJson: TypeAlias = dict[str, str]

#: digits of one number: the bound that ingress has for numbers too
MAX_DIGITS = 40
#: significant digits that every double keeps: within them its shortest text is what was written
FLOAT_DIGITS = 15
#: digits that the product of two numbers, or the sum of very many, can need at most
_ROOM = 3 * MAX_DIGITS
#: the first whole number that has more
_TOO_LARGE = 10**MAX_DIGITS
_TRAPS = (InvalidOperation, DivisionByZero)
#: arithmetic that raises where it would round; the flags of a context are never read, so that
#: sharing it between threads is safe
EXACT = Context(prec=_ROOM, traps=[*_TRAPS, Inexact])
#: rounding half up, away from zero
HALF_UP = Context(prec=_ROOM, rounding=ROUND_HALF_UP, traps=[*_TRAPS])

_DECIMAL = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
#: UN/CEFACT Recommendation 20 has up to three characters, its package codes (Rec 21) four
_UNIT = re.compile(r"[A-Z0-9]{1,4}")
_SHAPE = frozenset({"value", "unit"})


class NumberError(ValueError):
    """A number that cannot be taken exactly; the text never shows it."""


class QuantityError(NumberError):
    """A quantity that is none, or two that do not fit together."""


def exact(value: Json) -> Decimal:
    """Return the number that text or a JSON number spells, exactly.

    Text is digits, at most one point, a minus sign in front (`-12.50`, `.5`); nothing else: no
    exponent, space, plus or thousands mark. A float has at most 15 significant digits.
    Raises NumberError.
    """
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bool):
        raise NumberError("a boolean is not a number")
    if isinstance(value, int):
        if abs(value) >= _TOO_LARGE:
            raise NumberError(f"more than {MAX_DIGITS} digits")
        return Decimal(value)
    if isinstance(value, float):
        return _of_float(value)
    raise NumberError("neither text nor a number")


def normal_text(number: Decimal) -> str:
    """Return a number as text in normal form: no exponent, trailing zeros or negative zero.

    Raises NumberError when it has more than 40 digits.
    """
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text == "-0":
        return "0"
    if len(text) > MAX_DIGITS and sum(map(str.isdigit, text)) > MAX_DIGITS:
        raise NumberError(f"more than {MAX_DIGITS} digits")
    return text


def is_quantity(value: Json) -> bool:
    """Return whether a value has the shape of a quantity: two texts, value and unit."""
    return (
        type(value) is dict
        and value.keys() == _SHAPE
        and type(value["value"]) is str
        and type(value["unit"]) is str
    )


def quantity(value: Json, unit: str) -> QuantityJson:
    """Return a quantity of text or number `value` in normal form (`-1.0000` gives `-1`).

    Raises NumberError, QuantityError for a unit that is no upper-case code of 1 to 4 characters.
    """
    return _wire(exact(value), unit)


def total(quantities: Iterable[Json], unit: str | None = None) -> QuantityJson:
    """Return the exact sum; `unit` is needed where there is nothing to add.

    Raises QuantityError for mixed units.
    """
    number, known = Decimal(0), unit
    for one in quantities:
        value, own = _read(one)
        known = own if known is None else known
        if own != known:
            raise QuantityError("mixed units")
        number = EXACT.add(number, value)
    if known is None:
        raise QuantityError("an empty list needs a unit")
    return _wire(number, known)


def negate(quantity: Json) -> QuantityJson:
    """Return the quantity with the other sign."""
    number, unit = _read(quantity)
    return _wire(number.copy_negate(), unit)


def absolute(quantity: Json) -> QuantityJson:
    """Return the quantity without its sign."""
    number, unit = _read(quantity)
    return _wire(number.copy_abs(), unit)


def sign(quantity: Json) -> int:
    """Return -1, 0 or 1."""
    number, _ = _read(quantity)
    return (number > 0) - (number < 0)


def compare(first: Json, second: Json) -> int:
    """Return -1, 0 or 1 as the first is less, the same or more. Raises QuantityError."""
    left, unit = _read(first)
    right, other = _read(second)
    if unit != other:
        raise QuantityError("mixed units")
    return (left > right) - (left < right)


def _read(value: Json) -> tuple[Decimal, str]:
    if not is_quantity(value):
        raise QuantityError("not a quantity")
    return exact(value["value"]), value["unit"]


def _wire(number: Decimal, unit: str) -> QuantityJson:
    if not isinstance(unit, str) or not _UNIT.fullmatch(unit):
        raise QuantityError("a unit is 1 to 4 upper-case letters and digits")
    return {"value": normal_text(number), "unit": unit}


def _of_text(text: str) -> Decimal:
    if len(text) > MAX_DIGITS and sum(map(str.isdigit, text)) > MAX_DIGITS:
        raise NumberError(f"more than {MAX_DIGITS} digits")
    if not _DECIMAL.fullmatch(text):
        raise NumberError("not a decimal number: digits, one point, a minus sign in front")
    return Decimal(text)


def _of_float(value: float) -> Decimal:
    if not math.isfinite(value):
        raise NumberError("not a finite number")
    written = repr(value)
    digits = written.partition("e")[0].replace(".", "").lstrip("-0").rstrip("0")
    if len(digits) > FLOAT_DIGITS:
        raise NumberError(f"a fraction of more than {FLOAT_DIGITS} digits: send it as text")
    number = Decimal(written)
    if not -MAX_DIGITS < number.adjusted() < MAX_DIGITS:
        raise NumberError(f"more than {MAX_DIGITS} digits")
    return number
