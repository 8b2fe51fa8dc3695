"""Quantities are exact decimals in one form, with a unit that never mixes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core import quantity as q
from router.core.quantity import NumberError, QuantityError


def each(value: str) -> dict[str, str]:
    return {"value": value, "unit": "EA"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("-1.0000", "-1"),
        ("0.50", "0.5"),
        ("100", "100"),
        ("-0.000", "0"),
        ("0010", "10"),
        (".25", "0.25"),
        (2, "2"),
        (2.0, "2"),
        (1e-7, "0.0000001"),
        (1e15, "1000000000000000"),
        (0.1, "0.1"),
    ],
)
def test_a_value_is_in_normal_form(value, text):
    assert q.quantity(value, "EA") == each(text)


@pytest.mark.parametrize("value", ["1e5", "", " 1", "1,5", "NaN", 0.1 + 0.2, True, None, 1e40])
def test_a_value_that_is_not_exact_is_refused(value):
    with pytest.raises(NumberError):
        q.quantity(value, "EA")


@pytest.mark.parametrize("unit", ["", "ea", "PIECE", "E A", "KG\n", "É", None])
def test_a_unit_is_a_short_code(unit):
    with pytest.raises(QuantityError, match="a unit is"):
        q.quantity("1", unit)


def test_units_never_mix():
    kilos = q.quantity("1", "KGM")
    for mixed in (
        lambda: q.total([each("1"), kilos]),
        lambda: q.total([kilos], "EA"),
        lambda: q.compare(each("1"), kilos),
    ):
        with pytest.raises(QuantityError, match="mixed units"):
            mixed()


def test_an_empty_sum_needs_its_unit():
    assert q.total([], "KGM") == {"value": "0", "unit": "KGM"}
    with pytest.raises(QuantityError, match="needs a unit"):
        q.total([])


def test_comparison_goes_by_value():
    assert q.compare(each("9"), each("10")) == -1
    assert q.compare(each("0.50"), each("0.5")) == 0
    assert [q.sign(each(text)) for text in ("-0.1", "-0", "3")] == [-1, 0, 1]


@pytest.mark.parametrize("value", [{"value": 1, "unit": "EA"}, {"value": "1"}, "1", None, []])
def test_what_has_not_the_shape_is_no_quantity(value):
    assert not q.is_quantity(value)
    with pytest.raises(QuantityError):
        q.absolute(value)


def test_a_result_that_could_not_be_read_again_is_refused():
    small, large = each("0." + "0" * 30 + "1"), each("9" * 30)
    with pytest.raises(NumberError, match="40 digits"):
        q.total([small, large])


@given(st.lists(st.decimals(-(10**9), 10**9, places=4), min_size=1, max_size=30))
def test_sums_are_exact(numbers):
    made = [q.quantity(format(one, "f"), "EA") for one in numbers]
    assert Decimal(q.total(made)["value"]) == sum(numbers)
    assert q.total([*made, *map(q.negate, made)]) == each("0")
    assert all(q.quantity(one["value"], "EA") == one for one in made)
