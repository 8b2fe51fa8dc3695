"""`router workflow`: scenarios, checks, the picture, every state."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.cli.main import main

BASE = Path(__file__).parents[2] / "rules" / "base"
FILE = "routes/workflows/note.yaml"
TESTS = """
workflow: note
begins: "2026-03-02T09:00:00Z"
documents:
  sized: {id: n1, text: hello, lines: [{name: a, size: L}]}
scenarios:
  - {name: it is closed, when: [{event: note.written, say: sized}], then: {label: closed}}
  - {name: it is torn, when: [{event: note.written, say: sized}], then: {label: torn, keys: []}}
universes:
  - {name: a note, events: [{event: note.written, say: sized, but: {id: universe}}]}
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    root = tmp_path / "project"
    shutil.copytree(BASE, root)
    (root / FILE.replace(".yaml", ".test.yaml")).write_text(TESTS)

    def call(*words: str, change: tuple[str, str] | None = None) -> Result:
        if change is not None:
            path = root / FILE
            assert change[0] in path.read_text()
            path.write_text(path.read_text().replace(*change))
        return CliRunner().invoke(main, ["workflow", *words, "-p", str(root)])

    return call


def data(result: Result) -> Any:
    return json.loads(result.output)


def test_a_scenario_that_does_not_hold_tells_what_came_instead(run: Run) -> None:
    told = run("test", "note")
    assert told.exit_code == 1
    assert told.output.splitlines() == [
        "routes/workflows/note.test.yaml:8 FAILED it is torn",
        '    keys is ["file/0/0","close/0/0"], expected []',
        '    label is "closed", expected "torn"',
        "1 passed, 1 failed",
    ]


def test_scenarios_can_be_chosen_and_read_by_programs(run: Run) -> None:
    told = run("test", "note", "--only", "closed", "--format", "json")
    assert told.exit_code == 0
    assert data(told)["command"] == "workflow test"
    assert [one["name"] for one in data(told)["results"]] == ["it is closed"]
    assert 'name="router workflow test"' in run("test", "--format", "junit").output
    assert "::error file=" in run("test", "--format", "github").output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("test", "not"), "router: no workflow not: did you mean note?"),
        (("test", "--only", "x"), "router: no scenario has x"),
        (("explore", "note", "--only", "x"), "router: no universe has x"),
    ],
)
def test_what_is_not_there_is_said(run: Run, words: tuple[str, ...], told: str) -> None:
    found = run(*words)
    assert (found.exit_code, found.output.strip()) == (2, told)


def test_lint_tells_what_is_wrong_with_workflows_alone(run: Run) -> None:
    sound = run("lint")
    assert (sound.exit_code, sound.output) == (0, "0 errors, 0 warnings in 1 workflow\n")
    told = run("lint", "note", "--format", "json", change=("needs: [file,", "needs: [fil,"))
    assert told.exit_code == 1
    assert [one["code"] for one in data(told)["findings"]] == ["E601"]


def test_the_picture_has_every_step_and_need(run: Run) -> None:
    told = run("graph", "note").output.splitlines()
    assert told[0] == "flowchart TD"
    assert '  s_accept{{"accept<br/>decides"}}' in told
    assert "  s_check -.-> s_close" in told
    assert "  class s_close pivot" in told


def test_exploring_says_how_many_states_there_are_and_what_was_not_seen(run: Run) -> None:
    told = run("explore", "note")
    first, *rest = told.output.splitlines()
    assert told.exit_code == 0
    assert first.startswith("a note: ")
    assert first.endswith(" 0 flaws")
    assert "  labels not seen: torn" in rest
    found = data(run("explore", "note", "--format", "json"))["universes"][0]
    assert found["whole"] is True
    assert set(found["statuses"]["close"]) == {"done", "failed", "running"}


def test_a_flaw_fails_the_command_and_shows_the_way(run: Run) -> None:
    change = ("is_done('close') && !is_done('file')", "is_done('file')")
    told = run("explore", "note", change=change)
    assert told.exit_code == 1
    lines = told.output.splitlines()
    at = lines.index("  never: closed_unfiled")
    assert lines[at + 1 : at + 3] == ["    note.written", "    file/0/0 done"]
