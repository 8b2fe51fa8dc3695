"""Owns: contract folders: contract.yaml, version files, keys, invariants; resolving `name@1`.
Imports: core, config.components, config.demands, config.schemas, config.validation.
Never: compares versions (config.compat will); reads disk (project hands the texts in).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from router.config.components import Context, component, decode_component, keys_of, knob, place_of
from router.config.demands import fits_nothing
from router.config.library import Library
from router.config.references import EXPRESSION
from router.config.schemas import load_schemas
from router.config.shapes import Choice, Document, ListOf, MapOf, Nested, Text
from router.config.source import read_yaml
from router.config.transforms.expressions import Expression
from router.config.validation import Contract, Invariant, registry_of, validator_over
from router.core.diagnostics import Place, Report, nearest
from router.core.message import ContractRef

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_Key: TypeAlias = tuple[str, str]
#: texts, schemas, what each costs, the schemas as references find them
_Loaded: TypeAlias = tuple[Mapping[str, str], Mapping[_Key, Any], Mapping[_Key, int], Any]
#: how a contract is named where it is used
REFERENCE = re.compile(r"([a-z][a-z0-9_/]*)@([0-9]+(?:\.[0-9]+){0,2})")
_NAME = Text(
    "a contract name such as object or owner/object", r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)?"
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
    places: Mapping[str, Place] = keys_of()


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
    schemas, weights = load_schemas(texts, report)
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
            made = _versions(file, folder, (texts, schemas, weights, registry), report)
            contracts.versions[folder] = made
        if not isinstance(file, ContractFile) or len(made) < len(file.versions):
            contracts.broken.add(folder)
    return contracts


def _versions(
    file: ContractFile,
    folder: str,
    loaded: _Loaded,
    report: Report,
) -> dict[str, Contract]:
    texts, schemas, weights, registry = loaded
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
        if fits_nothing(schema, registry, weights[folder, version]):
            text = "no document can be of this contract: its rules contradict each other"
            report.error("E158", Place(path), text, "an example in examples/ shows what is meant")
        made[version] = Contract(
            ref=ContractRef(folder, version),
            schema=schema,
            place=file.place,
            keys=file.keys,
            keys_at=file.places.get("keys", file.place),
            unconsumed=file.unconsumed,
            invariants=_invariants(file, version),
            validator=validator,
            weight=weights[folder, version],
            resolve=partial(_named, schemas),
        )
    return made


def _named(schemas: Mapping[tuple[str, str], Any], urn: str) -> Mapping[str, Any] | None:
    name, _, version = urn.removeprefix("urn:contract:").rpartition(":")
    return schemas.get((name, version))


def _invariants(file: ContractFile, version: str) -> tuple[Invariant, ...]:
    return tuple(
        Invariant(id=one.id, expression=one.expr)
        for one in file.invariants
        if order_of(one.since) <= order_of(version)
    )


def order_of(version: str) -> tuple[int, ...]:
    """Return what versions are sorted by."""
    return tuple(int(part) for part in version.split("."))
