"""Expressions are checked before they run, and never show a value when they fail."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.components import INVALID
from router.config.references import EXPRESSION, VALUE, Literal
from router.config.transforms.checks import Vocabulary
from router.config.transforms.expressions import (
    MAX_LENGTH,
    MAX_NESTING,
    compile_expression,
)
from router.core.diagnostics import Place
from router.core.errors import TransformError

HERE = Place("a.yaml", 7, 10)
ROOTS = frozenset({"body", "order", "headers", "item"})


def compiled(text: str, *, anything: bool = False, tables: Any = None) -> tuple[Any, list[Any]]:
    vocabulary = Vocabulary(roots=None if anything else ROOTS, tables=tables or {})
    return compile_expression(text, HERE, vocabulary)


def codes(text: str, **more: Any) -> list[str]:
    expression, found = compiled(text, **more)
    assert (expression is None) == bool(found)
    return [one.code for one in found]


def value(text: str, **scope: Any) -> Any:
    expression, found = compiled(text)
    assert expression is not None, found
    return expression(scope)


# --- what is read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("body.id", {"body"}),
        ("body.order.item", {"body"}),
        ("body", {"body"}),
        ("'body'", set()),
        ("`5`", set()),
        ("body.a || order.b", {"body", "order"}),
        ("body.a && !(order.b)", {"body", "order"}),
        ("body.a == order.b", {"body", "order"}),
        ("[body.a, order.b]", {"body", "order"}),
        ("{x: body.a, y: order.b}", {"body", "order"}),
        ("body.lines[?item == 'x'].order", {"body"}),
        ("body.lines[*].order", {"body"}),
        ("body.lines[0].order", {"body"}),
        ("body.lines[1:2]", {"body"}),
        ("body.lines[].order", {"body"}),
        ("body.*.order", {"body"}),
        ("body | order", {"body"}),
        ("lower(body.a)", {"body"}),
        ("join(order.sep, body.list)", {"body", "order"}),
        ("sort_by(body.list, &order)", {"body"}),
        ('headers."x-topic"', {"headers"}),
        ('"body".id', {"body"}),
        ("(body.a || order.b).item", {"body", "order"}),
    ],
)
def test_the_roots_that_an_expression_reads(text: str, reads: set[str]) -> None:
    expression, found = compiled(text)
    assert found == []
    assert expression.reads == reads


@pytest.mark.parametrize(
    "text",
    [
        "bdy.id",
        "body.id || bdy.x",
        "[body.a, bdy]",
        "{a: bdy.x}",
        "!(bdy.x)",
        "lower(bdy.x)",
        "body.a == bdy.b",
        "bdy[*].a",
        "bdy[?a]",
        "bdy | a",
        "(bdy)",
        "sort_by(bdy, &a)",
        "map(&a, bdy.x)",
        # the document of all roots: what follows is a root
        "@.bdy.id",
        "@.bdy[0]",
    ],
)
def test_a_root_that_is_not_there_is_told(text: str) -> None:
    assert codes(text) == ["E104"]
    assert codes(text, anything=True) == []


@pytest.mark.parametrize("text", ["@", "*", "@.*", "keys(@)", "&body.id", "[&body]"])
def test_the_document_of_all_roots_is_no_value(text: str) -> None:
    # `=@` would put headers and environment into a payload; `=&x` is no document at all
    assert codes(text) != []


def test_the_place_is_that_of_the_word() -> None:
    _, found = compiled("body.id || bdy.x")
    assert [(one.place.line, one.place.column, one.place.width) for one in found] == [(7, 21, 3)]
    _, found = compiled("body.order || orde.x")
    assert found[0].place.column == 10 + len("body.order || ")
    assert found[0].hint == "did you mean order?"


@pytest.mark.parametrize(
    ("text", "column"), [("body..id", 15), ("body.id ||", 20), ("body.[", 16), ("body.#", 15)]
)
def test_a_slip_of_the_pen_has_its_place(text: str, column: int) -> None:
    _, found = compiled(text)
    assert [one.code for one in found] == ["E101"]
    assert found[0].place.line == 7
    assert found[0].place.column == column


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "body.", "body..id", "body id", "body.id ==", "body.'x'", "body[?]",
        "lower(", "body[", "5", "-", "body-id", "body.x-topic", "a=b", "body.id = 'x'",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_one_finding(text: str) -> None:
    assert codes(text) == ["E101"]


def test_length_and_nesting_are_bounded() -> None:
    assert codes("body." + "a" * (MAX_LENGTH - 5)) == []
    assert codes("body." + "a" * MAX_LENGTH) == ["E105"]
    assert codes("(" * MAX_NESTING + "body" + ")" * MAX_NESTING) == []
    assert codes("(" * (MAX_NESTING + 1) + "body" + ")" * (MAX_NESTING + 1)) == ["E105"]
    assert codes("!" * 1000 + "body") == ["E105"]
    assert codes("[" * 1000) == ["E105"]


@pytest.mark.parametrize("step", ["||body", "|body", "[]", "&&body"])
def test_steps_in_a_row_are_bounded(step: str) -> None:
    fits = "body" + step * 50
    assert codes(fits) == []
    made, _ = compile_expression(fits, HERE, Vocabulary(roots=None, tables={}))
    assert made is not None
    made({"body": {}})
    assert codes("body" + step * 200) == ["E105"]


# --- what is called ----------------------------------------------------------------------------


def test_an_unknown_function_names_the_nearest() -> None:
    _, found = compiled("lowr(body.a)")
    assert [(one.code, one.hint) for one in found] == [("E102", "did you mean lower?")]
    assert codes("bodyguard(body.a)") == ["E102"]


@pytest.mark.parametrize(
    "text",
    ["lower()", "lower(body.a, body.b)", "length()", "join('x')", "money(body.a)", "not_null()"],
)
def test_a_wrong_number_of_arguments_is_told(text: str) -> None:
    assert codes(text) == ["E103"]


def test_every_mistake_of_an_expression_is_told() -> None:
    assert sorted(codes("lowr(bdy.a) || lower()")) == ["E102", "E103", "E104"]


def test_the_functions_that_are_called_are_known() -> None:
    expression, _ = compiled("[lower(body.a), to_string(join(',', body.l))]")
    assert expression.calls == {"lower", "to_string", "join"}


@pytest.mark.parametrize(
    "text",
    [
        "money(body.a, 'EUR') > money(body.b, 'EUR')",
        "total(body.a) == body.b",
        "sum(total(body.a))",
    ],
)
def test_amounts_are_not_compared_as_numbers_or_texts(text: str) -> None:
    assert "E106" in codes(text)


# --- tables ------------------------------------------------------------------------------------


def test_a_lookup_finds_its_row(workshop: Any) -> None:
    tables = {"reasons": workshop.table("reasons", {("shop", "1"): "broken"}, default="other")}
    expression, found = compiled("lookup('reasons', 'shop', body.reason)", tables=tables)
    assert found == []
    assert expression({"body": {"reason": "1"}}) == "broken"
    assert expression({"body": {"reason": 1}}) == "broken"
    assert expression({"body": {"reason": "2"}}) == "other"
    assert expression({"body": {}}) == "other"


def test_lookups_are_checked(workshop: Any) -> None:
    tables = {"reasons": workshop.table("reasons", {("shop", "1"): "broken"})}
    assert codes("lookup('reasosn', 'a', 'b')", tables=tables) == ["E107"]
    assert codes("lookup(body.table, 'a', 'b')", tables=tables) == ["E107"]
    assert codes("lookup()", tables=tables) == ["E107"]
    assert codes("lookup(`5`, 'a')", tables=tables) == ["E107"]
    assert codes("lookup('reasons', 'a')", tables=tables) == ["E103"]
    assert codes("lookup('reasons', 'a', 'b', 'c')", tables=tables) == ["E103"]


# --- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("body.id", 7),
        ("body.nothing", None),
        ("body.nothing.more[0]", None),
        ("body.list[1]", "b"),
        ("body.list[-1]", "c"),
        ("body.list[5]", None),
        ("body.id[0]", None),
        ("body.items[?ok].id", [1, 3]),
        ("body.items[?id > `1`].id", [2, 3]),
        ("body.nothing || 'else'", "else"),
        ("body.zero || 'else'", 0),
        ("length(body.list)", 3),
        ("to_string(body.id)", "7"),
        ('`{"a": [1]}`', {"a": [1]}),
    ],
)
def test_values(text: str, result: Any) -> None:
    body = {
        "id": 7,
        "zero": 0,
        "list": ["a", "b", "c"],
        "items": [{"id": 1, "ok": True}, {"id": 2, "ok": ""}, {"id": 3, "ok": [0]}],
    }
    assert value(text, body=body) == result


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("body.zero", True),
        ("body.text", True),
        ("body.yes", True),
        ("body.no", False),
        ("body.null", False),
        ("body.empty", False),
        ("body.none", False),
        ("body.object", False),
        ("body.missing", False),
    ],
)
def test_what_holds(text: str, *, holds: bool) -> None:
    body = {"zero": 0, "text": "x", "yes": True, "no": False, "null": None, "empty": ""}
    expression, _ = compiled(text)
    assert expression.holds({"body": {**body, "none": [], "object": {}}}) is holds


SECRET = "4711-SECRET"


@pytest.mark.parametrize(
    "text",
    [
        "lower(body.object)",
        "length(body.number)",
        "sum(body.texts)",
        "join(',', body.numbers)",
        "to_number(body.object) || abs(body.text)",
        "sort(body.mixed)",
        "sort_by(body.objects, &key)",
        "max_by(body.objects, &key)",
        "keys(body.text)",
        "money(body.text, 'EUR')",
        "money('5.001', body.text)",
        "instant(body.text)",
        "merge(body.object, body.text)",
        "body.texts[?starts_with(@, `5`)]",
        "contains(body.number, 'x')",
        "ceil(body.text)",
        "reverse(body.object)",
    ],
)
def test_a_failure_says_where_and_shows_no_value(text: str) -> None:
    expression, found = compiled(text)
    assert found == []
    body = {
        "object": {SECRET: SECRET},
        "number": 4711,
        "numbers": [4711],
        "text": SECRET,
        "texts": [SECRET],
        "mixed": [SECRET, 4711],
        "objects": [{"key": SECRET}, {"key": 4711}],
    }
    with pytest.raises(TransformError) as raised:
        expression({"body": body})
    assert "4711" not in str(raised.value)
    assert f"={text}" in str(raised.value)
    assert raised.value.place == HERE


def test_a_lookup_that_fails_shows_no_value(workshop: Any) -> None:
    tables = {"reasons": workshop.table("reasons", {("a",): "b"})}
    expression, _ = compiled("lookup('reasons', body.x)", tables=tables)
    for key in (SECRET, [SECRET], {"a": SECRET}, 47.11, True):
        with pytest.raises(TransformError) as raised:
            expression({"body": {"x": key}})
        assert "4711" not in str(raised.value)
        assert "47.11" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("to_number(body)", "NaN"),
        ("to_number(body)", "Infinity"),
        ("to_number(body)", "1e999"),
        ("sum(body)", [1e308, 1e308]),
        ("avg(body)", [1e308, 1e308]),
    ],
)
def test_no_value_is_a_number_that_json_has_not(text: str, given: Any) -> None:
    expression, _ = compiled(text)
    try:
        made = expression({"body": given})
    except TransformError:
        return
    assert made is None or math.isfinite(made)


def test_evaluation_does_not_change_its_input() -> None:
    body = {"list": [3, 1, 2], "object": {"a": 1}}
    value("sort(body.list)", body=body)
    value('merge(body.object, `{"b": 2}`)', body=body)
    value("reverse(body.list)", body=body)
    assert body == {"list": [3, 1, 2], "object": {"a": 1}}


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=8,
)


@given(
    JSON, st.sampled_from(["a", "a.b", "a[0].b", "a[*].b", "a[?b]", "a[].b", "*.b", "a[?b > `1`]"])
)
def test_a_path_over_any_document_gives_a_value_or_our_error(document: Any, path: str) -> None:
    expression, _ = compiled(f"body.{path}")
    with contextlib.suppress(TransformError):
        expression({"body": document})


@given(st.text(alphabet="bodyrit.[]*?'`\"(){}|&!@,:= <>0-", max_size=30))
def test_no_text_makes_the_compiler_raise(text: str) -> None:
    expression, found = compiled(text)
    assert (expression is None) == any(one.code.startswith("E1") for one in found)


# --- how they stand in YAML --------------------------------------------------------------------


def test_an_expression_begins_with_an_equals_sign(workshop: Any) -> None:
    assert workshop.decode(EXPRESSION, "body.id", "body") is INVALID
    assert workshop.codes == ["E108"]
    assert "did you mean =body.id?" in workshop.told


@pytest.mark.parametrize("text", ["5", "~", "[=body.id]", "true"])
def test_an_expression_is_a_text(workshop: Any, text: str) -> None:
    assert workshop.decode(EXPRESSION, text, "body") is INVALID
    assert workshop.codes == ["E012"]


@pytest.mark.parametrize(("text", "column"), [("=bdy.id", 2), ("'=bdy.id'", 3), ('"=bdy.id"', 3)])
def test_a_place_inside_an_expression_counts_quotes(workshop: Any, text: str, column: int) -> None:
    workshop.decode(EXPRESSION, text, "body")
    assert [(one.code, one.place.column) for one in workshop.report.found] == [("E104", column)]


@pytest.mark.parametrize(("text", "literal"), [("word", "word"), ("5", 5), ("true", True)])
def test_a_value_is_literal_without_the_sign(workshop: Any, text: str, literal: Any) -> None:
    made = workshop.decode(VALUE, text, "body")
    assert made == Literal(literal)
    assert made({"body": 1}) == literal


def test_a_value_is_an_expression_with_it(workshop: Any) -> None:
    assert workshop.decode(VALUE, "=body.id", "body")({"body": {"id": 3}}) == 3
    assert workshop.decode(VALUE, "[a]") is INVALID
    assert workshop.codes == ["E012"]
