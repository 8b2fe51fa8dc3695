"""Owns: functions that make money and take it apart.
Imports: core.money, declare.
Never: rounds unless its name says so.
"""

from __future__ import annotations

from router.config.transforms.functions.declare import ArgumentError, Function, function, whole
from router.core import money as core
from router.core.document import Json


@function(
    "amount: text|number",
    "currency: text",
    returns="money",
    example=("money('19.9', 'EUR')", '{"amount": "19.90", "currency": "EUR"}'),
)
def money(amount: str | float, currency: str) -> Json:
    """Give money of exactly this amount, with the decimal places of its currency.

    Refuses an amount that is not exact in the currency (1.295 EUR): `rounded` rounds.
    """
    return core.money(amount, currency)


@function(
    "amount: text|number",
    "currency: text",
    returns="money",
    example=("rounded('1.005', 'EUR')", '{"amount": "1.01", "currency": "EUR"}'),
)
def rounded(amount: str | float, currency: str) -> Json:
    """Give money of the amount rounded half up, away from zero, to the currency's places."""
    return core.rounded(amount, currency)


@function(
    "units: text|number",
    "currency: text",
    "places?: number|null",
    returns="money",
    example=("minor(`19566`, 'USD')", '{"amount": "195.66", "currency": "USD"}'),
)
def minor(units: str | float, currency: str, places: float | None = None) -> Json:
    """Give money of a whole number of the currency's smallest units: cents for USD, yen for JPY.

    `places`, a whole number from 0 to 4, is for a sender whose units have other decimal places than
    the currency; keep them in a table. Null stands for the currency's own.
    """
    return core.from_minor(units, currency, None if places is None else whole(places, "places"))


@function("amount: money", returns="number", example=("to_minor(money('195.66', 'USD'))", "19566"))
def to_minor(amount: Json) -> Json:
    """Give the amount as a whole number of the currency's smallest units."""
    return core.to_minor(amount)


@function("amount: money", returns="text", example=("amount_of(money('5', 'EUR'))", '"5.00"'))
def amount_of(amount: Json) -> Json:
    """Give the amount as text, with exactly the decimal places of the currency."""
    return core.amount_of(amount)


@function(
    "amount: money",
    "rate: text|number",
    returns="money",
    example=("multiply(money('0.35', 'EUR'), '0.5')", '{"amount": "0.18", "currency": "EUR"}'),
)
def multiply(amount: Json, rate: str | float) -> Json:
    """Give the money times a rate, rounded half up, away from zero, to the currency's places."""
    return core.multiply(amount, rate)


@function(
    "amount: money",
    "weights: list[number|text|money]",
    returns="list[money]",
    example=(
        "allocate(money('0.05', 'EUR'), `[1, 1]`)",
        '[{"amount": "0.03", "currency": "EUR"}, {"amount": "0.02", "currency": "EUR"}]',
    ),
)
def allocate(amount: Json, weights: list[Json]) -> Json:
    """Split money in proportion to weights, one share each in their order; nothing is lost.

    What cannot be split evenly goes to the largest remainders, the earlier weight first. Weights
    are numbers, texts or money, of one sign and not all zero.
    """
    return core.allocate(amount, weights)


@function(
    "amount: money",
    "weights: list[number|text|money]",
    "index: number",
    returns="money",
    example=(
        "share(money('0.05', 'EUR'), `[1, 1]`, `0`)",
        '{"amount": "0.03", "currency": "EUR"}',
    ),
)
def share(amount: Json, weights: list[Json], index: float) -> Json:
    """Give one share of what `allocate` gives, by the index of its weight, from 0.

    An index without a weight is refused.
    """
    position = whole(index, "index")
    if not 0 <= position < len(weights):
        raise ArgumentError(f"there is no weight {position}: there are {len(weights)}")
    return core.allocate(amount, weights)[position]


FUNCTIONS: tuple[Function, ...] = (
    money,
    rounded,
    minor,
    to_minor,
    amount_of,
    multiply,
    allocate,
    share,
)
