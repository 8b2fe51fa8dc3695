"""Documents made from contracts: over every contract of the landscape, in two engines."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
from referencing.jsonschema import DRAFT202012

from router.config.contracts import load_contracts
from router.config.files import read_texts
from router.config.generation.chance import Ordinary, Seeded
from router.config.generation.documents import MOST_DEPTH, MOST_VALUES, Documents
from router.config.generation.mutations import mutants
from router.config.generation.patterns import matching
from router.config.generation.shrinking import shrunk, size_of
from router.config.validation import Contract
from router.core.diagnostics import Report

ROOT = Path(__file__).parents[3]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@lru_cache(1)
def contracts() -> Any:
    """Return the contracts of the landscape."""
    return load_contracts(
        {
            path: text
            for path, text in read_texts(ROOT, Report()).items()
            if path.startswith("contracts/")
        },
        Report(),
    )


@lru_cache(1)
def registry() -> Any:
    """Return the landscape's schemas for the reference engine."""
    made: Any = referencing.Registry()
    specification: Any = DRAFT202012
    return made.with_resources(
        (one.schema["$id"], specification.create_resource(one.schema)) for one in contracts().all()
    )


def refused(contract: Contract, document: Any) -> bool:
    """Return whether the reference engine refuses a document."""
    validator: Any = jsonschema.Draft202012Validator(
        contract.schema,
        registry=registry(),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    return not validator.is_valid(document)


def examples(contract: Contract) -> list[Any]:
    """Return the examples of a contract."""
    folder = ROOT / "contracts" / contract.ref.name / "examples" / contract.ref.version
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def documents(contract: Contract) -> Documents:
    """Return the generator of a contract of the landscape."""
    return Documents(contract=contract, by_urn=contracts().by_urn)


def of_schema(schema: dict[str, Any]) -> Documents:
    """Return the generator of a contract that is not of the landscape."""
    whole = {"$schema": DIALECT, "$id": "urn:contract:thing:1.0.0", **schema}
    texts = {
        "contracts/thing/1.0.0.json": json.dumps(whole),
        "contracts/thing/contract.yaml": (
            "contract: thing\nowner: us\nversions: {1.0.0: {status: active}}\n"
        ),
    }
    report = Report()
    loaded = load_contracts(texts, report)
    assert {one.code for one in report.found} <= {"E158"}
    return Documents(contract=loaded.resolve("thing@1")[0], by_urn=loaded.by_urn)  # type: ignore[arg-type]


def every() -> list[Contract]:
    """Return every contract version of the landscape."""
    return sorted(contracts().all(), key=lambda one: str(one.ref))


@pytest.mark.parametrize("contract", every(), ids=lambda one: str(one.ref))
def test_documents_hold_in_both_engines(contract: Contract) -> None:
    made = list(documents(contract).valid("1", 12, examples(contract)))
    assert len(made) >= 6
    assert [one for one in made if contract.violations(one) or refused(contract, one)] == []


@pytest.mark.parametrize("contract", every(), ids=lambda one: str(one.ref))
def test_one_mistake_is_told_by_its_rule_at_its_pointer(contract: Contract) -> None:
    maker = documents(contract)
    seen = 0
    for document in maker.valid("1", 2, examples(contract)):
        for one in mutants(maker.demand, document):
            seen += 1
            told = {(found.pointer, found.rule) for found in contract.violations(one.document)}
            assert (one.pointer, one.rule) in told
            if seen % 25 == 1:  # the reference engine takes a millisecond for each
                assert refused(contract, one.document)
    assert seen > 3


def test_a_seed_makes_the_same_documents_and_another_one_others() -> None:
    maker = documents(contracts().resolve("shopify/refund@1")[0])
    first = list(maker.valid("1", 60))
    assert first == list(maker.valid("1", 60))
    assert first != list(maker.valid("2", 60))
    assert len({json.dumps(one, sort_keys=True) for one in first}) == 60


def test_edges_are_all_made() -> None:
    maker = of_schema(
        {
            "type": "object",
            "required": ["kind", "lines", "count"],
            "properties": {
                "kind": {"enum": ["a", "b", "c"]},
                "note": {"type": ["string", "null"], "maxLength": 7},
                "count": {"type": "integer", "minimum": -3, "maximum": 11},
                "day": {"type": "string", "format": "date"},
                "code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{1,4}$"},
                "lines": {"type": "array", "maxItems": 40, "items": {"type": "integer"}},
            },
        }
    )
    made = list(maker.valid("1", 200))
    assert {one["kind"] for one in made} == {"a", "b", "c"}
    assert {-3, 11, 0} <= {one["count"] for one in made}
    assert {0, 1, 2, 12} <= {len(one["lines"]) for one in made}
    assert {"note", "day", "code"} - {name for one in made for name in one} == set()
    assert any("note" not in one for one in made)
    assert {None, "", "x" * 7} <= {one.get("note", "") for one in made}
    assert {len(one["code"]) for one in made if "code" in one} >= {3, 6}
    assert {"2024-02-29"} <= {one.get("day") for one in made}


def test_alternatives_are_each_taken() -> None:
    maker = of_schema(
        {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"enum": ["card", "cash"]}, "pan": {"type": "string"}},
            "if": {"properties": {"kind": {"const": "card"}}},
            "then": {"required": ["pan"]},
            "else": {"not": {"required": ["pan"]}},
        }
    )
    made = list(maker.valid("1", 30))
    assert {one["kind"] for one in made} == {"card", "cash"}
    assert all(("pan" in one) == (one["kind"] == "card") for one in made)


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    maker = of_schema(
        {
            "$ref": "#/$defs/node",
            "$defs": {
                "node": {
                    "type": "object",
                    "properties": {
                        "next": {"$ref": "#/$defs/node"},
                        "all": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    },
                }
            },
        }
    )
    assert len(list(maker.valid("1", 20))) == 20
    for chance in (Ordinary(), *(Seeded(str(number)) for number in range(40))):
        assert size_of(maker.make(chance)) < 2 * MOST_VALUES + 48 * MOST_DEPTH


def test_what_no_document_can_be_ends_as_well() -> None:
    maker = of_schema({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}})
    assert list(maker.valid("1", 5)) == []


@pytest.mark.parametrize(
    "pattern",
    ["^[A-Z]{3}$", r"^-?[0-9]{1,18}(\.[0-9]{1,6})?$", "^(a|bc)+[^x-z]*$", r"^\d\w\s.$", "^x*$"],
)
def test_texts_match_their_pattern(pattern: str) -> None:
    found = matching(pattern)
    assert len(found) >= 2
    assert all(re.search(pattern, one) for one in found)
    assert max(map(len, found)) > min(map(len, found)) or "{" in pattern or "." in pattern


def test_a_document_shrinks_to_what_shows_it() -> None:
    document = {
        "id": 9912,
        "name": "a long name",
        "lines": [{"sku": "A", "amount": "10.00"}, {"sku": "B", "amount": "12.50", "tax": None}],
    }

    def shows(one: Any) -> bool:
        return any(line.get("amount", "").startswith("12") for line in one.get("lines", ()))

    least = shrunk(document, shows)
    assert shows(least)
    assert size_of(least) == 4  # the document, the list, the line, the amount


def test_what_shrinks_stays_allowed() -> None:
    contract = contracts().resolve("shopify/refund@1")[0]
    first = next(iter(documents(contract).valid("1", 1)))
    least = shrunk(first, lambda one: not contract.violations(one))
    assert not contract.violations(least)
    assert size_of(least) < size_of(first) / 4
    assert set(least) == set(contract.schema["required"])
