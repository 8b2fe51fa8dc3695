"""What the value of an expression comes from: what flows into it, and what only decides."""

from __future__ import annotations

import pytest

from router.config.contracts import Contracts
from router.config.lineage.functions import RULES
from router.config.lineage.paths import Path, Paths, Source, spelled, steps_of
from router.config.lineage.reading import Reading
from router.config.lineage.value import Origin, Value
from router.config.transforms.compiler import BUILTIN
from router.config.transforms.expressions import Vocabulary, compile_expression
from router.config.transforms.functions import LIBRARY
from router.config.transforms.tables import Table
from router.core.diagnostics import Place

HERE = Place("a.yaml", 7, 10)
STATES = Table(
    name="states", place=HERE, columns=("key",), rows={}, has_default=True, default=None, source=""
)
#: those of which every argument goes in, each looked at
ALL_GO_IN = {
    *("abs", "avg", "ceil", "floor", "keys", "sum", "to_number", "to_string"),
    *("amount_of", "digits", "hash", "lower", "number_text", "percent", "text", "to_minor"),
    *("trim", "upper", "uuid5"),
}


def read(text: str, *steps: str) -> tuple[set[str], set[str]]:
    """Return what flows into a field of an expression's value, and what only decides about it."""
    tables = {"states": STATES}
    made, found = compile_expression(text, HERE, Vocabulary(roots=None, tables=tables))
    assert found == []
    assert made is not None
    reading = Reading(Paths.of(Contracts()), HERE)
    document = Value(frozenset({Origin(Path(Source("channel", "c")), HERE)}))
    value = reading.of(made.evaluate.tree, document)
    for step in steps:
        value = reading.items(value) if step == "[]" else reading.field(value, step)
    flows = {_word(one) for one in value.all_origins()}
    return flows, {_word(one) for one in value.all_decided()} - flows


def _word(origin: Origin) -> str:
    source = origin.path.source
    return (
        spelled(origin.path.steps) if source.kind == "channel" else f"{source.kind}:{source.name}"
    )


@pytest.mark.parametrize(
    ("text", "flows", "decides"),
    [
        ("a.b.c", "a.b.c", ""),
        ("a[0].b", "a[].b", ""),
        ("a[-1:].b", "a[].b", ""),
        ("a | b", "a.b", ""),
        ("a || b", "a b", ""),
        ("a && b", "b", "a"),
        ("!a", "", "a"),
        ("a == b", "", "a b"),
        ("a[?b == 'x'].c", "a[].c", "a[].b"),
        ("a[?b].c", "a[].c", "a[].b"),
        ("{x: a, y: b}", "a b", ""),
        ("choose(a == 'x', b, c)", "b c", "a"),
        ("first_of(a, b)", "a b", ""),
        ("lookup('states', a)", "table:states", "a"),
        ("money(a, b)", "a b", ""),
        ("business_date(instant(a), z)", "a", "z"),
        ("join_text([a, b], '/')", "a b", ""),
        ("find(a, 'k', b)", "a[]", "a[].k b"),
        ("at(a, b)", "a[] a.*", "b"),
        ("at(a, 'k')", "a.k", ""),
        ("length(a)", "", "a"),
        ("sign(a)", "", "a"),
        ("contains(a, b)", "", "a b"),
        ("max_by(a, &t)", "a[]", "a[].t"),
        ("needed(a, 'words')", "a", ""),
        ("'x'", 'constant:"x"', ""),
        ("choose(a, 'x', 'y')", 'constant:"x" constant:"y"', "a"),
    ],
)
def test_what_flows_and_what_decides(text: str, flows: str, decides: str) -> None:
    assert read(text) == (set(flows.split()), set(decides.split()))


@pytest.mark.parametrize(
    ("text", "field", "flows", "decides"),
    [
        ("money(a, b)", "amount", "a", ""),
        ("money(a, b)", "currency", "b", ""),
        ("minor(a, b, c)", "amount", "a", "c"),
        ("quantity(a, b)", "unit", "b", ""),
        ("subtract(money(a, b), money(c, d))", "amount", "a c", ""),
        ("multiply(money(a, b), c)", "currency", "b", ""),
        ("multiply(money(a, b), c)", "amount", "a c", ""),
        ("share(money(a, b), w, i)", "amount", "a", "w i"),
        ("total([money(a, b), money(c, d)], e)", "amount", "a c", ""),
        ("total([money(a, b), money(c, d)], e)", "currency", "b d e", ""),
        ("{x: a, y: b}", "x", "a", ""),
        ("merge({x: a}, {x: b, y: c})", "x", "a b", ""),
        ("lookup('states', a)", "zone", "table:states", "a"),
        ("index_by(a, 'k').x", "y", "a[].y", "a[].k"),
    ],
)
def test_a_field_comes_from_its_part_alone(text: str, field: str, flows: str, decides: str) -> None:
    assert read(text, field) == (set(flows.split()), set(decides.split()))


@pytest.mark.parametrize(
    ("text", "flows", "decides"),
    [
        ("map(&money(p, q), a)", "a[].p a[].q", ""),
        ("values(a)", "a.*", ""),
        ("where(a, 'k', b)", "a[]", "a[].k b"),
        ("sort_by(a, &t)", "a[]", "a[].t"),
        ("group_sum(a, 'k', 'v')", "a[].k a[].v", ""),
        ("[a, b]", "a b", ""),
        ("a[].b", "a[].b a[][].b", ""),
    ],
)
def test_an_item_comes_from_the_items(text: str, flows: str, decides: str) -> None:
    assert read(text, "[]") == (set(flows.split()), set(decides.split()))


def test_every_function_was_looked_at() -> None:
    known = {*LIBRARY, *BUILTIN}
    assert set(RULES) <= known
    assert known - set(RULES) == ALL_GO_IN


@pytest.mark.parametrize("text", ["a.b", "lines[].amount", '"fu:Mode".x', "[].a", "@id.$"])
def test_a_path_is_written_as_it_is_read(text: str) -> None:
    assert spelled(steps_of(text)) == text


def test_any_index_means_every_item() -> None:
    assert steps_of("a[0].b[*].c[]") == ("a", "[]", "b", "[]", "c", "[]")
