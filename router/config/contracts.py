"""Owns: contract folders: contract.yaml, version files, keys, invariants; resolving `name@1`.
Imports: core, config.components, config.validation.
Never: compares versions (config.compat will); reads disk (project hands the texts in).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.config.components import Context, component, decode_component, knob, place_of
from router.config.library import Library
from router.config.references import EXPRESSION
from router.config.shapes import Choice, Document, ListOf, MapOf, Nested, Text
from router.config.source import read_yaml
from router.config.transforms.expressions import Expression
from router.config.validation import (
    FORMATS,
    Contract,
    Invariant,
    registry_of,
    schema_mistakes,
    validator_over,
)
from router.core.diagnostics import Place, Report, nearest
from router.core.message import ContractRef

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_REFERENCE = re.compile(r"([a-z][a-z0-9_/]*)@([0-9]+(?:\.[0-9]+){0,2})")
_NAME = Text(
    "a contract name such as object or owner/object", r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)?"
)
_KEYWORDS = frozenset(
    re.findall(
        r"\S+",
        """$schema $id $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment $defs
        allOf anyOf oneOf not if then else dependentSchemas prefixItems items contains properties
        patternProperties additionalProperties propertyNames unevaluatedItems unevaluatedProperties
        type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength
        minLength pattern maxItems minItems uniqueItems maxContains minContains maxProperties
        minProperties required dependentRequired format title description default deprecated
        readOnly writeOnly examples contentEncoding contentMediaType contentSchema""",
    )
)
_NAMED_SCHEMAS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_SCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SCHEMAS = (
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
)


@component("version", doc="The life of one published version.")
class Version:
    status: str = knob(
        Choice(("draft", "active", "deprecated", "retired")), doc="where it is in its life"
    )
    since: str = knob(Text("a date"), doc="when that began", default="")
    sunset: str = knob(Text("a date"), doc="when it stops being accepted", default="")
    replaced_by: str = knob(Text("a version"), doc="what to use instead", default="")


@component("invariant", doc="A truth about the whole document, in exact arithmetic.")
class InvariantFile:
    id: str = knob(Text("a name in kebab-case", r"[a-z][a-z0-9-]*"), doc="its stable name")
    since: str = knob(Text("a version", _VERSION.pattern), doc="first version", default="0.0.0")
    doc: str = knob(Text(), doc="what it means", default="")
    expr: Expression = knob(EXPRESSION, doc="must be true; the document's fields are the roots")


@component("contract", doc="What one border accepts: owner, versions, business identity, truths.")
class ContractFile:
    contract: str = knob(_NAME, doc="its name, the same as its folder")
    owner: str = knob(Text(), doc="who answers for it")
    doc: str = knob(Text(), doc="one sentence for the reference page", default="")
    policy: Mapping[str, Any] = knob(Document(), doc="who moves first", default=dict)
    versions: Mapping[str, Version] = knob(
        MapOf(Nested(Version), key=_VERSION.pattern, least=1), doc="each with its status"
    )
    keys: tuple[str, ...] = knob(
        ListOf(Text("a path such as field.part")), doc="the business identity", default=()
    )
    unconsumed: str = knob(Text(), doc="why nobody subscribes", default="")
    money: Mapping[str, Any] = knob(Document(), doc="how amounts are written", default=dict)
    invariants: tuple[InvariantFile, ...] = knob(
        ListOf(Nested(InvariantFile)), doc="truths about whole documents", default=()
    )
    place: Place = place_of()


@dataclass(slots=True)
class Contracts:
    """Every contract version by name. A reference takes the highest version that it allows."""

    versions: dict[str, dict[str, Contract]] = field(default_factory=dict)

    def resolve(self, text: str) -> tuple[Contract | None, tuple[str, str, str]]:
        """Return the contract that `name@1[.2[.3]]` means, or (code, message, hint)."""
        match = _REFERENCE.fullmatch(text)
        if match is None:
            hint = nearest(text.partition("@")[0], self.versions)
            if text in self.versions:
                hint = f"write {self._subjects(text)[-1]}"
            return None, ("E030", f"{text} is no contract with a version", hint)
        name, wanted = match.groups()
        known = self.versions.get(name)
        if known is None:
            return None, ("E031", f"unknown contract {text}", self._near(name))
        fitting = [v for v in known if v == wanted or v.startswith(wanted + ".")]
        if not fitting:
            have = ", ".join(sorted(known, key=_order))
            return None, ("E032", f"contract {name} has no version {wanted}", f"it has {have}")
        return known[max(fitting, key=_order)], ("", "", "")

    def get(self, ref: ContractRef) -> Contract:
        """Return a contract that was resolved before."""
        return self.versions[ref.name][ref.version]

    def by_urn(self, urn: str) -> Mapping[str, Any] | None:
        """Return the schema that `urn:contract:name:1.2.3` names, or None."""
        name, _, version = urn.removeprefix("urn:contract:").rpartition(":")
        found = self.versions.get(name, {}).get(version)
        return found.schema if found else None

    def all(self) -> Iterator[Contract]:
        """Yield every version of every contract."""
        for versions in self.versions.values():
            yield from versions.values()

    def _subjects(self, name: str) -> list[str]:
        majors = {version.split(".", 1)[0] for version in self.versions[name]}
        return [f"{name}@{major}" for major in sorted(majors, key=int)]

    def _near(self, name: str) -> str:
        hint = nearest(name, self.versions)
        close = hint.removeprefix("did you mean ").removesuffix("?")
        if close in self.versions:
            latest = max(self.versions[close], key=_order)
            return f"did you mean {self._subjects(close)[-1]} (latest {latest})?"
        return hint


def load_contracts(texts: Mapping[str, str], report: Report) -> Contracts:
    """Return every contract under `contracts/` of the project's texts (path -> text)."""
    contracts = Contracts()
    schemas = _schemas(texts, report)
    registry = registry_of([(f"urn:contract:{name}:{v}", s) for (name, v), s in schemas.items()])
    for path, text in sorted(texts.items()):
        if not path.endswith("/contract.yaml"):
            continue
        node, found = read_yaml(text, path)
        report.extend(found)
        if node is None:
            continue
        context = Context(library=Library(contracts=contracts), report=report, roots=None)
        file = decode_component(ContractFile, node, context)
        if isinstance(file, ContractFile):
            contracts.versions[file.contract] = _versions(file, schemas, registry, report)
    return contracts


def _schemas(texts: Mapping[str, str], report: Report) -> dict[tuple[str, str], Any]:
    """Read each version file `contracts/<name>/<version>.json`."""
    found: dict[tuple[str, str], Any] = {}
    for path, text in sorted(texts.items()):
        folder, _, file = path.rpartition("/")
        version = file.removesuffix(".json")
        if not file.endswith(".json") or not _VERSION.fullmatch(version):
            continue
        name = folder.removeprefix("contracts/")
        try:
            schema = json.loads(text)
        except ValueError as error:
            line = getattr(error, "lineno", 1)
            column = getattr(error, "colno", 1)
            report.error("E201", Place(path, line, column), f"not JSON: {error}")
            continue
        found[name, version] = schema
    known = {f"urn:contract:{name}:{version}" for name, version in found}
    for (name, version), schema in found.items():
        _check_schema(schema, f"contracts/{name}/{version}.json", known, report)
    return found


def _versions(
    file: ContractFile, schemas: Mapping[tuple[str, str], Any], registry: Any, report: Report
) -> dict[str, Contract]:
    folder = file.place.file.removeprefix("contracts/").removesuffix("/contract.yaml")
    if folder != file.contract:
        report.error(
            "E202", file.place, f"contract {file.contract} in folder {folder}", "give both one name"
        )
    made: dict[str, Contract] = {}
    for version in file.versions:
        schema = schemas.get((folder, version))
        if schema is None:
            report.error(
                "E203",
                file.place,
                f"version {version} has no file",
                f"contracts/{folder}/{version}.json",
            )
            continue
        try:
            validator = validator_over(schema, registry)
        except ValueError as error:
            report.error("E204", Place(f"contracts/{folder}/{version}.json"), str(error))
            continue
        made[version] = Contract(
            ref=ContractRef(file.contract, version),
            schema=schema,
            place=file.place,
            keys=file.keys,
            unconsumed=file.unconsumed,
            invariants=_invariants(file, version),
            validator=validator,
        )
    return made


def _invariants(file: ContractFile, version: str) -> tuple[Invariant, ...]:
    return tuple(
        Invariant(id=one.id, expression=one.expr)
        for one in file.invariants
        if _order(one.since) <= _order(version)
    )


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _check_schema(schema: Any, path: str, known: set[str], report: Report) -> None:
    place = Place(path)
    if not isinstance(schema, dict) or schema.get("$schema") != DIALECT:
        report.error("E205", place, "the dialect is not 2020-12", f'"$schema": "{DIALECT}"')
        return
    name, _, version = path.removeprefix("contracts/").removesuffix(".json").rpartition("/")
    wanted = f"urn:contract:{name}:{version}"
    if schema.get("$id") != wanted:
        report.error("E206", place, "$id is not the name of the file", f'"$id": "{wanted}"')
    for pointer, text in schema_mistakes(schema):
        report.error("E204", place, f"{pointer or '/'} {text}")
    _check_subschema(schema, "", place, (known, report))


def _check_subschema(
    schema: Any, pointer: str, place: Place, within: tuple[set[str], Report]
) -> None:
    if not isinstance(schema, dict):
        return
    known, report = within
    for key, value in schema.items():
        if key not in _KEYWORDS and not key.startswith("x-"):
            report.error(
                "E207", place, f"{pointer}/{key}: unknown keyword", nearest(key, _KEYWORDS)
            )
        if key == "$ref" and isinstance(value, str) and not value.startswith("#"):
            base = value.partition("#")[0]
            if base not in known:
                report.error("E208", place, f"{pointer}/$ref {value}: no such contract version")
        if key == "format" and value not in FORMATS:
            report.error("E209", place, f"{pointer}/format {value}", nearest(str(value), FORMATS))
    for key in _NAMED_SCHEMAS:
        for name, child in (schema.get(key) or {}).items():
            _check_subschema(child, f"{pointer}/{key}/{name}", place, within)
    for key in _SCHEMA_LISTS:
        for index, child in enumerate(schema.get(key) or ()):
            _check_subschema(child, f"{pointer}/{key}/{index}", place, within)
    for key in _SCHEMAS:
        _check_subschema(schema.get(key), f"{pointer}/{key}", place, within)
