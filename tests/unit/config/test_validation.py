"""What a document breaks is told by place and rule, never by value."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.validation import (
    MAX_TOLD,
    Contract,
    pointer_of,
    registry_of,
    schema_mistakes,
    validator_over,
)
from router.core.diagnostics import Place
from router.core.errors import ContractViolation
from router.core.message import ContractRef

SECRET = "4711-SECRET"


@pytest.fixture
def told(workshop: Any) -> Any:
    """A maker of findings: what a document breaks of a schema, as texts."""

    def make(schema: dict[str, Any], document: Any) -> list[str]:
        name = f"thing{len(workshop.library.contracts.versions)}"
        return [str(one) for one in workshop.contract(name, schema).violations(document)]

    return make


@pytest.mark.parametrize(
    ("schema", "document", "text"),
    [
        ({"type": "integer"}, SECRET, "/ must be integer, is text (type)"),
        ({"type": ["integer", "null"]}, SECRET, "/ must be null, integer, is text (type)"),
        ({"enum": ["a", 5]}, SECRET, "/ must be one of a, 5 (enum)"),
        ({"const": "a"}, SECRET, "/ must be a (const)"),
        ({"pattern": "^a$"}, SECRET, "/ must match ^a$ (pattern)"),
        ({"format": "date"}, SECRET, "/ must be a date (format)"),
        ({"minLength": 99}, SECRET, "/ must have at least 99 characters (minLength)"),
        ({"maxLength": 1}, SECRET, "/ must have at most 1 characters (maxLength)"),
        ({"minimum": 5000}, 4711, "/ must be at least 5000 (minimum)"),
        ({"maximum": 5}, 4711, "/ must be at most 5 (maximum)"),
        ({"exclusiveMinimum": 5000}, 4711, "/ must be more than 5000 (exclusiveMinimum)"),
        ({"exclusiveMaximum": 5}, 4711, "/ must be less than 5 (exclusiveMaximum)"),
        ({"multipleOf": 2}, 4711, "/ must be a multiple of 2 (multipleOf)"),
        ({"required": ["a"]}, {"b": SECRET}, "/ lacks a (required)"),
        ({"minItems": 3}, [SECRET], "/ must have at least 3 items (minItems)"),
        ({"maxItems": 0}, [SECRET], "/ must have at most 0 items (maxItems)"),
        ({"uniqueItems": True}, [SECRET, SECRET], "/ holds an item twice (uniqueItems)"),
        ({"minProperties": 2}, {"a": SECRET}, "/ must have at least 2 fields (minProperties)"),
        ({"maxProperties": 0}, {"a": SECRET}, "/ must have at most 0 fields (maxProperties)"),
        ({"not": {"type": "string"}}, SECRET, "/ matches what it must not (not)"),
        ({"contains": {"const": 1}}, [SECRET], "/ breaks contains (contains)"),
        ({"properties": {"a": False}}, {"a": SECRET}, "/a must not be here (falseSchema)"),
        ({"items": {"const": 1}}, [1, SECRET], "/1 must be 1 (const)"),
        (
            {"propertyNames": {"maxLength": 1}},
            {"ab": SECRET},
            "/ breaks propertyNames (propertyNames)",
        ),
        ({"dependentRequired": {"a": ["b"]}}, {"a": SECRET}, "/ lacks b (required)"),
        ({"if": {"type": "string"}, "then": {"const": "q"}}, SECRET, "/ must be q (const)"),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"b": SECRET},
            "/ has b, which the contract does not know (additionalProperties)",
        ),
        (
            {"properties": {"a": {}}, "unevaluatedProperties": False},
            {"b": SECRET},
            "/ has b, which the contract does not know (unevaluatedProperties)",
        ),
        (
            {"properties": {"a/b": {"properties": {"c~d": {"items": {"type": "null"}}}}}},
            {"a/b": {"c~d": [None, SECRET]}},
            "/a~1b/c~0d/1 must be null, is text (type)",
        ),
    ],
)
def test_each_rule_says_place_and_wish_and_no_value(
    told: Any, schema: dict[str, Any], document: Any, text: str
) -> None:
    assert told(schema, document) == [text]
    assert "4711" not in text


def test_every_violation_is_told_in_order_of_place(told: Any) -> None:
    schema = {
        "properties": {"a": {"type": "string"}, "b": {"items": {"minimum": 1}}},
        "required": ["c"],
    }
    assert told(schema, {"a": 1, "b": [0, 5, 0]}) == [
        "/ lacks c (required)",
        "/a must be string, is number (type)",
        "/b/0 must be at least 1 (minimum)",
        "/b/2 must be at least 1 (minimum)",
    ]


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
def test_of_several_forms_the_one_that_was_meant_is_told(told: Any, keyword: str) -> None:
    def form(kind: str, field: str) -> dict[str, Any]:
        return {
            "properties": {"kind": {"const": kind}, field: {"type": "integer"}},
            "required": ["kind", field],
        }

    schema = {keyword: [form("a", "x"), form("b", "y"), form("c", "z")]}
    assert told(schema, {"kind": "b", "y": SECRET}) == ["/y must be integer, is text (type)"]
    assert told(schema, {"kind": "c"}) == ["/ lacks z (required)"]


def test_a_document_of_two_forms_at_once_is_told(told: Any) -> None:
    (text,) = told({"oneOf": [{"type": "string"}, {"minLength": 1}]}, SECRET)
    assert text == "/ breaks oneOf (oneOf)"


def test_a_long_wish_is_cut(told: Any) -> None:
    (text,) = told({"enum": [f"word{n}" for n in range(500)]}, SECRET)
    assert len(text) < 180
    assert text.endswith("... (enum)")


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("date", "2025-02-28", "2025-02-29"),
        ("date-time", "2025-02-28T10:00:00+01:00", "2025-02-28T10:00:00"),
        ("time", "10:00:00Z", "25:00:00Z"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
        ("email", "a@example.org", "a.example.org"),
        ("uri", "https://example.org/a", "/a"),
    ],
)
def test_formats_are_asserted(told: Any, format_: str, good: str, bad: str) -> None:
    assert told({"format": format_}, good) == []
    assert told({"format": format_}, bad) == [f"/ must be a {format_} (format)"]


def test_numbers_and_truths_are_not_each_other(told: Any) -> None:
    assert told({"type": "integer"}, True) == ["/ must be integer, is boolean (type)"]
    assert told({"const": 1}, True) != []
    assert told({"type": "integer"}, 1.0) == []
    assert told({"type": "integer"}, 2**64 - 1) == []


def test_invariants_are_asked_only_when_the_schema_holds(workshop: Any) -> None:
    more = "invariants: [{id: twice, expr: '=a == b'}]\n"
    contract = workshop.contract("thing", {"required": ["a"]}, more=more)
    assert [one.rule for one in contract.violations({"b": 1})] == ["required"]
    assert [one.rule for one in contract.violations({"a": 1, "b": 2})] == ["twice"]
    assert contract.violations({"a": 1, "b": 1}) == []


def test_an_invariant_that_cannot_be_asked_is_broken_and_shows_no_value(workshop: Any) -> None:
    more = "invariants: [{id: sound, expr: \"=lower(a) == 'x'\"}]\n"
    (one,) = workshop.contract("thing", more=more).violations({"a": 4711})
    assert (one.rule, one.pointer) == ("sound", "")
    assert "4711" not in str(one)


@pytest.mark.parametrize("document", [None, 5, "x", [], True])
def test_an_invariant_over_no_object_is_broken_not_an_accident(
    workshop: Any, document: Any
) -> None:
    contract = workshop.contract("thing", more="invariants: [{id: has-a, expr: =a}]\n")
    assert [one.rule for one in contract.violations(document)] == ["has-a"]


def test_ensure_raises_with_all_that_was_told(workshop: Any) -> None:
    contract = workshop.contract("thing", {"items": {"type": "string"}})
    contract.ensure(["a"], "the payload")
    with pytest.raises(ContractViolation) as raised:
        contract.ensure([4711] * (MAX_TOLD + 3), "the payload")
    text = str(raised.value)
    assert text.startswith("the payload breaks thing@1.0.0: /0 must be string, is number (type); ")
    assert text.count("(type)") == MAX_TOLD
    assert text.endswith("; and 3 more")
    assert "4711" not in text


def test_a_pointer_is_escaped() -> None:
    assert pointer_of([]) == ""
    assert pointer_of(["a/b", 0, "c~d", ""]) == "/a~1b/0/c~0d/"


def test_the_registry_is_closed() -> None:
    with pytest.raises(ValueError, match="urn:contract:other"):
        validator_over({"$ref": "urn:contract:other:1.0.0"}, registry_of([]))
    with pytest.raises(ValueError, match="example"):
        validator_over({"$ref": "https://example.org/s.json"}, registry_of([]))


@pytest.mark.parametrize(
    ("schema", "pointer"), [({"type": "foo"}, "/type"), ({"properties": {"a": 5}}, "/properties/a")]
)
def test_a_schema_is_held_against_the_meta_schema(schema: Any, pointer: str) -> None:
    assert [place for place, _ in schema_mistakes(schema)] == [pointer]
    assert schema_mistakes({"type": "string"}) == []


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text("ab", max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=10,
)
SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "string"},
        "b": {"items": {"oneOf": [{"const": 1}, {"type": "null"}]}},
    },
    "required": ["a"],
    "additionalProperties": False,
}


REFERENCE = jsonschema.Draft202012Validator(SCHEMA)
OURS = Contract(
    ref=ContractRef("thing", "1.0.0"),
    schema=SCHEMA,
    place=Place("thing"),
    keys=(),
    unconsumed="",
    invariants=(),
    validator=validator_over(SCHEMA, registry_of([])),
)


@given(JSON)
def test_something_is_told_exactly_when_the_reference_engine_refuses(document: Any) -> None:
    assert (OURS.violations(document) == []) == REFERENCE.is_valid(document)
