"""Contract folders: what is wrong with them is found, and `name@1` is resolved."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.config.contracts import Contracts, load_contracts
from router.config.schemas import DIALECT
from router.core.diagnostics import Report
from router.core.message import ContractRef


def folder(
    name: str = "thing", *versions: str, more: str = "", schema: Any = None
) -> dict[str, str]:
    """Return the texts of one contract."""
    versions = versions or ("1.0.0",)
    listed = ", ".join(f"{one}: {{status: active}}" for one in versions)
    head = f"contract: {name}\nowner: us\nversions: {{{listed}}}\n"
    texts = {f"contracts/{name}/contract.yaml": head + more}
    for one in versions:
        document = {"$schema": DIALECT, "$id": f"urn:contract:{name}:{one}"}
        if isinstance(schema, dict):
            document = {**document, **schema}
        texts[f"contracts/{name}/{one}.json"] = json.dumps(document)
    return texts


def load(texts: dict[str, str]) -> tuple[Contracts, list[str]]:
    report = Report()
    contracts = load_contracts(texts, report)
    return contracts, [one.code for one in report.found]


# --- resolving ---------------------------------------------------------------------------------

VERSIONS = ("1.0.0", "1.2.0", "1.10.0", "1.10.3", "2.0.0", "10.0.0")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("thing@1", "1.10.3"),
        ("thing@2", "2.0.0"),
        ("thing@10", "10.0.0"),
        ("thing@1.2", "1.2.0"),
        ("thing@1.10", "1.10.3"),
        ("thing@1.10.0", "1.10.0"),
    ],
)
def test_a_reference_takes_the_highest_version_that_it_allows(text: str, version: str) -> None:
    contracts, codes = load(folder("thing", *VERSIONS))
    assert codes == []
    found, complaint = contracts.resolve(text)
    assert found is not None
    assert found.ref == ContractRef("thing", version)
    assert complaint == ("", "", "")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("thing", "E030"),
        ("thing@", "E030"),
        ("@1", "E030"),
        ("thing@v1", "E030"),
        ("thing@1.0.0.0", "E030"),
        ("thing@1.", "E030"),
        ("Thing@1", "E030"),
        ("thing@1 ", "E030"),
        ("thing@1\n", "E030"),
        ("thnig@1", "E031"),
        ("shop/thing@1", "E031"),
        ("thing@3", "E032"),
        ("thing@1.1", "E032"),
        ("thing@1.2.1", "E032"),
        ("thing@01", "E032"),
        ("thing@0", "E032"),
    ],
)
def test_what_does_not_resolve_says_why(text: str, code: str) -> None:
    found, complaint = load(folder("thing", *VERSIONS))[0].resolve(text)
    assert found is None
    assert complaint[0] == code
    assert complaint[1]


def test_hints_name_what_there_is() -> None:
    contracts, _ = load(folder("thing", *VERSIONS))
    assert contracts.resolve("thing")[1][2] == "write thing@10"
    assert contracts.resolve("thnig@1")[1][2] == "did you mean thing@10 (latest 10.0.0)?"
    assert contracts.resolve("thing@3")[1][2] == (
        "it has 1.0.0, 1.2.0, 1.10.0, 1.10.3, 2.0.0, 10.0.0"
    )


def test_names_may_have_an_owner() -> None:
    contracts, codes = load(folder("shop/thing"))
    assert codes == []
    found, _ = contracts.resolve("shop/thing@1")
    assert found is not None
    assert found.ref.subject == "shop/thing@1"
    assert contracts.by_urn("urn:contract:shop/thing:1.0.0") == found.schema
    assert contracts.by_urn("urn:contract:shop/thing:1.0.1") is None
    assert contracts.by_urn("#/$defs/x") is None


def test_a_contract_may_refer_to_an_exact_version_of_another() -> None:
    texts = {
        **folder("money", schema={"type": "object", "required": ["amount"]}),
        **folder("thing", schema={"properties": {"m": {"$ref": "urn:contract:money:1.0.0"}}}),
    }
    contracts, codes = load(texts)
    assert codes == []
    thing, _ = contracts.resolve("thing@1")
    assert thing is not None
    assert [str(one) for one in thing.violations({"m": {}})] == ["/m lacks amount (required)"]


# --- invariants --------------------------------------------------------------------------------


def test_invariants_begin_with_their_version() -> None:
    more = "invariants: [{id: has-a, since: 1.2.0, expr: =a}, {id: has-b, expr: =b}]\n"
    contracts, codes = load(folder("thing", "1.0.0", "1.2.0", "1.10.0", more=more))
    assert codes == []
    names = {
        one.ref.version: [invariant.id for invariant in one.invariants] for one in contracts.all()
    }
    assert names == {
        "1.0.0": ["has-b"],
        "1.2.0": ["has-a", "has-b"],
        "1.10.0": ["has-a", "has-b"],
    }


def test_invariants_are_expressions_over_the_fields_of_the_document() -> None:
    more = "invariants: [{id: enough, expr: '=length(lines) == count'}]\nkeys: [id]\n"
    thing, _ = load(folder(more=more))[0].resolve("thing@1")
    assert thing is not None
    assert thing.keys == ("id",)
    assert thing.violations({"lines": [1], "count": 1}) == []
    assert [str(one) for one in thing.violations({"lines": [1], "count": 2})] == [
        "/ does not hold (enough)"
    ]
    (broken,) = thing.violations({"lines": 4711})
    assert broken.rule == "enough"
    assert "4711" not in str(broken)


# --- mistakes ----------------------------------------------------------------------------------

FILE = "contracts/thing/1.0.0.json"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("{", ["E201"]),
        ("", ["E201"]),
        (json.dumps({"$id": "urn:contract:thing:1.0.0"}), ["E205"]),
        (json.dumps({"$schema": DIALECT}), ["E206"]),
        (json.dumps({"$schema": DIALECT, "$id": "urn:contract:thing:1.0.1"}), ["E206"]),
    ],
)
def test_mistakes_in_a_version_file(text: str, codes: list[str]) -> None:
    assert load({**folder(), FILE: text})[1] == codes


@pytest.mark.parametrize(
    ("schema", "codes"),
    [
        ({"requird": ["a"]}, ["E207"]),
        ({"properties": {"a": {"minimun": 1}}}, ["E207"]),
        ({"allOf": [{"$defs": {"b": {"foo": 1}}}]}, ["E207"]),
        ({"x-owner": "us"}, []),
        ({"const": {"foo": {"bar": 1}}, "enum": [{"foo": {"bar": 1}}], "default": {"foo": 1}}, []),
        ({"properties": {"format": {"type": "string"}, "$ref": {}}}, []),
        ({"format": "date"}, []),
        ({"format": "ipv4"}, ["E209"]),
        ({"items": {"format": "dat"}}, ["E209"]),
        ({"$ref": "#/$defs/a", "$defs": {"a": {}}}, []),
        ({"$ref": "urn:contract:thing:1.0.0#/$defs/a", "$defs": {"a": {}}}, []),
    ],
)
def test_mistakes_in_a_schema(schema: dict[str, Any], codes: list[str]) -> None:
    assert load(folder(schema=schema))[1] == codes


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ("key: [id]\n", ["E010"]),
        ("keys: id\n", ["E012"]),
        ("invariants: [{id: A, expr: =a}]\n", ["E012"]),
        ("invariants: [{id: a, expr: a}]\n", ["E108"]),
        ("invariants: [{id: a, expr: '=lowr(a)'}]\n", ["E102"]),
        ("invariants: [{id: a, since: 1.0, expr: =a}]\n", ["E012"]),
    ],
)
def test_mistakes_in_a_contract_file(more: str, codes: list[str]) -> None:
    assert load(folder(more=more))[1] == codes


def test_a_version_without_file_and_a_folder_of_another_name() -> None:
    texts = folder("thing", "1.0.0", "1.1.0")
    del texts["contracts/thing/1.1.0.json"]
    contracts, codes = load(texts)
    assert codes == ["E203"]
    assert list(contracts.versions["thing"]) == ["1.0.0"]
    texts = {path.replace("/thing/", "/think/"): text for path, text in folder().items()}
    assert set(load(texts)[1]) == {"E202", "E206"}


#: what is wrong in a schema that is otherwise one
FAULTS: list[dict[str, Any]] = [
    {"properties": []},
    {"properties": "x"},
    {"properties": 5},
    {"properties": {"a": 5}},
    {"$defs": "x"},
    {"allOf": 1},
    {"allOf": {"a": 1}},
    {"prefixItems": "x"},
    {"required": "a"},
    {"type": "strnig"},
    {"format": ["date"]},
    {"format": {"a": 1}},
    {"format": None},
    {"pattern": "("},
    {"$ref": 5},
    {"$ref": "#/nope"},
    {"$ref": "#nope"},
    {"$ref": "urn:contract:other:1.0.0"},
    {"$ref": "http://[bad"},
    {"$ref": "https://example.org/schema.json"},
    {"$defs": {"a": {"$id": "http://x y"}}},
    {"$anchor": "a b"},
    {"minimum": "1"},
    {"const": "\ud800"},
    {"if": "x"},
]
BROKEN: list[Any] = [
    [],
    "x",
    5,
    None,
    True,
    {"$schema": 5},
    {"$schema": "http://json-schema.org/draft-07/schema#"},
    {"$schema": DIALECT, "$id": 5},
    {"$schema": DIALECT, "$id": "::"},
    *({"$schema": DIALECT, "$id": "urn:contract:thing:1.0.0", **one} for one in FAULTS),
]


@pytest.mark.parametrize("document", BROKEN, ids=lambda one: json.dumps(one)[:90])
def test_no_schema_makes_loading_raise(document: Any) -> None:
    # loading tells a mistake of the author, it never raises for one
    assert load({**folder(), FILE: json.dumps(document)})[1] != []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 3000 + "1" + "}" * 3000, "1" * 5000])
def test_no_text_of_a_schema_makes_loading_raise(text: str) -> None:
    assert load({**folder(), FILE: text})[1] != []


def test_one_bad_contract_does_not_hide_the_others() -> None:
    bad = folder("bad", schema={"$ref": "urn:contract:nowhere:1.0.0"})
    contracts, codes = load({**folder(), **bad})
    assert codes != []
    assert contracts.resolve("thing@1")[0] is not None
