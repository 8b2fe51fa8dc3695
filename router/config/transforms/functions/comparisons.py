"""Owns: comparisons of money and of quantities, which JMESPath's operators get wrong.
Imports: core.money, core.quantity, declare.
Never: compares two currencies or units.
"""

from __future__ import annotations

from router.config.transforms.functions.declare import ArgumentError, Function, function
from router.core import money, quantity
from router.core.document import Json


@function(
    "first: money|quantity",
    "second: money|quantity",
    returns="boolean",
    example=("more(money('100.00', 'EUR'), money('9.00', 'EUR'))", "true"),
)
def more(first: Json, second: Json) -> Json:
    """Tell whether the first is more than the second; another currency or unit is refused."""
    return _compare(first, second) > 0


@function(
    "first: money|quantity",
    "second: money|quantity",
    returns="boolean",
    example=("less(quantity('0.5', 'KGM'), quantity('0.50', 'KGM'))", "false"),
)
def less(first: Json, second: Json) -> Json:
    """Tell whether the first is less than the second; another currency or unit is refused."""
    return _compare(first, second) < 0


@function(
    "first: money|quantity",
    "second: money|quantity",
    returns="boolean",
    example=("same(money('5', 'EUR'), money('5.00', 'EUR'))", "true"),
)
def same(first: Json, second: Json) -> Json:
    """Tell whether both are the same amount; another currency or unit is refused."""
    return _compare(first, second) == 0


FUNCTIONS: tuple[Function, ...] = (more, less, same)


def _compare(first: Json, second: Json) -> int:
    if ("amount" in first) is not ("amount" in second):
        raise ArgumentError("money and a quantity cannot be compared")
    return money.compare(first, second) if "amount" in first else quantity.compare(first, second)
