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
from router.config.drafts.goals import ALSO, FILLED, FILLINGS, is_filling
from router.config.library import Library
from router.config.references import EXPRESSION
from router.config.shapes import Choice, Document, ListOf, MapOf, Nested, Text
from router.config.source import Sequence, Table, read_yaml
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
#: how a contract is named where it is used
REFERENCE = re.compile(r"([a-z][a-z0-9_/]*)@([0-9]+(?:\.[0-9]+){0,2})")
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
#: after these findings no validator can be made of a schema
_UNUSABLE = ("E204", "E205", "E206", "E208")
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
    place: Place = place_of()


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
        MapOf(Nested(Version), key=_VERSION.pattern, key_says="a version such as 1.0.0", least=1),
        doc="each with its status",
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
    #: contracts with a mistake of their own: it is told there, not at each use
    broken: set[str] = field(default_factory=set)

    def resolve(self, text: str) -> tuple[Contract | None, tuple[str, str, str]]:
        """Return the contract that `name@1[.2[.3]]` means, or (code, message, hint).

        The code is empty when the contract has a mistake of its own, which was told.
        """
        match = REFERENCE.fullmatch(text)
        if match is None:
            base = text.partition("@")[0]
            there = base in self.versions
            hint = f"write {self._subjects(base)[-1]}" if there else self._near(base)
            return None, ("E030", f"{text} is no contract with a version", hint)
        name, wanted = match.groups()
        known = self.versions.get(name, {})
        fitting = [v for v in known if v == wanted or v.startswith(wanted + ".")]
        if not fitting and name in self.broken:
            return None, ("", "", "")
        if not known:
            return None, ("E031", f"unknown contract {text}", self._near(name))
        if not fitting:
            have = ", ".join(sorted(known, key=order_of))
            return None, ("E032", f"contract {name} has no version {wanted}", f"it has {have}")
        return known[max(fitting, key=order_of)], ("", "", "")

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
            latest = max(self.versions[close], key=order_of)
            return f"did you mean {self._subjects(close)[-1]} (latest {latest})?"
        return hint


def load_contracts(texts: Mapping[str, str], report: Report) -> Contracts:
    """Return every contract under `contracts/` of the project's texts (path -> text)."""
    contracts = Contracts()
    schemas = _sound(_schemas(texts, report))
    registry = registry_of([(f"urn:contract:{name}:{v}", s) for (name, v), s in schemas.items()])
    for path, text in sorted(texts.items()):
        if not path.endswith("/contract.yaml"):
            continue
        node, found = read_yaml(text, path)
        report.extend(found)
        folder = path.removeprefix("contracts/").removesuffix("/contract.yaml")
        if node is None:
            contracts.broken.add(folder)
            continue
        context = Context(library=Library(contracts=contracts), report=report, roots=None)
        file = decode_component(ContractFile, node, context)
        made = {}
        if isinstance(file, ContractFile):
            made = _versions(file, folder, (texts, schemas, registry), report)
            contracts.versions[folder] = made
        if not isinstance(file, ContractFile) or len(made) < len(file.versions):
            contracts.broken.add(folder)
    return contracts


def _schemas(texts: Mapping[str, str], report: Report) -> dict[tuple[str, str], Any]:
    """Return each version file `contracts/<name>/<version>.json` that is a schema by itself."""
    found: dict[tuple[str, str], Any] = {}
    for path, text in sorted(texts.items()):
        folder, _, file = path.rpartition("/")
        version = file.removesuffix(".json")
        if not file.endswith(".json") or not _VERSION.fullmatch(version):
            continue
        name = folder.removeprefix("contracts/")
        try:
            schema = json.loads(text, object_pairs_hook=_no_key_twice)
            json.dumps(schema, ensure_ascii=False).encode()  # refuses half a surrogate pair
        except ValueError as error:
            line = getattr(error, "lineno", 1)
            column = getattr(error, "colno", 1)
            what = getattr(error, "msg", str(error))
            report.error("E201", Place(path, line, column), f"not JSON: {what}")
            continue
        except RecursionError:
            report.error("E201", Place(path), "not JSON: nested too deep")
            continue
        found[name, version] = schema
    known = {f"urn:contract:{name}:{version}" for name, version in found}
    for (name, version), schema in list(found.items()):
        path = f"contracts/{name}/{version}.json"
        before = len(report.found)
        _check_schema(schema, (path, texts[path]), known, report)
        if any(one.code in _UNUSABLE for one in report.found[before:]):
            del found[name, version]
    return found


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice} twice in one object")
    return made


def _sound(schemas: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """Return the schemas whose references lead to schemas without a mistake."""
    while True:
        known = {f"urn:contract:{name}:{version}" for name, version in schemas}
        sound = {key: one for key, one in schemas.items() if _bases(one) <= known}
        if len(sound) == len(schemas):
            return sound
        schemas = sound


def _bases(schema: Any) -> set[str]:
    """Return the ids that a schema's references begin with."""
    children = schema.values() if isinstance(schema, dict) else schema
    found = {base for one in children if isinstance(one, dict | list) for base in _bases(one)}
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    if isinstance(reference, str) and not reference.startswith("#"):
        found.add(reference.partition("#")[0])
    return found


def _place(path: str, text: str, pointer: str) -> Place:
    """Return where a JSON pointer of a file leads; its first character when that is not known."""
    node, _ = read_yaml(text, path)
    place = node.place if node is not None else Place(path)
    parts = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    for part in parts:
        if isinstance(node, Table):
            entry = next((one for one in node.entries if one.key == part), None)
            if entry is None:
                return place
            place, node = entry.place, entry.node
        elif isinstance(node, Sequence) and part.isdigit() and int(part) < len(node.items):
            node = node.items[int(part)]
            place = node.place
    return place


def _versions(
    file: ContractFile,
    folder: str,
    loaded: tuple[Mapping[str, str], Mapping[tuple[str, str], Any], Any],
    report: Report,
) -> dict[str, Contract]:
    texts, schemas, registry = loaded
    if folder != file.contract:
        report.error(
            "E202", file.place, f"contract {file.contract} in folder {folder}", "give both one name"
        )
    made: dict[str, Contract] = {}
    for version, said in file.versions.items():
        schema = schemas.get((folder, version))
        path = f"contracts/{folder}/{version}.json"
        if schema is None:
            if path not in texts:
                report.error("E203", said.place, f"version {version} has no file", f"write {path}")
            continue
        try:
            validator = validator_over(schema, registry)
        except ValueError as error:
            report.error("E204", Place(path), str(error))
            continue
        made[version] = Contract(
            ref=ContractRef(folder, version),
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
        if order_of(one.since) <= order_of(version)
    )


def order_of(version: str) -> tuple[int, ...]:
    """Return what versions are sorted by."""
    return tuple(int(part) for part in version.split("."))


def _check_schema(schema: Any, source: tuple[str, str], known: set[str], report: Report) -> None:
    path, text = source
    if not isinstance(schema, dict) or schema.get("$schema") != DIALECT:
        place = _place(path, text, "/$schema")
        report.error("E205", place, "the dialect is not 2020-12", f'"$schema": "{DIALECT}"')
        return
    name, _, version = path.removeprefix("contracts/").removesuffix(".json").rpartition("/")
    wanted = f"urn:contract:{name}:{version}"
    if schema.get("$id") != wanted:
        place = _place(path, text, "/$id")
        report.error("E206", place, "$id is not the name of the file", f'"$id": "{wanted}"')
    mistakes = schema_mistakes(schema)
    for pointer, what in mistakes:
        report.error("E204", _place(path, text, pointer), f"{pointer or '/'} {what}")
    if not mistakes:
        _check_subschema(schema, "", source, (known, report))


def _check_subschema(
    schema: Any, pointer: str, source: tuple[str, str], within: tuple[set[str], Report]
) -> None:
    if not isinstance(schema, dict):
        return
    known, report = within
    for key, value in schema.items():
        found = _keyword_mistake(key, value, pointer, known)
        if found is not None:
            code, message, hint = found
            at = _place(*source, f"{pointer}/{_escaped(key)}")
            report.error(code, at, f"{pointer}/{message}", hint)
    for key in _NAMED_SCHEMAS:
        for name, child in (schema.get(key) or {}).items():
            _check_subschema(child, f"{pointer}/{key}/{_escaped(name)}", source, within)
    for key in _SCHEMA_LISTS:
        for index, child in enumerate(schema.get(key) or ()):
            _check_subschema(child, f"{pointer}/{key}/{index}", source, within)
    for key in _SCHEMAS:
        _check_subschema(schema.get(key), f"{pointer}/{key}", source, within)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _keyword_mistake(
    key: str, value: Any, pointer: str, known: set[str]
) -> tuple[str, str, str] | None:
    """Return (code, message, hint) when a keyword of a subschema is wrong by itself."""
    if pointer and key in ("$id", "$schema"):
        return "E206", f"{key}: only the top has one", "leave it out"
    if key not in _KEYWORDS and not key.startswith("x-"):
        close = nearest(key, _KEYWORDS)
        own = "your own keywords begin with x-"
        return "E207", f"{key}: unknown keyword", close if close.startswith("did") else own
    if key == "$ref" and isinstance(value, str) and not value.startswith("#"):
        base = value.partition("#")[0]
        if base not in known:
            return "E208", f"$ref {value}: no such contract version", nearest(base, known)
    if key == ALSO and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        return "E150", f"{key}: not a list of names", f'"{ALSO}": ["item_number"]'
    if key == FILLED and not is_filling(value):
        return "E151", f"{key}: unknown word", nearest(str(value), FILLINGS)
    if key == "format" and value not in FORMATS:
        return "E209", f"format {value}: unknown format", nearest(str(value), FORMATS)
    return None
