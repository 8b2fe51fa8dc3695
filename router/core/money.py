"""Owns: exact money: an amount with exactly the decimal places of its currency.
Imports: core.currencies, core.quantity (exact numbers), core.document.
Never: does float arithmetic; rounds where it was not asked to; shows a value in an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, Inexact
from typing import TypeAlias

from router.core.currencies import EXPONENTS
from router.core.document import Json
from router.core.quantity import EXACT, HALF_UP, MAX_DIGITS, NumberError, exact

#: money in a document: {"amount": decimal text, "currency": ISO 4217 code}
MoneyJson: TypeAlias = dict[str, str]

_SHAPE = frozenset({"amount", "currency"})
#: currency code to its smallest step, whose exponent is what `quantize` goes by
_STEPS = {code: Decimal(1).scaleb(-places) for code, places in EXPONENTS.items()}
#: currency code to what tells texts that are amounts as they stand; the rest is computed
_AS_IS = {
    code: re.compile(
        rf"(?:0|-?[1-9][0-9]{{0,30}}){rf'[.][0-9]{{{places}}}' if places else ''}"
    ).fullmatch
    for code, places in EXPONENTS.items()
}
#: decimal places that some currency has, here or at a sender
PLACES = range(5)
#: digits before the point: with four decimal places an amount stays within MAX_DIGITS
_MAX_WHOLE = MAX_DIGITS - 4


#: what is wrong with money that is written as it should be: no schema can tell it at a border
MIXED = "mixed currencies"
NO_CODE = "not an active ISO 4217 currency code"
TOO_FINE = "more decimal places than the currency has"


class MoneyError(NumberError):
    """Money that is none, or two amounts that do not fit together; the text shows no value."""


def is_money(value: Json) -> bool:
    """Return whether a value has the shape of money: two texts, amount and currency."""
    return (
        type(value) is dict
        and value.keys() == _SHAPE
        and type(value["amount"]) is str
        and type(value["currency"]) is str
    )


def money(amount: Json, currency: str) -> MoneyJson:
    """Return money of exactly this amount: text, int, or float of at most 15 digits.

    `1.290` EUR gives `1.29`. Raises MoneyError where the currency does not have the decimal
    places (`1.295` EUR) or is none of ISO 4217, NumberError where the amount is no number.
    """
    as_is = _AS_IS.get(currency) if type(amount) is str and type(currency) is str else None
    if as_is is not None and as_is(amount):
        return {"amount": amount, "currency": currency}
    step = _step(currency)
    return _wire(_fit(exact(amount), step), currency)


def rounded(amount: Json, currency: str) -> MoneyJson:
    """Return money of the amount rounded half up, away from zero, to the currency's places."""
    step = _step(currency)
    return _wire(HALF_UP.quantize(exact(amount), step), currency)


def from_minor(units: Json, currency: str, places: int | None = None) -> MoneyJson:
    """Return money of a whole number of the currency's smallest units (19566 USD is 195.66).

    `places` are the decimal places that the sender's units have where they are others than the
    currency's: 500 ISK at 2 places are 5 ISK. Raises MoneyError for places that are not among
    PLACES, for units that are no whole number, and where the money is not exact in its currency.
    """
    step = _step(currency)
    number = exact(units)
    if number != number.to_integral_value():
        raise MoneyError("minor units are a whole number")
    if places is None:
        return _wire(EXACT.multiply(number, step), currency, step)
    if type(places) is not int or places not in PLACES:
        raise MoneyError(f"places are a whole number from {PLACES[0]} to {PLACES[-1]}")
    return _wire(number.scaleb(-places, context=EXACT), currency, step)


def to_minor(money: Json) -> int:
    """Return the amount as a whole number of the currency's smallest units."""
    number, currency = _read(money)
    return int(number.scaleb(EXPONENTS[currency], context=EXACT))


def amount_of(money: Json) -> str:
    """Return the amount as text with exactly the currency's decimal places."""
    number, currency = _read(money)
    return _wire(number, currency)["amount"]


def total(amounts: Iterable[Json], currency: str | None = None) -> MoneyJson:
    """Return the exact sum; `currency` is needed where there is nothing to add.

    Raises MoneyError for mixed currencies.
    """
    number, known = Decimal(0), currency
    for one in amounts:
        amount, own = _read(one)
        known = own if known is None else known
        if own != known:
            raise MoneyError(MIXED)
        number = EXACT.add(number, amount)
    if known is None:
        raise MoneyError("an empty list needs a currency")
    return _wire(number, known, _step(known))


def negate(money: Json) -> MoneyJson:
    """Return the money with the other sign."""
    number, currency = _read(money)
    return _wire(number.copy_negate(), currency)


def absolute(money: Json) -> MoneyJson:
    """Return the money without its sign."""
    number, currency = _read(money)
    return _wire(number.copy_abs(), currency)


def sign(money: Json) -> int:
    """Return -1, 0 or 1."""
    number, _ = _read(money)
    return (number > 0) - (number < 0)


def compare(first: Json, second: Json) -> int:
    """Return -1, 0 or 1 as the first is less, the same or more. Raises MoneyError."""
    left, currency = _read(first)
    right, other = _read(second)
    if currency != other:
        raise MoneyError(MIXED)
    return (left > right) - (left < right)


def multiply(money: Json, rate: Json) -> MoneyJson:
    """Return the money times a rate (text or number), rounded half up to the currency's places."""
    number, currency = _read(money)
    product = EXACT.multiply(number, exact(rate))
    return _wire(HALF_UP.quantize(product, _step(currency)), currency)


def allocate(money: Json, weights: Sequence[Json]) -> list[MoneyJson]:
    """Return one share a weight, in their order, which sum to the money exactly.

    Weights are texts, numbers or money of one currency, of one sign. Each share is within one
    minor unit of its exact part; what is left goes to the largest remainders, the earlier weight
    first. A negative amount gives the negated shares of the positive one.
    Raises MoneyError for no weights, weights that are all zero, or of both signs.
    """
    units, currency = to_minor(money), money["currency"]
    parts = _whole_weights(weights)
    whole = sum(parts)
    shares, rests = [], []
    for part in parts:
        share, rest = divmod(abs(units) * part, whole)
        shares.append(share)
        rests.append(rest)
    left = abs(units) - sum(shares)
    for index in sorted(range(len(parts)), key=lambda index: (-rests[index], index))[:left]:
        shares[index] += 1
    return [from_minor(-share if units < 0 else share, currency) for share in shares]


def _whole_weights(weights: Sequence[Json]) -> list[int]:
    """Return weights in the same proportion as whole numbers that are not negative."""
    if not weights:
        raise MoneyError("no weights")
    if all(is_money(one) for one in weights):
        if len({one["currency"] for one in weights}) > 1:
            raise MoneyError("mixed currencies among the weights")
        numbers = [_read(one)[0] for one in weights]
    else:
        numbers = [exact(one) for one in weights]
    if any(one > 0 for one in numbers) and any(one < 0 for one in numbers):
        raise MoneyError("weights of both signs")
    if not any(numbers):
        raise MoneyError("all weights are zero")
    places = max(-_exponent(one) for one in numbers)
    return [abs(int(one.scaleb(max(places, 0), context=EXACT))) for one in numbers]


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "numbers are finite"
    return exponent


def _step(currency: str) -> Decimal:
    step = _STEPS.get(currency) if isinstance(currency, str) else None
    if step is None:
        raise MoneyError(NO_CODE)
    return step


def _fit(number: Decimal, step: Decimal) -> Decimal:
    try:
        return EXACT.quantize(number, step)
    except Inexact:
        raise MoneyError(TOO_FINE) from None


def _read(value: Json) -> tuple[Decimal, str]:
    if not is_money(value):
        raise MoneyError("not money")
    currency = value["currency"]
    return _fit(exact(value["amount"]), _step(currency)), currency


def _wire(number: Decimal, currency: str, step: Decimal | None = None) -> MoneyJson:
    """Return the document form; `step` where the number may lack the currency's places."""
    if step is not None:
        number = _fit(number, step)
    if number.adjusted() >= _MAX_WHOLE:
        raise MoneyError(f"more than {_MAX_WHOLE} digits before the point")
    if number.is_zero():
        number = number.copy_abs()
    return {"amount": format(number, "f"), "currency": currency}
