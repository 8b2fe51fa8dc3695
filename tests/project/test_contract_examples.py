"""The shipped contracts hold together: schemas, examples and counterexamples, in both engines."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from router.config.source import read_yaml, to_json

ROOT = Path(__file__).resolve().parents[2] / "contracts"
PREFIX = "urn:contract:"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
CANONICAL = (
    "financial_posting",
    "inventory_adjustment",
    "refund_event",
    "return_order",
    "sales_order",
)
FORMATS = {"date-time", "date", "uuid", "email", "uri"}
VERSION_FILE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.json")
#: keywords whose value is a schema, a list of schemas, schemas by name
ONE = (
    "items",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "contains",
    "not",
    "if",
    "then",
    "else",
)
MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED = ("properties", "patternProperties", "$defs", "dependentSchemas")
KEYWORDS = {
    "additionalProperties", "anyOf", "const", "contains", "enum", "exclusiveMinimum", "format",
    "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties",
    "minimum",
    "not", "oneOf", "pattern", "propertyNames", "required", "type", "unevaluatedProperties",
    "uniqueItems",
}  # fmt: skip
#: samples of senders (absent at home), by the contract that must accept them
SAMPLES = {
    "shopify/returns_request.json": "shopify/return",
    "shopify/returns_approve.json": "shopify/return",
    "shopify/refunds_create.json": "shopify/refund",
    "shopify/refunds_create_shipping_only.json": "shopify/refund",
    "shopify/refunds_create_no_restock.json": "shopify/refund",
    "shopify/inventory_levels_update.json": "shopify/inventory_level",
    "shopify/orders_create.json": "shopify/order",
}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


SCHEMA_FILES = sorted(path for path in ROOT.rglob("*.json") if VERSION_FILE.fullmatch(path.name))
EXAMPLE_FILES = sorted(ROOT.glob("**/examples/*/*.json"))
COUNTEREXAMPLE_FILES = sorted(ROOT.glob("**/counterexamples/*/*.json"))
CONTRACT_FILES = sorted(ROOT.rglob("contract.yaml"))
SCHEMAS: dict[str, Any] = {
    f"{PREFIX}{path.parent.relative_to(ROOT).as_posix()}:{path.stem}": _read(path)
    for path in SCHEMA_FILES
}
REFERENCE: Any = Registry().with_resources(
    (urn, DRAFT202012.create_resource(schema)) for urn, schema in SCHEMAS.items()
)


def _urn_for(document: Path) -> str:
    """Return the schema that a file below `examples/<version>/` belongs to."""
    name = document.parents[2].relative_to(ROOT).as_posix()
    return f"{PREFIX}{name}:{document.parent.name}"


@functools.cache
def _registry() -> Any:
    """Return the closed registry; made late, because a $ref to nowhere raises here."""
    return jsonschema_rs.Registry(list(SCHEMAS.items()), draft=jsonschema_rs.Draft202012)


def _pointer(path: Any) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _fast(urn: str, document: Any) -> set[tuple[str, str]]:
    """Return (pointer, keyword) of every mistake that the engine of the hot path finds."""
    validator = jsonschema_rs.Draft202012Validator(
        SCHEMAS[urn], registry=_registry(), validate_formats=True
    )
    return {(_pointer(one.instance_path), one.kind.name) for one in validator.iter_errors(document)}


def _reference(urn: str, document: Any) -> set[tuple[str, str]]:
    """Return the same of the reference engine."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    validator = jsonschema.Draft202012Validator(
        SCHEMAS[urn], registry=REFERENCE, format_checker=checker
    )
    return {
        (_pointer(one.absolute_path), str(one.validator)) for one in validator.iter_errors(document)
    }


def _subschemas(schema: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schema and every schema inside it with its pointer."""
    if not isinstance(schema, dict):
        return
    yield pointer, schema
    children = [(key, schema[key]) for key in ONE if key in schema]
    children += [(f"{key}/{n}", one) for key in MANY for n, one in enumerate(schema.get(key, []))]
    children += [
        (f"{key}/{name}", one) for key in NAMED for name, one in schema.get(key, {}).items()
    ]
    for step, child in children:
        yield from _subschemas(child, f"{pointer}/{step}")


def _types(schema: dict[str, Any]) -> set[str]:
    said = schema.get("type", [])
    return {said} if isinstance(said, str) else set(said)


def _bounded_pattern(pattern: str) -> bool:
    """Return whether a pattern is anchored and repeats nothing without an upper bound."""
    bare = re.sub(r"\\.|\[[^\]]*\]", "x", pattern)
    return bare.startswith("^") and bare.endswith("$") and not re.search(r"[*+]|\{\d+,\}", bare)


def _bounded_text(schema: dict[str, Any]) -> bool:
    if {"maxLength", "enum", "const", "format"} & schema.keys():
        return True
    return _bounded_pattern(schema.get("pattern", ""))


def _contract(path: Path) -> Any:
    node, found = read_yaml(path.read_text(encoding="utf-8"), _label(path))
    assert node is not None
    assert found == []
    return to_json(node)


schemas = pytest.mark.parametrize("urn", sorted(SCHEMAS))
examples = pytest.mark.parametrize("path", EXAMPLE_FILES, ids=_label)
counterexamples = pytest.mark.parametrize("path", COUNTEREXAMPLE_FILES, ids=_label)
contracts = pytest.mark.parametrize("path", CONTRACT_FILES, ids=_label)


@schemas
def test_schema_passes_the_meta_schema_in_both_engines(urn: str) -> None:
    schema = SCHEMAS[urn]
    assert (schema["$schema"], schema["$id"]) == (DIALECT, urn)
    jsonschema_rs.meta.validate(schema)
    jsonschema.Draft202012Validator.check_schema(schema)


@schemas
def test_schema_refers_to_whole_documents_of_exact_versions_that_exist(urn: str) -> None:
    found = {one["$ref"] for _, one in _subschemas(SCHEMAS[urn]) if "$ref" in one}
    assert found <= SCHEMAS.keys() - {urn}


@schemas
def test_every_text_and_list_is_bounded_and_every_format_is_one_that_is_checked(urn: str) -> None:
    loose: list[str] = []
    for pointer, schema in _subschemas(SCHEMAS[urn]):
        types = _types(schema)
        if "string" in types and not _bounded_text(schema):
            loose.append(f"{pointer} may be a text of any length")
        if "array" in types and "maxItems" not in schema:
            loose.append(f"{pointer} may be a list of any length")
        if schema.get("format", "date") not in FORMATS:
            loose.append(f"{pointer} has a format that nobody checks")
        if not _bounded_pattern(schema.get("pattern", "^$")):
            loose.append(f"{pointer} has a pattern without anchors or bounds")
    assert loose == []


@pytest.mark.parametrize(
    "urn",
    [
        one
        for one in sorted(SCHEMAS)
        if one.startswith(f"{PREFIX}types/")
        or one.removeprefix(PREFIX).partition(":")[0] in CANONICAL
    ],
)
def test_objects_of_canonical_contracts_and_types_are_closed(urn: str) -> None:
    loose = [
        pointer
        for pointer, schema in _subschemas(SCHEMAS[urn])
        if "object" in _types(schema)
        and "/extensions" not in pointer
        and "additionalProperties" not in schema
        and "unevaluatedProperties" not in schema
    ]
    assert loose == []


@pytest.mark.parametrize("name", CANONICAL)
def test_canonical_money_and_quantities_are_shared_types(name: str) -> None:
    shared = {f"{PREFIX}types/{one}:1.0.0" for one in ("money", "unsigned_money", "money_set")}
    money = {"amount", "ledger_amount", "unit_price", "unit_cost", "label_cost", "gross", "net"}
    money |= {"tax", "processor_fee", "cumulative_refunded"}
    found = [
        (pointer, schema.get("$ref"))
        for pointer, schema in _subschemas(SCHEMAS[f"{PREFIX}{name}:1.0.0"])
        if pointer.rpartition("/properties/")[2] in money
    ]
    assert found
    assert [one for one in found if one[1] not in shared] == []


@pytest.mark.parametrize("name", CANONICAL)
def test_canonical_contracts_take_extensions_and_have_golden_documents(name: str) -> None:
    schema = SCHEMAS[f"{PREFIX}{name}:1.0.0"]
    assert schema["properties"]["extensions"]["type"] == "object"
    assert len(list(ROOT.glob(f"{name}/examples/1.0.0/*.json"))) >= 3
    assert len(list(ROOT.glob(f"{name}/counterexamples/1.0.0/*.json"))) >= 5


@contracts
def test_contract_file_agrees_with_its_folder(path: Path) -> None:
    folder = path.parent
    contract = _contract(path)
    assert contract["contract"] == folder.relative_to(ROOT).as_posix()
    assert contract["versions"].keys() == {one.stem for one in SCHEMA_FILES if one.parent == folder}
    assert all(any(folder.glob(f"examples/{one}/*.json")) for one in contract["versions"])
    assert all(any(folder.glob(f"counterexamples/{one}/*.json")) for one in contract["versions"])


@contracts
def test_keys_are_required_all_the_way(path: Path) -> None:
    contract = _contract(path)
    for version in contract["versions"]:
        for key in contract.get("keys", []):
            schema = SCHEMAS[f"{PREFIX}{contract['contract']}:{version}"]
            for part in key.split("."):
                assert part in schema["required"], key
                schema = schema["properties"][part]
            assert _types(schema) <= {"string", "integer"}, key
            assert _types(schema), key


@contracts
def test_every_invariant_has_a_counterexample(path: Path) -> None:
    invariants = {one["id"] for one in _contract(path).get("invariants", [])}
    broken = {_read(one)["rule"] for one in path.parent.glob("counterexamples/*/*.json")}
    assert broken - KEYWORDS == invariants


@examples
def test_example_is_accepted_by_both_engines(path: Path) -> None:
    document = _read(path)
    assert _fast(_urn_for(path), document) == set()
    assert _reference(_urn_for(path), document) == set()


@counterexamples
def test_counterexample_breaks_exactly_the_rule_that_it_names(path: Path) -> None:
    case = _read(path)
    assert case.keys() == {"why", "rule", "at", "document"}
    # an invariant is broken by documents that the schema alone accepts
    wanted = {(case["at"], case["rule"])} if case["rule"] in KEYWORDS else set()
    assert _fast(_urn_for(path), case["document"]) == wanted
    assert _reference(_urn_for(path), case["document"]) == wanted


@pytest.mark.parametrize(("sample", "name"), sorted(SAMPLES.items()))
def test_inbound_contract_accepts_what_the_sender_really_sends(sample: str, name: str) -> None:
    folder = os.environ.get("CROSSDOCK_SAMPLES")
    if not folder:
        pytest.skip("CROSSDOCK_SAMPLES is not set")
    document = _read(Path(folder) / sample)
    assert _fast(f"{PREFIX}{name}:1.0.0", document) == set()
    assert _reference(f"{PREFIX}{name}:1.0.0", document) == set()


def test_the_look_up_and_the_webhook_show_an_order_alike() -> None:
    webhook = SCHEMAS[f"{PREFIX}shopify/order:1.0.0"]
    answer = SCHEMAS[f"{PREFIX}shop/order:1.0.0"]
    assert answer["properties"] == webhook["properties"]
    assert answer["required"] == webhook["required"]
