"""Money is exact: no digit is lost, none appears, and what does not fit is refused."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core import money as m
from router.core.currencies import EXPONENTS
from router.core.money import MoneyError
from router.core.quantity import NumberError


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


#: minor units up to a trillion euros, both signs
UNITS = st.integers(-(10**14), 10**14)
CURRENCIES = st.sampled_from(["EUR", "JPY", "TND", "CLF"])
WEIGHTS = st.lists(
    st.one_of(
        st.integers(0, 10**6),
        st.decimals(0, 1000, places=3).map(str),
    ),
    min_size=1,
    max_size=30,
).filter(lambda weights: any(Decimal(one) for one in weights))


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("195.66", "USD", "195.66"),
        ("1.290", "EUR", "1.29"),
        ("19.9", "EUR", "19.90"),
        (".62", "USD", "0.62"),
        ("-.5", "USD", "-0.50"),
        ("007.5", "EUR", "7.50"),
        ("1200", "JPY", "1200"),
        ("1200.00", "JPY", "1200"),
        ("1.25", "TND", "1.250"),
        ("1.2345", "CLF", "1.2345"),
        ("-3.4", "EUR", "-3.40"),
        ("-0.00", "EUR", "0.00"),
        ("-0", "JPY", "0"),
        (-0.0, "EUR", "0.00"),
        (5, "EUR", "5.00"),
        (19.99, "EUR", "19.99"),
        (5.0, "JPY", "5"),
        (1e16, "EUR", "10000000000000000.00"),
        (123456789012.345, "TND", "123456789012.345"),
        (9007199254740993, "EUR", "9007199254740993.00"),
    ],
)
def test_an_exact_amount_is_taken_in_normal_form(amount, currency, text):
    assert m.money(amount, currency) == {"amount": text, "currency": currency}
    assert m.money(text, currency)["amount"] == text


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("1.295", "EUR"),
        ("0.001", "EUR"),
        ("1200.5", "JPY"),
        ("1.2345", "TND"),
        (1.005, "EUR"),
        (0.1 + 0.2, "EUR"),
        (1234567890.123456, "EUR"),
        (float("nan"), "EUR"),
        (float("inf"), "EUR"),
        (1e300, "EUR"),
        (10**40, "EUR"),
        ("1" * 41, "JPY"),
        ("9" * 37, "JPY"),
        ("1" * 4301, "JPY"),
        (True, "EUR"),
        (None, "EUR"),
        (["1"], "EUR"),
        *(
            (text, "EUR")
            for text in (
                *("1e5", "", " 1", "1 ", "1,000", "1.", ".", "-", "+1", "--1", "1-", "1.2.3"),
                *(
                    "NaN",
                    "Infinity",
                    "1_000",
                    "0x1",
                    "1\n",
                    "\u0661\u0662",
                    "\uff11",
                    "EUR 1",
                    "(1.00)",
                ),
            )
        ),
        *(("1", code) for code in ("eur", "EURO", "", "XXX", "XAU", "HRK", "BGN", "QQQ", None)),
    ],
)
def test_what_is_not_exact_is_refused(amount, currency):
    with pytest.raises(NumberError) as caught:
        m.money(amount, currency)
    assert "1.295" not in str(caught.value)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1.005", "EUR", "1.01"),
        (1.005, "EUR", "1.01"),
        (2.675, "EUR", "2.68"),
        ("-1.005", "EUR", "-1.01"),
        ("1.004999999999999999999", "EUR", "1.00"),
        ("-0.004", "EUR", "0.00"),
        ("0.5", "JPY", "1"),
        ("2.5", "JPY", "3"),
        ("-2.5", "JPY", "-3"),
        ("1.0005", "TND", "1.001"),
    ],
)
def test_rounding_is_half_up_away_from_zero(amount, currency, text):
    assert m.rounded(amount, currency) == {"amount": text, "currency": currency}


@pytest.mark.parametrize(
    ("units", "currency", "text"),
    [(19566, "USD", "195.66"), ("-5", "EUR", "-0.05"), (1200, "JPY", "1200"), (1, "TND", "0.001")],
)
def test_minor_units_there_and_back(units, currency, text):
    made = m.from_minor(units, currency)
    assert made == {"amount": text, "currency": currency}
    assert m.to_minor(made) == int(units)


@pytest.mark.parametrize(
    ("units", "currency", "places", "amount"),
    [
        (500, "ISK", 2, "5"),
        (500, "ISK", 0, "500"),
        (500, "ISK", None, "500"),
        (5, "MGA", 0, "5.00"),
        (5, "MGA", 2, "0.05"),
        (12340, "KWD", 3, "12.340"),
        (-700, "UGX", 2, "-7"),
        (1, "CLF", 4, "0.0001"),
        (0, "IDR", 0, "0.00"),
        ("999999999999999999", "CVE", 0, "999999999999999999.00"),
    ],
)
def test_minor_units_of_a_sender(units, currency, places, amount):
    assert m.from_minor(units, currency, places) == {"amount": amount, "currency": currency}


@pytest.mark.parametrize("places", [-1, 5, 2.0, True, "2"])
def test_places_are_a_whole_number_from_0_to_4(places):
    with pytest.raises(m.MoneyError, match="from 0 to 4"):
        m.from_minor(500, "ISK", places)


@pytest.mark.parametrize(("units", "currency", "places"), [(550, "ISK", 2), (1, "EUR", 3)])
def test_units_that_the_currency_does_not_have_are_refused(units, currency, places):
    with pytest.raises(m.MoneyError, match="more decimal places"):
        m.from_minor(units, currency, places)


def test_minor_units_are_whole():
    with pytest.raises(MoneyError, match="whole number"):
        m.from_minor("1.5", "EUR")


@pytest.mark.parametrize(
    ("amount", "rate", "text"),
    [
        ("0.35", "0.5", "0.18"),
        ("-0.35", "0.5", "-0.18"),
        ("19.99", "0.19", "3.80"),
        ("100.00", 0.07, "7.00"),
        ("1.00", "-1", "-1.00"),
        ("0.01", "0", "0.00"),
        ("9" * 30 + ".99", "1", "9" * 30 + ".99"),
    ],
)
def test_a_rate_rounds_once(amount, rate, text):
    assert m.multiply(eur(amount), rate) == eur(text)


def test_sums_have_no_float_in_them():
    assert m.total([eur("0.10")] * 3) == eur("0.30")
    assert m.total([eur("9" * 30 + ".99"), eur("0.01")]) == eur("1" + "0" * 30 + ".00")


def test_an_empty_sum_needs_its_currency():
    assert m.total([], "JPY") == {"amount": "0", "currency": "JPY"}
    with pytest.raises(MoneyError, match="needs a currency"):
        m.total([])


def test_currencies_never_mix():
    usd = m.money("1", "USD")
    for mixed in (
        lambda: m.total([eur("1.00"), usd]),
        lambda: m.total([usd], "EUR"),
        lambda: m.compare(eur("1.00"), usd),
        lambda: m.allocate(eur("1.00"), [usd, eur("1.00")]),
    ):
        with pytest.raises(MoneyError, match="mixed currencies"):
            mixed()


@pytest.mark.parametrize(
    "value",
    [
        {"amount": 1, "currency": "EUR"},
        {"amount": "1.00"},
        {"amount": "1.00", "currency": "EUR", "more": ""},
        {"amount": None, "currency": "EUR"},
        "1.00",
        None,
    ],
)
def test_what_has_not_the_shape_is_no_money(value):
    assert not m.is_money(value)
    with pytest.raises(MoneyError):
        m.negate(value)


def test_comparison_goes_by_value_not_by_text():
    assert m.compare(eur("9.00"), eur("100.00")) == -1
    assert m.compare(eur("5"), eur("5.00")) == 0
    assert m.compare(eur("-1.00"), eur("-2.00")) == 1
    assert [m.sign(eur(text)) for text in ("-0.01", "-0.00", "0.01")] == [-1, 0, 1]


def test_amount_of_is_in_normal_form():
    assert m.amount_of(eur("5")) == "5.00"


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        ("10.00", [1, 1, 1], ["3.34", "3.33", "3.33"]),
        ("-10.00", [1, 1, 1], ["-3.34", "-3.33", "-3.33"]),
        ("0.05", [3, 7], ["0.02", "0.03"]),
        ("0.01", [1, 2, 3], ["0.00", "0.00", "0.01"]),
        ("100.00", ["19.99", "30.01", "0"], ["39.98", "60.02", "0.00"]),
        ("1.00", [eur("2.00"), eur("1.00")], ["0.67", "0.33"]),
        ("1.00", [-2, -1], ["0.67", "0.33"]),
        ("0.00", [1, 2], ["0.00", "0.00"]),
        ("1.00", [0.1, 0.2], ["0.33", "0.67"]),
    ],
)
def test_allocation_by_hand(amount, weights, shares):
    assert [one["amount"] for one in m.allocate(eur(amount), weights)] == shares


@pytest.mark.parametrize("weights", [[], [0], ["0.00", 0], [1, -1], ["x"], [None], [eur("1"), 1]])
def test_weights_that_divide_nothing_are_refused(weights):
    with pytest.raises(NumberError):
        m.allocate(eur("1.00"), weights)


@given(units=UNITS, currency=CURRENCIES, weights=WEIGHTS)
def test_shares_sum_exactly_and_are_fair(units, currency, weights):
    whole = m.from_minor(units, currency)
    shares = m.allocate(whole, weights)
    assert len(shares) == len(weights)
    assert m.total(shares, currency) == whole
    exact_weights = [Fraction(Decimal(one)) for one in weights]
    for share, weight in zip(shares, exact_weights, strict=True):
        exact_share = units * weight / sum(exact_weights)
        assert abs(m.to_minor(share) - exact_share) < 1
        assert weight or m.sign(share) == 0


@given(units=UNITS, weights=WEIGHTS, seed=st.integers(0, 99))
def test_heavier_weights_get_no_less_and_order_is_kept(units, weights, seed):
    amount = m.from_minor(units, "EUR")
    pairs = [
        (Decimal(weight), abs(m.to_minor(share)))
        for weight, share in zip(weights, m.allocate(amount, weights), strict=True)
    ]
    by_share = sorted(pairs, key=lambda pair: pair[1])
    assert sorted(pairs) == sorted(by_share, key=lambda pair: pair[0])
    shuffled = random.Random(seed).sample(weights, len(weights))
    assert sorted(map(m.to_minor, m.allocate(amount, shuffled))) == sorted(
        map(m.to_minor, m.allocate(amount, weights))
    )


@given(units=UNITS, weights=WEIGHTS)
def test_a_negative_amount_mirrors_the_positive_one(units, weights):
    amount = m.from_minor(units, "EUR")
    assert m.allocate(m.negate(amount), weights) == [
        m.negate(share) for share in m.allocate(amount, weights)
    ]


@given(first=UNITS, second=UNITS, currency=CURRENCIES)
def test_arithmetic_is_that_of_whole_minor_units(first, second, currency):
    left, right = m.from_minor(first, currency), m.from_minor(second, currency)
    assert m.to_minor(m.total([left, right])) == first + second
    assert m.total([left, m.negate(left)]) == m.total([], currency)
    assert m.negate(m.negate(left)) == left
    assert m.to_minor(m.absolute(left)) == abs(first)
    assert m.compare(left, right) == (first > second) - (first < second)


@given(amounts=st.lists(UNITS, max_size=50), seed=st.integers(0, 99))
def test_a_total_does_not_depend_on_the_order(amounts, seed):
    made = [m.from_minor(one, "TND") for one in amounts]
    shuffled = random.Random(seed).sample(made, len(made))
    assert m.total(made, "TND") == m.total(shuffled, "TND") == m.from_minor(sum(amounts), "TND")


@given(cents=st.integers(-(10**13), 10**13))
def test_a_float_of_two_decimals_is_its_text(cents):
    text = f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
    assert m.money(float(text), "EUR") == m.money(text, "EUR")


def test_the_table_of_currencies():
    assert len(EXPONENTS) == 165
    assert [EXPONENTS[code] for code in ("JPY", "USD", "TND", "CLF", "XAF")] == [0, 2, 3, 4, 0]
    assert all(len(code) == 3 and code.isupper() for code in EXPONENTS)
