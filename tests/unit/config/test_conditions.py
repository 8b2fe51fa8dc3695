"""Conditions that are said as cases let the same values through, and are told the same of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config.conditions import as_cases
from router.config.contracts import Contracts, load_contracts
from router.config.demands import fits_nothing
from router.config.files import read_texts
from router.config.validation import registry_of, validator_over
from router.core.diagnostics import Report

NONE = registry_of([])
#: questions about one value with which conditions are said as cases, and without
MANY, FEW = 99, 0

FIELDS = st.sampled_from(["id", "sort"])
TEXTS = st.sampled_from(["A", "B", "C", "D"])
THENS: st.SearchStrategy[Any] = st.sampled_from(
    [
        True,
        False,
        {"required": ["x"]},
        {"required": ["x"], "properties": {"x": {"type": "integer"}}},
        {"properties": {"x": {"type": "string"}}},
        {"properties": {"x": False}},
        {"properties": {"sort": {"const": "A"}}},
        {"type": "object"},
        {"type": "array"},
    ]
)


def condition(name: str, text: str, then: Any, *, strict: bool) -> dict[str, Any]:
    """Return a condition; a strict one does not hold where the field is not."""
    asked: dict[str, Any] = {"properties": {name: {"const": text}}}
    return {"if": asked | ({"required": [name]} if strict else {}), "then": then}


CONDITIONS = st.builds(condition, FIELDS, TEXTS, THENS, strict=st.booleans())
OTHERS: st.SearchStrategy[Any] = st.sampled_from(
    [
        {"type": "object"},
        {"required": ["id"]},
        {"properties": {"id": {"const": "A"}}},
        {"if": {"required": ["id"]}, "then": {"required": ["sort"]}, "else": {"type": "object"}},
        {"if": {"properties": {"id": {"enum": ["A", "B"]}}}, "then": {"required": ["x"]}},
        {"properties": {"id": {"type": "string", "maxLength": 1}}},
    ]
)
TOLD = st.lists(CONDITIONS | OTHERS, min_size=1, max_size=6).map(lambda parts: {"allOf": parts})
PLACES: st.SearchStrategy[Any] = st.sampled_from(["itself", "items", "contains", "not", "anyOf"])

VALUES = [
    *(1, "A", None, [], ["A"], {}),
    *({"id": one} for one in ("A", "B", "C", "Z", 1, None, ["A"])),
    *({"id": one, "sort": two} for one in "ABCD" for two in "AZ"),
    *({"id": one, "x": two} for one in "ABCDZ" for two in (1, "one")),
    *({"sort": one, "x": two} for one in "ABCDZ" for two in (1, "one")),
    *({"id": one, "sort": two, "x": 1} for one in "ABCD" for two in "ABCD"),
    {"x": 1},
]


def placed(schema: Any, place: str) -> dict[str, Any]:
    """Return a schema in which another stands."""
    strict = {"type": "object", "required": ["id"]}
    match place:
        case "items":
            listed = {"allOf": [strict, schema]}
            has = {"required": ["id"]}
            return {"type": "array", "minItems": 1, "items": listed, "contains": has}
        case "contains":
            return {"type": "array", "contains": schema}
        case "not":
            return {"not": schema}
        case "anyOf":
            return {"anyOf": [schema, {"type": "integer"}], **strict}
    return dict(schema)


@settings(max_examples=300)
@given(TOLD, PLACES)
def test_the_same_values_are_let_through(schema: Any, place: str) -> None:
    whole = placed(schema, place)
    before, after = validator_over(whole, NONE), validator_over(as_cases(whole), NONE)
    for value in [*VALUES, *([one] for one in VALUES), VALUES]:
        assert before.is_valid(value) == after.is_valid(value), value


@settings(max_examples=300)
@given(TOLD, PLACES)
def test_what_fits_nothing_is_told_alike(schema: Any, place: str) -> None:
    whole = placed(schema, place)
    assert fits_nothing(whole, NONE, MANY) == fits_nothing(whole, NONE, FEW)


#: a name -> what keeps a schema as it is: parts that are named by where they stand, or are counted
FIXED: dict[str, dict[str, Any]] = {
    "a reference into a part": {"properties": {"x": {"$ref": "#/allOf/0/then"}}},
    "a reference whose text is escaped": {"properties": {"x": {"$ref": "#/%61llOf/0/then"}}},
    "a reference by the own name": {"properties": {"x": {"$ref": "urn:contract:a:1.0.0#/allOf/0"}}},
    "what others did not look at": {"unevaluatedProperties": False},
    "an anchor": {"properties": {"x": {"$anchor": "here"}}},
    "a reference that leads elsewhere by depth": {"properties": {"x": {"$dynamicRef": "#x"}}},
}
#: what lets parts move: references to whole contracts and to parts that have a name
FREE = ("#", "#/$defs/money", "urn:contract:a/b:1.0.0", "urn:contract:a:1.0.0#/$defs/money")
FOUR = {"allOf": [condition("id", text, {"required": ["x"]}, strict=False) for text in "ABCD"]}


@pytest.mark.parametrize("more", FIXED.values(), ids=FIXED)
def test_where_parts_are_named_nothing_moves(more: dict[str, Any]) -> None:
    assert as_cases(FOUR | more) == FOUR | more


@pytest.mark.parametrize("reference", FREE)
def test_references_to_named_parts_do_not_hinder(reference: str) -> None:
    more = {"properties": {"x": {"$ref": reference}}}
    assert as_cases(FOUR | more) == as_cases(FOUR) | more != FOUR | more


@pytest.mark.parametrize(
    "value", [{"const": FOUR}, {"enum": [FOUR]}, {"default": FOUR}, {"examples": [FOUR]}]
)
def test_values_are_no_schemas(value: dict[str, Any]) -> None:
    assert as_cases(value) == value


def test_a_few_conditions_stay_as_they_are() -> None:
    few = {"allOf": FOUR["allOf"][:2]}
    assert as_cases(few) == few


def test_many_conditions_are_told_in_the_end() -> None:
    words = [f"W{number}" for number in range(60)]
    parts = [condition("id", word, {"properties": {"id": False}}, strict=False) for word in words]
    schema = {"properties": {"id": {"enum": words}}, "allOf": parts, **placed({}, "anyOf")}
    assert fits_nothing(schema, NONE, MANY)
    one_more = {**schema, "properties": {"id": {"enum": [*words, "other"]}}}
    assert not fits_nothing(one_more, NONE, MANY)


def landscape() -> Contracts:
    """Return the contracts of the landscape."""
    texts = read_texts(Path(__file__).parents[3], Report())
    kept = {path: text for path, text in texts.items() if path.startswith("contracts/")}
    return load_contracts(kept, Report())


def test_every_contract_of_the_landscape_is_told_alike() -> None:
    every = list(landscape().all())
    registry = registry_of([(one.schema["$id"], one.schema) for one in every])
    for one in every:
        before = fits_nothing(one.schema, registry, FEW)
        assert fits_nothing(one.schema, registry, MANY) == before, one.ref
    assert any(as_cases(one.schema) != one.schema for one in every)
