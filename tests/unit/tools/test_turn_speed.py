"""Turns of a workflow are measured over a scenario of its tests, beside JSON alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import main
from router.config.project import load_project
from router.config.workflow.scenarios import ScenarioFile
from router.runtime.installed import installed_adapters
from router.runtime.turnspeed import NothingToPlay, measure_turns

ROOT = Path(__file__).parents[3]
NAME = "retail_return"


@pytest.fixture(scope="module")
def file() -> ScenarioFile:
    project, _ = load_project(ROOT, installed_adapters())
    return next(one for one in project.scenarios.values() if one.workflow.name == NAME)


def test_a_scenario_is_played_and_told_beside_its_floor(file: ScenarioFile) -> None:
    found = measure_turns(file, "S01", turns=32, repeats=2)
    assert (found.workflow, found.scenario[:3]) == (NAME, "S01")
    assert (found.turns, found.instances) == (16, 1)
    assert len(found.rate) == len(found.cpu) == len(found.floor) == 2
    assert min(*found.rate, *found.floor) > 0
    assert found.ratio > 1


def test_without_a_name_the_longest_is_played(file: ScenarioFile) -> None:
    few = replace(file, scenarios=file.scenarios[:4])
    longest = measure_turns(few, "", turns=1, repeats=1)
    assert longest.turns == max(
        measure_turns(few, one.name, turns=1, repeats=1).turns for one in few.scenarios
    )


def test_what_cannot_be_played_is_told(file: ScenarioFile) -> None:
    with pytest.raises(NothingToPlay, match="no scenario of retail_return has S99"):
        measure_turns(file, "S99", turns=1, repeats=1)
    first = file.scenarios[0]
    wrong = replace(first, then=replace(first.then, label="nowhere"))
    with pytest.raises(NothingToPlay, match="does not hold: label is"):
        measure_turns(replace(file, scenarios=(wrong,)), "", turns=1, repeats=1)


def test_the_command_tells_both_in_text_and_as_data() -> None:
    few = ["bench", "turns", NAME, "--scenario", "S01", "--turns", "16", "--repeats", "1"]
    told = CliRunner().invoke(main, [*few, "--project", str(ROOT)])
    assert told.exit_code == 0, told.output
    assert [line.split()[0] for line in told.output.splitlines()[2:]] == ["turns", "json", "ratio"]
    data = CliRunner().invoke(main, [*few, "--project", str(ROOT), "--format", "json"])
    assert json.loads(data.output)["turns"] == 16
    unknown = CliRunner().invoke(main, ["bench", "turns", "retail_retrun", "--project", str(ROOT)])
    assert unknown.exit_code != 0
    assert "retail_return" in unknown.output
