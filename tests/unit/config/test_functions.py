"""The function library: declared examples, checks of arguments, bounds, traps."""

from __future__ import annotations

import json
from typing import Any

import jmespath
import jmespath.functions
import pytest

from router.config.transforms.functions import LIBRARY, Function
from router.config.transforms.functions.declare import MAX_TEXT, function
from router.config.transforms.functions.kinds import MAX_ITEMS, checks
from router.core.errors import TransformError

EUR = {"amount": "1.00", "currency": "EUR"}
USD = {"amount": "1.00", "currency": "USD"}
EACH = {"value": "2", "unit": "EA"}
KILO = {"value": "2", "unit": "KGM"}
LONG = "x" * MAX_TEXT


class Calls(jmespath.functions.Functions):
    """Evaluates with the library beside JMESPath's functions."""

    def call_function(self, function_name: str, resolved_args: Any) -> Any:
        if function_name in LIBRARY:
            return LIBRARY[function_name](*resolved_args)
        return super().call_function(function_name, resolved_args)


def evaluate(expression: str, document: Any = None) -> Any:
    options = jmespath.Options(custom_functions=Calls())
    return jmespath.search(expression, document, options=options)


@pytest.mark.parametrize("one", LIBRARY.values(), ids=LIBRARY)
def test_the_declared_example_is_true(one: Function):
    assert one.example is not None, "every function shows an example"
    expression, value = one.example
    result = evaluate(expression)
    assert json.dumps(result) == json.dumps(json.loads(value))
    assert f"{one.name}(" in expression
    assert checks(one.returns)(result)


@pytest.mark.parametrize("one", LIBRARY.values(), ids=LIBRARY)
def test_a_wrong_number_of_arguments_is_told_at_load_and_refused(one: Function):
    needed = sum(not (p.optional or p.rest) for p in one.parameters)
    assert one.check_arity(needed) is None
    assert f"{one.name}() takes" in (one.check_arity(needed - 1) or "")
    with pytest.raises(TransformError, match="takes"):
        one(*[None] * (needed - 1))
    if not any(p.rest for p in one.parameters):
        assert "given" in (one.check_arity(len(one.parameters) + 1) or "")


def test_the_library_does_not_hide_jmespath():
    assert not LIBRARY.keys() & jmespath.functions.Functions.FUNCTION_TABLE.keys()
    assert "lookup" not in LIBRARY
    with pytest.raises(TypeError):
        LIBRARY["new"] = LIBRARY["add"]  # type: ignore[index]


def test_a_reader_finds_signature_and_text():
    assert LIBRARY["total"].signature == (
        "total(amounts: list[money|quantity], currency?: text) -> money|quantity"
    )
    assert LIBRARY["first_of"].signature == "first_of(first: any, ...more: any) -> any"
    assert all(one.doc.endswith(".") for one in LIBRARY.values())


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        (
            "total",
            [None],
            "total(): argument 1 must be a list of money or quantities, is null",
        ),
        (
            "total",
            [[EUR, {"amount": 4711}]],
            "money or quantities, is a list whose item 2 is an object of another shape",
        ),
        ("add", [EUR, EUR, "4711"], "add(): argument 3 must be money or a quantity, is text"),
        ("money", [True, "EUR"], "money(): argument 1 must be text or a number, is a boolean"),
        ("money", ["4711.001", "EUR"], "money(): more decimal places than the currency has"),
        ("money", ["1", "eur"], "money(): not an active ISO 4217 currency code"),
        ("minor", [500, "ISK", 2.5], "minor(): the places is not a whole number"),
        ("minor", [500, "ISK", 5], "minor(): places are a whole number from 0 to 4"),
        ("minor", [500, "ISK", "2"], "minor(): argument 3 must be a number or null, is text"),
        ("minor", [["4711"], "EUR"], "minor(): argument 1 must be text or a number, is a list"),
        ("upper", [4711], "upper(): argument 1 must be text, is a number"),
        ("omit_empty", [[]], "omit_empty(): argument 1 must be an object, is a list"),
        ("instant", ["4711"], "instant(): not a time: write YYYY-MM-DDThh:mm:ss and an offset"),
        ("total", [[EUR, USD]], "total(): mixed currencies"),
        ("add", [EACH, KILO], "add(): mixed units"),
        ("add", [EUR, EACH], "add(): money and quantities do not add up"),
        ("same", [EUR, EACH], "same(): money and a quantity cannot be compared"),
        ("total", [[]], "total(): an empty list needs its currency as argument 2"),
        ("first_of", [(1,)], "first_of(): argument 1 must be any value, is a list"),
        ("hash", ["4711\ud800"], "hash(): the arguments do not fit (UnicodeEncodeError)"),
        ("find", [[4711], "id", "x"], "find(): item 1 of the list is a number, no object"),
        ("text", [0.1 + 0.2], "text(): a fraction of more than 15 digits: send it as text"),
        ("text", [None], "text(): argument 1 must be text or a number or a boolean, is null"),
        ("where", [[0] * (MAX_ITEMS + 1), "a", 1], "is a list of more than 50000 items"),
    ],
)
def test_a_refusal_names_function_position_and_types_but_no_value(name, arguments, text):
    with pytest.raises(TransformError) as caught:
        LIBRARY[name](*arguments)
    assert text in str(caught.value)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("replace('abc', '', 'x')", "is empty"),
        ("split_text('abc', '')", "is empty"),
        ("pad_left('1', `1001`, '0')", "not between"),
        ("pad_left('1', `-1`, '0')", "not between"),
        ("pad_left('1', `1.5`, '0')", "whole number"),
        ("pad_left('1', `5`, '')", "one character"),
        ("slice('abc', `0.5`)", "whole number"),
        ("at(`[1]`, `0.5`)", "whole number"),
        ("at(`[1]`, 'a')", "is a number"),
        ("at(`{}`, `0`)", "is text"),
        ("uuid5('{6ba7b810-9dad-11d1-80b4-00c04fd430c8}', 'a')", "no UUID"),
        ("allocate(money('1', 'EUR'), `[0, 0]`)", "all weights are zero"),
        ('index_by(`[{"a": 1}, {"a": "1"}]`, \'a\')', "there already"),
        ("index_by(`[{\"a\": true}]`, 'a')", "text or a number"),
        ("group_sum(`[{\"k\": \"a\"}]`, 'k', 'v')", "must be money or a quantity, is null"),
        ("group_sum(`[{\"k\": []}]`, 'k', 'v')", "the key of item 1"),
        ("number_repeats(`[{}, {\"n\": 1}]`, 'n')", "item 2 has a field of that name"),
        ("number_repeats(`[1]`, 'n')", "item 1 of the list is"),
        ("entries(`[]`)", "must be object|must be an object"),
        ("business_date('2024-03-05T23:30:00', 'UTC')", "without offset"),
        ("epoch(`1`, 'h')", "s or ms"),
        ("percent('7 %')", "not a decimal"),
        ("money('1', 'EUR', `null`)", "takes 2 arguments"),
        ("total(`[]`, `null`)", "argument 2 must be text, is null"),
        ("upper(&a)", "must be text, is an expression"),
        ("first_of(&a)", "must be any value, is an expression"),
    ],
)
def test_what_cannot_be_done_is_refused(expression, said):
    with pytest.raises(TransformError, match=said):
        evaluate(expression)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("replace", [LONG, "x", "yy"]),
        ("replace", ["x" * 100_000, "x", LONG]),
        ("join_text", [[LONG] * MAX_ITEMS, ","]),
        ("join_text", [[""] * MAX_ITEMS, "xxxxxxxx"]),
        ("upper", ["\u0149" * (MAX_TEXT // 2)]),
        ("upper", [LONG + "x"]),
        ("trim", ["é" * (MAX_TEXT // 2 + 1)]),
    ],
)
def test_no_text_grows_beyond_the_bound(name, arguments):
    with pytest.raises(TransformError, match=r"larger than|do not fit"):
        LIBRARY[name](*arguments)


def test_the_bounds_themselves_are_allowed():
    assert LIBRARY["trim"](LONG) == LONG
    assert len(LIBRARY["split_text"]("," * (MAX_ITEMS - 1), ",")) == MAX_ITEMS
    with pytest.raises(TransformError, match="more than 50000 parts"):
        LIBRARY["split_text"]("," * MAX_ITEMS, ",")
    assert LIBRARY["total"]([EUR] * MAX_ITEMS)["amount"] == "50000.00"
    assert len(LIBRARY["pad_left"]("", 1000, "0")) == 1000


LINES = [
    {"id": 12, "code": "0012", "sum": {"amount": "1.10", "currency": "EUR"}, "flag": True},
    {"id": "12", "code": "12", "sum": {"amount": "2.20", "currency": "EUR"}, "flag": 1},
    {"id": None, "code": "0012", "sum": {"amount": "-0.05", "currency": "EUR"}},
]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("find(@, 'id', `12`).code", "0012"),
        ("find(@, 'id', '12').code", "12"),
        ("find(@, 'id', `12.0`).code", "0012"),
        ("find(@, 'id', `13`)", None),
        ("find(@, 'id', `null`)", None),
        ("find(@, 'flag', `1`).code", "12"),
        ("find(@, 'flag', `true`).code", "0012"),
        ("where(@, 'code', '0012')[].id", [12]),
        ("where(@, 'nothing', `null`)", []),
        ("where(@, 'code', '0012') | length(@)", 2),
        ("at(index_by([?code == '12'], 'code'), '12').id", "12"),
        ("index_by(@[:1], 'id').\"12\".code", "0012"),
        ("index_by(@, 'none')", {}),
        (
            "group_sum(@, 'code', 'sum')",
            [
                {"key": "0012", "value": {"amount": "1.05", "currency": "EUR"}},
                {"key": "12", "value": {"amount": "2.20", "currency": "EUR"}},
            ],
        ),
        ("map(&key, group_sum(@, 'flag', 'sum'))", [True, 1, None]),
        ("map(&key, group_sum(@, 'id', 'sum'))", [12, "12", None]),
        ("group_sum(@[:0], 'id', 'sum')", []),
        ("total([].sum)", {"amount": "3.25", "currency": "EUR"}),
        ("at(@, `-1`).code", "0012"),
        (
            'entries(`{"b": [], "a": [[1], null], "c": {"d": 1}}`)',
            [
                {"key": "a", "value": [1]},
                {"key": "a", "value": None},
                {"key": "c", "value": {"d": 1}},
            ],
        ),
        ("entries(`{}`)", []),
        (
            'number_repeats(`[{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": true}, {"a": 1}]`, \'n\')',
            [
                {"a": 1, "b": 2, "n": 1},
                {"b": 2, "a": 1, "n": 2},
                {"a": True, "n": 1},
                {"a": 1, "n": 1},
            ],
        ),
        ("number_repeats(`[]`, 'n')", []),
        ("at(@, `3`)", None),
        ("at(@, `-4`)", None),
        ("at(`null`, `0`)", None),
        ("at(`{\"a\": 1}`, 'b')", None),
    ],
)
def test_lists(expression, value):
    result = evaluate(expression, LINES)
    assert json.dumps(result) == json.dumps(value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("add(quantity('0.5', 'KGM'), quantity('1.50', 'KGM'))", {"value": "2", "unit": "KGM"}),
        ("subtract(quantity(`1`, 'EA'), quantity(`3`, 'EA'))", {"value": "-2", "unit": "EA"}),
        ("absolute(quantity('-2', 'EA'))", {"value": "2", "unit": "EA"}),
        ("sign(quantity('-2', 'EA'))", -1),
        ("negate(money('0', 'EUR'))", {"amount": "0.00", "currency": "EUR"}),
        ("total(`[]`, 'KGM')", {"value": "0", "unit": "KGM"}),
        ("more(quantity('10', 'EA'), quantity('9', 'EA'))", True),
        ("less(money('9.00', 'EUR'), money('100.00', 'EUR'))", True),
        ("multiply(money('19.99', 'EUR'), percent('19%'))", {"amount": "3.80", "currency": "EUR"}),
        ("percent(`0.5`)", "0.005"),
        ("text(`19.90`)", "19.9"),
        ("text(`true`)", "true"),
        ("text(`1e15`)", "1000000000000000"),
        ("text(`12345678901234567890`)", "12345678901234567890"),
        ("text('1E5')", "1E5"),
        ("first_of(`null`, `false`, 'a')", False),
        ("first_of(`null`, `null`)", None),
        ("choose(`0`, 'a', 'b')", "a"),
        ("choose('', 'a', 'b')", "b"),
        ("choose(`[]`, 'a', 'b')", "b"),
        ("as_list(`null`)", []),
        ("as_list(`[1]`)", [1]),
        ("as_list(`0`)", [0]),
        ('omit_empty(`{"a": false, "b": [[]]}`)', {"a": False, "b": [[]]}),
        ("slice('abc', `1`)", "bc"),
        ("slice('abc', `-2`, `9`)", "bc"),
        ("slice('abc', `5`, `9`)", ""),
        ("split_text('', ',')", [""]),
        ("join_text(`[]`, ',')", ""),
        ("digits('\u06612')", "2"),
        ("pad_left('12345', `3`, '0')", "12345"),
        ("replace('aaa', 'aa', 'b')", "ba"),
        ("instant('2024-10-27T02:30:00', 'Europe/Berlin')", "2024-10-27T00:30:00Z"),
        ("instant('2024-03-05T22:30:00.123456789Z')", "2024-03-05T22:30:00.123456Z"),
        ("period_of(business_date('2024-03-31T22:30:00Z', 'Europe/Berlin'))", "2024-04"),
    ],
)
def test_values(expression, value):
    assert json.dumps(evaluate(expression)) == json.dumps(value)


def test_functions_do_not_change_what_they_are_given():
    before = json.dumps(LINES)
    LIBRARY["group_sum"](LINES, "code", "sum")
    LIBRARY["index_by"](LINES[1:], "code")
    LIBRARY["where"](LINES, "code", "12")
    LIBRARY["omit_empty"](LINES[2])
    LIBRARY["number_repeats"](LINES, "nth")
    LIBRARY["entries"]({"lines": LINES})
    assert json.dumps(LINES) == before


def test_a_declaration_with_mistakes_fails_at_import():
    def undocumented(value: Any) -> Any:
        return value

    def documented(value: Any) -> Any:
        """Give the value."""
        return value

    with pytest.raises(ValueError, match="no docstring"):
        function("value: any", returns="any")(undocumented)
    with pytest.raises(ValueError, match="no kind of value"):
        function("value: cash", returns="any")(documented)
    with pytest.raises(ValueError, match="no kind of value"):
        function("value: any", returns="list[cash]")(documented)
    with pytest.raises(ValueError, match="name: kind"):
        function("value", returns="any")(documented)


@pytest.mark.parametrize(
    ("kind", "yes", "no"),
    [
        ("any", [None, 1, "", [], {}], [object()]),
        ("number", [1, 1.5], [True, "1", None]),
        ("text|null", ["", None], [1, []]),
        ("list", [[], [1]], [{}, "a", None]),
        ("list[money]", [[], [EUR]], [[EACH], [None], EUR]),
        ("list[number|text|money]|null", [[1, "1", EUR], None], [[EACH], [True]]),
        ("money|quantity", [EUR, EACH], [{}, {**EUR, "x": 1}, {"amount": 1, "currency": "EUR"}]),
    ],
)
def test_kinds(kind, yes, no):
    fits = checks(kind)
    assert all(map(fits, yes))
    assert not any(map(fits, no))
