"""Owns: that editors' schemas and the loader call the same things well formed.
Imports: config.editor, the rule fixtures.
Never: says by itself what is well formed: the loader's findings do.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from router.config.components import Context, decode_component
from router.config.editor.files import KINDS, FileKind, file_schema, kind_of
from router.config.library import Library
from router.config.project import Project, library_of, load_project
from router.config.source import read_yaml, to_json
from router.core.diagnostics import Report
from router.runtime.installed import installed_adapters
from tests.rules.test_rules import FIXTURES, lay

ROOT = Path(__file__).parents[2]
#: findings about the shape of one file: what a schema can see
SHAPE = {
    *("E010", "E011", "E012", "E013", "E014", "E030", "E050", "E051", "E054"),
    *("E060", "E061", "E094", "E108", "E121"),
}
#: fixtures of whose file the schema says something else, and why
APART = {
    "E002-alias": "an alias reads as nothing, where a value belongs",
    "E012-years": "how long the longest duration is lies in its value, not in its shape",
    "E120-brace": "a brace that is no place is no template; other findings E120 are about names",
}
#: files that are broken on purpose; of the ways to do it, one in EVERY is tried
BROKEN = (
    "routes/channels/shopify.yaml",
    "routes/channels/warehouse_x12.yaml",
    "routes/flows/refund_to_ledger.yaml",
    "routes/systems/ledger.yaml",
    "routes/systems/bi.yaml",
    "routes/environments/demo.yaml",
    "routes/policies/patient.yaml",
    "routes/tables/accounts.yaml",
    "routes/sandboxes/demo.yaml",
    "routes/systems/bi.test.yaml",
    "transforms/shopify/refund.yaml",
    "contracts/refund_event/contract.yaml",
)
EVERY = 11


@pytest.fixture(scope="module")
def landscape() -> Project:
    return load_project(ROOT, installed_adapters())[0]


@pytest.fixture(scope="module")
def library(landscape: Project) -> Library:
    return library_of(landscape, installed_adapters())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_schema_is_one(kind: FileKind, library: Library) -> None:
    schema = file_schema(kind, library)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema == file_schema(kind, library)
    assert all(one.get("description") for one in schema["properties"].values())


def test_every_shape_has_a_writer(library: Library) -> None:
    """A shape without a writer would let anything pass: only a document does."""
    loose = {
        f"{name}.{key}"
        for kind in KINDS.values()
        for name, body in _bodies(kind, library)
        for key, one in body.get("properties", {}).items()
        if isinstance(one, dict) and set(one) == {"description"}
    }
    assert loose == {
        *("environment.values", "contract.policy", "contract.money"),
        *("given.body", "mock.body", "payload.equals", "payload.contains"),
        *("happening.body", "happening.value"),
    }


def test_every_shipped_file_keeps_its_schema(landscape: Project, library: Library) -> None:
    seen: Counter[str] = Counter()
    for path, text in landscape.texts.items():
        if path.endswith(".yaml"):
            kind = kind_of(path)
            assert kind is not None, path
            assert broken(kind, text, library) == [], path
            seen[kind.word] += 1
    assert set(seen) == set(KINDS)
    assert sum(seen.values()) > 100


def test_fixtures_of_rules_break_the_schema_where_they_break_a_shape(tmp_path: Path) -> None:
    agreed: Counter[bool] = Counter()
    apart = []
    for name in FIXTURES:
        for path, kind, text, codes, library in _files_of(name, tmp_path / name):
            refused = bool(broken(kind, text, library))
            if refused != bool(codes & SHAPE):
                apart.append(name)
            elif path in _own_files(name):
                agreed[refused] += 1
    assert sorted(apart) == sorted(APART)
    assert agreed[True] >= 30, agreed
    assert agreed[False] >= 80, agreed


@pytest.mark.parametrize("path", BROKEN)
def test_what_is_broken_on_purpose_is_seen_by_both(
    path: str, landscape: Project, library: Library
) -> None:
    """Each key of a shipped file is renamed, dropped, and filled with what does not belong."""
    kind = kind_of(path)
    assert kind is not None
    validator = jsonschema_rs.validator_for(file_schema(kind, library))
    node, _ = read_yaml(landscape.texts[path], path)
    assert node is not None
    missed, false_alarms = [], []
    for what, document in islice(_mutants(to_json(node)), 0, None, EVERY):
        codes = _codes(kind, document, library)
        if validator.is_valid(document):
            missed += [what] if codes & SHAPE else []
        else:
            false_alarms += [] if codes else [what]
    assert false_alarms == []
    assert [one for one in missed if not one.startswith("('rows'")] == []  # as deep as keys are


def broken(kind: FileKind, text: str, library: Library) -> list[str]:
    """Return what a file breaks of its schema."""
    node, _ = read_yaml(text, "x")
    if node is None:
        return []
    validator = jsonschema_rs.validator_for(file_schema(kind, library))
    return [f"{one.instance_path}: {one.message}" for one in validator.iter_errors(to_json(node))]


def _bodies(kind: FileKind, library: Library) -> Iterator[tuple[str, Any]]:
    schema = file_schema(kind, library)
    yield kind.word, schema
    yield from schema["$defs"].items()


def _own_files(name: str) -> set[str]:
    folder = ROOT / "tests" / "rules" / name
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")}


def _files_of(name: str, folder: Path) -> Iterator[tuple[str, FileKind, str, set[str], Library]]:
    """Yield each file of a fixture's project with the codes of its findings."""
    project, found = load_project(lay(name, folder), installed_adapters())
    library = library_of(project, installed_adapters())
    for path, text in project.texts.items():
        kind = kind_of(path)
        if kind is not None:
            yield path, kind, text, {one.code for one in found if one.place.file == path}, library


def _codes(kind: FileKind, document: Any, library: Library) -> set[str]:
    node, found = read_yaml(json.dumps(document), "mutant.yaml")
    report = Report()
    roots = None if kind.word == "contract" else frozenset[str]()
    if node is not None:
        decode_component(kind.cls, node, Context(library=library, report=report, roots=roots))
    return {one.code for one in (*found, *report.found)}


def _mutants(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield documents with one thing changed each, and what it is."""
    for path in list(_paths(document)):
        for other in ("x", 7, True, [], {}, ["x"], {"x": 1}):
            made = copy.deepcopy(document)
            _at(made, path[:-1])[path[-1]] = other
            yield f"{path} = {other!r}", made
        if isinstance(path[-1], str):
            made = copy.deepcopy(document)
            parent = _at(made, path[:-1])
            parent[f"{path[-1]}_x"] = parent.pop(path[-1])
            yield f"{path} renamed", made
        made = copy.deepcopy(document)
        del _at(made, path[:-1])[path[-1]]
        yield f"{path} dropped", made


def _paths(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in inner:
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from _paths(value, (*at, key))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document
