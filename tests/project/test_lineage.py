"""Field lineage of the whole landscape: against tables made by hand, and against what maps do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path as File
from typing import Any

import pytest

from router.config.lineage.ask import Lineage
from router.config.lineage.landscape import Landscape, landscape_of
from router.config.lineage.maps import mapped
from router.config.lineage.naming import field_named
from router.config.lineage.paths import ITEM, Path, Source, spelled
from router.config.lineage.value import THERE, Origin, Value
from router.config.project import Project, load_project
from router.config.source import read_yaml, to_json
from router.config.transforms.transform import Transform
from router.core.diagnostics import Place
from router.core.errors import RouterError
from router.infra.secrets import ProcessSecrets
from router.runtime.cases import Rig, run_cases
from router.runtime.installed import installed_adapters
from router.runtime.scenarios import run_scenarios
from router.runtime.wiring import open_adapters

ROOT = File(__file__).parents[2]
TABLES = sorted((File(__file__).parent / "lineage").glob("*.yaml"))
Steps = tuple[str, ...]
#: items of one list that are changed
MOST = 2


@pytest.fixture(scope="module")
def project() -> Project:
    found, findings = load_project(ROOT, installed_adapters())
    assert findings == []
    return found


@pytest.fixture(scope="module")
def landscape(project: Project) -> Landscape:
    return landscape_of(project)


@pytest.fixture(scope="module")
def lineage(landscape: Landscape) -> Lineage:
    return Lineage(landscape)


@pytest.mark.parametrize("table", TABLES, ids=lambda one: one.stem)
def test_the_lineage_of_a_field_is_what_was_worked_out_by_hand(
    table: File, landscape: Landscape, lineage: Lineage
) -> None:
    wanted = _read(table)
    found: dict[str, dict[str, set[str]]] = {}
    written = set()
    for link in lineage.comes_from(field_named(landscape, wanted["field"])):
        source = link.path.source
        if source.kind == "constant":
            written.add(source.name)
        else:
            roles = found.setdefault(str(source), {})
            roles.setdefault(link.role, set()).add(spelled(link.path.steps))
    assert found == {
        name: {role: set(paths) for role, paths in roles.items()}
        for name, roles in wanted["comes_from"].items()
    }
    assert written == set(wanted["written"])


def test_five_fields_were_worked_out_by_hand() -> None:
    assert len(TABLES) == 5


def test_both_directions_agree(landscape: Landscape, lineage: Lineage) -> None:
    seen = 0
    for table in TABLES:
        field = field_named(landscape, _read(table)["field"])
        for link in lineage.comes_from(field):
            if link.path.source.kind == "constant":
                continue
            reached = [one.path for one in lineage.feeds(link.path)]
            assert any(_touch(one, field) for one in reached), f"{link.path} does not feed {field}"
            seen += 1
    assert seen > 100


def test_what_a_map_answers_to_is_what_its_lineage_says(
    project: Project, landscape: Landscape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One value of an input is changed at a time; what changes in the result has to come of it."""
    scopes = _scopes_of_all_cases(project, monkeypatch)
    assert len(scopes) == len(project.transforms)
    changed = 0
    for name, scope in scopes.items():
        transform = project.transforms[name]
        value = mapped(transform.file, _roots(transform), landscape.paths)
        parts = list(value.within())
        before = _apart(transform(scope))
        for steps in _mutants({one: scope[one] for one in transform.inputs}):
            try:
                after = transform(scope)
            except RouterError:
                continue
            for there in set(_differences(before, after)):
                assert _says(parts, there, steps), f"{name}: {there} answers to {steps}"
                changed += 1
    assert changed > 1000


def _read(table: File) -> Any:
    node, findings = read_yaml(table.read_text(), table.name)
    assert node is not None
    assert findings == []
    return to_json(node)


def _touch(one: Path, other: Path) -> bool:
    """Return whether a field is another one, lies in it or around it."""
    common = min(len(one.steps), len(other.steps))
    return one.source.key == other.source.key and one.steps[:common] == other.steps[:common]


def _scopes_of_all_cases(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> dict[str, dict[str, Any]]:
    """Return for each transform the largest scope that the tests of the landscape give it."""
    found: dict[str, dict[str, Any]] = {}
    real = Transform.__call__

    def called(self: Transform, scope: Any) -> Any:
        if len(str(scope)) > len(str(found.get(self.name, ""))):
            found[self.name] = _apart(dict(scope))
        return real(self, scope)

    with monkeypatch.context() as patch:
        patch.setattr(Transform, "__call__", called)
        settings = project.environments["test"]
        adapters = open_adapters(project, settings, ProcessSecrets({}, None))
        rig = Rig(project=project, environment=settings, adapters=adapters)
        results = [*run_cases(rig), *run_scenarios(project)]
        assert [one for one in results if one.complaints] == []
    return found


def _roots(transform: Transform) -> Value:
    """Return a scope in which each input is a document of its own."""
    names = {"headers", "stamp", "env", *transform.inputs}
    return Value(fields={name: _document(transform, name) for name in names})


def _document(transform: Transform, name: str) -> Value:
    given = transform.file.inputs.get(name)
    contract = getattr(given, "ref", None)
    return Value(frozenset({Origin(Path(Source("channel", name, contract)), Place(""))}))


def _apart(value: Any) -> Any:
    """Return a copy of which no two parts are one object."""
    if isinstance(value, dict):
        return {name: _apart(one) for name, one in value.items()}
    return [_apart(one) for one in value] if isinstance(value, list) else value


def _mutants(document: Any) -> Iterator[Steps]:
    """Change each scalar of a document for a while, in some ways; yield the steps to it."""
    times: Counter[Steps] = Counter()
    for steps, holder, key, value in list(_scalars(document, ())):
        times[steps] += 1
        if times[steps] > MOST:
            continue
        for other in _others(value):
            holder[key] = other
            yield steps
        holder[key] = value


def _scalars(value: Any, steps: Steps) -> Iterator[tuple[Steps, Any, Any, Any]]:
    """Yield each scalar within: the steps to it, what holds it under which key, and itself."""
    keys = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in keys:
        there = (*steps, key if isinstance(value, dict) else ITEM)
        if isinstance(one, dict | list):
            yield from _scalars(one, there)
        else:
            yield there, value, key, one


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, 0]
    if isinstance(value, str) and value.replace(".", "", 1).lstrip("-").isdigit():
        return [value[:-1] + ("1" if value[-1] != "1" else "2"), "0"]
    if isinstance(value, str):
        return [value.replace("01", "02", 1), f"{value}x", value.lower(), ""]
    return ["x"]


def _differences(before: Any, after: Any, steps: Steps = ()) -> Iterator[Steps]:
    """Yield the paths at which two documents differ; lists of other lengths differ as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            yield from _differences(before.get(name), after.get(name), (*steps, name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _differences(one, other, (*steps, ITEM))
    elif before != after:
        yield steps


def _says(parts: Iterable[tuple[Steps, Value]], there: Steps, changed: Steps) -> bool:
    """Return whether a lineage says that a field of the result comes of a field of an input."""
    root, asked = changed[0], changed[1:]
    for steps, part in parts:
        common = min(len(steps), len(there))
        if steps[:common] != there[:common] and "*" not in steps:
            continue
        if any(_reads(origin, root, asked) for origin in part.decided | part.origins):
            return True
    return False


def _reads(origin: Origin, root: str, asked: Steps) -> bool:
    read = origin.path.steps
    common = min(len(read), len(asked))
    same = all(
        "*" in (one, other) or one == other
        for one, other in zip(read[:common], asked[:common], strict=True)
    )
    deeper = origin.how == THERE and len(asked) > len(read)
    return origin.path.source.name == root and same and not deeper
