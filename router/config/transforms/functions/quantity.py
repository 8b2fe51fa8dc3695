"""Owns: functions that make quantities and plain decimal numbers.
Imports: core.quantity, declare.
Never: rounds.
"""

from __future__ import annotations

from router.config.transforms.functions.declare import Function, function
from router.core import quantity as core
from router.core.document import Json

_PERCENT = -2


@function(
    "value: text|number",
    "unit: text",
    returns="quantity",
    example=("quantity('-1.0000', 'EA')", '{"value": "-1", "unit": "EA"}'),
)
def quantity(value: str | float, unit: str) -> Json:
    """Give a quantity with its unit, a code of UN/CEFACT Recommendation 20 (EA, KGM, MTR ...).

    The value is exact and in normal form: no trailing zeros, no exponent.
    """
    return core.quantity(value, unit)


@function(
    "number: text|number",
    returns="text",
    example=("number_text('-007.50')", '"-7.5"'),
)
def number_text(number: str | float) -> Json:
    """Give a number as text in normal form: no leading or trailing zeros, no exponent."""
    return core.normal_text(core.exact(number))


@function("rate: text|number", returns="text", example=("percent('7.25%')", '"0.0725"'))
def percent(rate: str | float) -> Json:
    """Give a percentage, with or without its sign, as the rate that `multiply` takes."""
    bare = rate.removesuffix("%") if isinstance(rate, str) else rate
    return core.normal_text(core.exact(bare).scaleb(_PERCENT, context=core.EXACT))


FUNCTIONS: tuple[Function, ...] = (quantity, number_text, percent)
