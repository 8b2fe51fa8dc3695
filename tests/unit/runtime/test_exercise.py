"""Exercising routes with generated documents: what is a failure, what is meant, what is kept."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_texts
from router.infra.secrets import ProcessSecrets
from router.runtime.cases import Rig
from router.runtime.exercise.exercise import Exercised, Gym, Wanted
from router.runtime.exercise.session import Session, headers_of
from router.runtime.exercise.subjects import Subject, subjects
from router.runtime.installed import installed_adapters
from router.runtime.wiring import open_adapters

BASE = Path(__file__).parents[2] / "rules" / "base"
TASK = "transforms/inbox/task.yaml"
NOTE = "contracts/inbox/note/1.0.0.json"
CHANNEL = "routes/channels/inbox.yaml"


def texts(**changes: str) -> dict[str, str]:
    """Return the base, whose notes have an id that is not empty, with other texts in it."""
    made = {
        path.relative_to(BASE).as_posix(): path.read_text()
        for path in BASE.rglob("*")
        if path.suffix in (".json", ".yaml")
    }
    made[NOTE] = made[NOTE].replace(
        '"id": {"type": "string"}', '"id": {"type": "string", "minLength": 1}'
    )
    for name, text in changes.items():
        path = {"task": TASK, "channel": CHANNEL, "note": NOTE}[name]
        before, _, after = text.partition(" => ")
        assert before in made[path]
        made[path] = made[path].replace(before, after)
    return made


def rig(tmp_path: Path, **changes: str) -> Rig:
    """Return what exercises a project with changes."""
    project, findings = load_texts(tmp_path, texts(**changes), installed_adapters())
    assert [str(one) for one in findings if one.code[0] == "E"] == []
    environment = project.environments["test"]
    adapters = open_adapters(project, environment, ProcessSecrets({}, tmp_path))
    return Rig(project=project, environment=environment, adapters=adapters)


def session(made: Rig, seed: str = "1", most: int = 60) -> Session:
    """Return a session."""
    return Session(made, Wanted(most=most, seed=seed))


def complaints(made: Rig, **how: Any) -> list[str]:
    """Return what a session complains of."""
    return [line for one in session(made, **how).run() for line in one.complaints]


def the_route(made: Rig) -> Subject:
    """Return the one route."""
    exchange = session(made)._exchange()
    found = list(subjects(made.project, exchange, headers_of(made.project)))
    assert [one.name for one in found] == ["inbox:note", "flow:file_task", "archive.put"]
    return found[0]


def exercised(made: Rig, subject: Subject) -> Exercised:
    """Return what comes of a subject."""
    return Gym(made.project, Wanted(most=40, seed="1"), {}).exercise(subject)


def test_a_sound_project_has_nothing_told(tmp_path: Path) -> None:
    made = session(rig(tmp_path))
    found = list(made.run())
    assert [one.name for one in found] == [
        "generated for inbox:note",
        "generated for flow:file_task",
        "generated for archive.put",
    ]
    assert [one.complaints for one in found] == [(), (), ()]
    assert set(made.words) == {"routed"}
    assert made.words["routed"] > 100


def test_a_failure_is_small_and_told_at_its_place(tmp_path: Path) -> None:
    first, document = complaints(rig(tmp_path, task="=body.text => =instant(body.text)"))
    assert first.startswith(f"{TASK}:5:11 E210 inbox:note: instant(): not a time")
    assert document == '  document: {"kind": "note", "id": "t", "text": "", "lines": []}'


def test_a_field_of_the_map_is_told_by_the_pointer_of_the_result(tmp_path: Path) -> None:
    made = rig(tmp_path)
    changed = texts()
    task = "contracts/task/1.0.0.json"
    changed[task] = changed[task].replace(
        '"properties": {"name": {"type": "string"}', '"properties": {"name": {"const": "text 1"}'
    )
    project, _ = load_texts(tmp_path, changed, installed_adapters())
    found = complaints(dataclasses.replace(made, project=project))
    assert found[0].startswith(f"{TASK}:8:18 E211 inbox:note: what inbox/task gives breaks task@1")
    assert "/steps/0/name must be" in found[0]
    assert json.loads(found[1].partition(": ")[2])["lines"] == [{"name": ""}]


@pytest.mark.parametrize(
    "meant",
    [
        "map:\n => refuses: {instant: people write it}\nmap:\n",
        "  title: =instant(body.text) =>   title: =needed(body.price, 'the price')",
        "  title: =instant(body.text) =>   title: =money('1.005', body.currency).amount",
    ],
)
def test_what_is_refused_on_purpose_is_no_failure(tmp_path: Path, meant: str) -> None:
    changed = texts(task="=body.text => =instant(body.text)")
    before, _, after = meant.partition(" => ")
    changed[TASK] = changed[TASK].replace(before, after)
    changed[NOTE] = changed[NOTE].replace(
        '"currency": {"type": "string"}', '"currency": {"enum": ["EUR"]}'
    )
    changed[NOTE] = changed[NOTE].replace('"text", "lines"', '"text", "currency", "lines"')
    project, findings = load_texts(tmp_path, changed, installed_adapters())
    assert [str(one) for one in findings if one.code[0] == "E"] == []
    made = session(dataclasses.replace(rig(tmp_path), project=project))
    assert [one.complaints for one in made.run() if one.complaints] == []
    assert made.words["refused"] > 3


def test_refuses_names_functions_that_there_are(tmp_path: Path) -> None:
    changed = texts(task="map:\n => refuses: {instnt: people write it}\nmap:\n")
    _, findings = load_texts(tmp_path, changed, installed_adapters())
    (one,) = [one for one in findings if one.place.file == TASK]
    assert "instnt" in str(one)


def test_a_guard_turns_away(tmp_path: Path) -> None:
    step = "      - filter: {if: =body.lines, else: {dead_letter: no lines}}\n"
    guard = f"    steps:\n =>     steps:\n{step}"
    made = session(rig(tmp_path, channel=guard))
    assert [one.complaints for one in made.run() if one.complaints] == []
    assert made.words["turned away"] >= 2


def test_a_fault_of_our_own_is_told_as_such(tmp_path: Path) -> None:
    def breaks(_sample: Any) -> Any:
        raise RuntimeError("broken")

    made = rig(tmp_path)
    subject = dataclasses.replace(the_route(made), run=breaks)
    (found,) = exercised(made, subject).found
    assert (found.finding.code, found.finding.message) == (
        "E212",
        "inbox:note: RuntimeError: broken",
    )


def test_the_same_seed_tells_the_same(tmp_path: Path) -> None:
    made = rig(tmp_path, task="=body.text => =instant(body.text)")
    assert complaints(made) == complaints(made)


def test_a_kept_document_runs_first_and_without_generation(tmp_path: Path) -> None:
    made = rig(tmp_path, task="=body.text => =instant(body.text)")
    keeping = Session(made, Wanted(most=20, seed="1"), keeps=True)
    told = [line for one in keeping.run() for line in one.complaints]
    (path,) = tmp_path.glob("contracts/inbox/note/regressions/1.0.0/*.json")
    assert told[-1] == f"  kept: {path.relative_to(tmp_path).as_posix()}"
    held = json.loads(path.read_text())
    assert held["for"] == "inbox:note"
    assert held["document"] == {"kind": "note", "id": "t", "text": "", "lines": []}
    (again,) = session(made, most=0).run()
    assert again.name == "kept for inbox:note"
    assert "E210" in again.complaints[0]
    (mended,) = session(rig(tmp_path), most=0).run()
    assert mended.complaints == ()
    stricter = rig(
        tmp_path,
        task="=body.text => =instant(body.text)",
        note='"text": {"type": "string"} => "text": {"type": "string", "format": "date-time"}',
    )
    (refused,) = session(stricter, most=0).run()
    assert refused.complaints == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "a kept sample has for, document"),
        ('{"for": "inbox:letter", "document": 1}', "nobody is called inbox:letter"),
        ('{"for": "inbox:note", "document": 1, "answers": []}', "answers: a mapping"),
    ],
)
def test_a_kept_file_that_is_none_is_told(tmp_path: Path, text: str, said: str) -> None:
    made = rig(tmp_path)
    path = tmp_path / "contracts/inbox/note/regressions/1.0.0/one.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (found,) = session(made, most=0).run()
    assert found.file == "contracts/inbox/note/regressions/1.0.0/one.json"
    assert said in found.complaints[0]
    assert "E215" in found.complaints[0]
