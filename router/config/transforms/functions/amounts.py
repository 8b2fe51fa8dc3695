"""Owns: arithmetic that money and quantities share.
Imports: core.money, core.quantity, declare.
Never: mixes money with quantities, or two currencies or units.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.config.transforms.functions.declare import ArgumentError, Function, function
from router.core import money, quantity
from router.core.currencies import EXPONENTS
from router.core.document import Json

#: what these functions take and give
AMOUNT = "money|quantity"


@function(
    f"first: {AMOUNT}",
    f"second: {AMOUNT}",
    f"...more: {AMOUNT}",
    returns=AMOUNT,
    example=(
        "add(money('0.10', 'EUR'), money('0.20', 'EUR'))",
        '{"amount": "0.30", "currency": "EUR"}',
    ),
)
def add(*amounts: Json) -> Json:
    """Give the exact sum of money of one currency, or of quantities of one unit."""
    return sum_of(amounts)


@function(
    f"from: {AMOUNT}",
    f"amount: {AMOUNT}",
    returns=AMOUNT,
    example=(
        "subtract(money('1', 'JPY'), money('3', 'JPY'))",
        '{"amount": "-2", "currency": "JPY"}',
    ),
)
def subtract(minuend: Json, amount: Json) -> Json:
    """Give the first less the second."""
    return sum_of((minuend, _negated(amount)))


@function(
    f"amounts: list[{AMOUNT}]",
    "currency?: text",
    returns=AMOUNT,
    example=("total(`[]`, 'EUR')", '{"amount": "0.00", "currency": "EUR"}'),
)
def total(amounts: list[Json], currency: str | None = None) -> Json:
    """Give the exact sum of a list of money or of quantities; all must be of one currency or unit.

    An empty list needs the currency (or the unit) of the nothing it sums to; where the list has
    items, they must be of it. A code that is both, like a currency's, counts as a currency.
    """
    return sum_of(amounts, currency)


@function(
    f"amount: {AMOUNT}",
    returns=AMOUNT,
    example=("negate(quantity('2', 'EA'))", '{"value": "-2", "unit": "EA"}'),
)
def negate(amount: Json) -> Json:
    """Give the amount with the other sign; zero has none."""
    return _negated(amount)


@function(
    f"amount: {AMOUNT}",
    returns=AMOUNT,
    example=("absolute(money('-3.4', 'USD'))", '{"amount": "3.40", "currency": "USD"}'),
)
def absolute(amount: Json) -> Json:
    """Give the amount without its sign."""
    return money.absolute(amount) if "amount" in amount else quantity.absolute(amount)


@function(f"amount: {AMOUNT}", returns="number", example=("sign(money('-3.4', 'USD'))", "-1"))
def sign(amount: Json) -> Json:
    """Give -1, 0 or 1 as the amount is below, at or above zero."""
    return money.sign(amount) if "amount" in amount else quantity.sign(amount)


FUNCTIONS: tuple[Function, ...] = (add, subtract, total, negate, absolute, sign)


def sum_of(amounts: Sequence[Json], code: str | None = None) -> Json:
    """Return the exact sum; `code` is the currency or unit that an empty sum needs.

    Raises ArgumentError for money among quantities, MoneyError, QuantityError for mixed ones.
    """
    if not amounts:
        if code is None:
            raise ArgumentError("an empty list needs its currency as argument 2")
        return money.total((), code) if code in EXPONENTS else quantity.total((), code)
    are_money = ["amount" in one for one in amounts]
    if all(are_money):
        return money.total(amounts, code)
    if any(are_money):
        raise ArgumentError("money and quantities do not add up")
    return quantity.total(amounts, code)


def _negated(amount: Json) -> Json:
    return money.negate(amount) if "amount" in amount else quantity.negate(amount)
