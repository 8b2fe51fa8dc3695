"""Lives of instances are measured in a store of few and in one of many."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import main
from router.runtime import lifespeed

ROOT = Path(__file__).parents[3]
FEW = ["bench", "lives", "retail_return", "--scenario", "S01", "--lives", "2", "--repeats", "2"]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifespeed, "FEW", 5)


def test_every_life_comes_to_its_end_beside_those_that_are_stored() -> None:
    told = CliRunner().invoke(main, [*FEW, "--stored", "1000", "--project", str(ROOT)])
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert lines[0] == "retail_return: S01 duplicates change nothing"
    assert "16 turns a life, 2 repeats" in lines[1]
    assert [line.split()[1] for line in lines[2:4]] == ["stored", "stored"]


def test_the_same_as_data() -> None:
    wanted = [*FEW, "--stored", "1000", "--format", "json", "--project", str(ROOT)]
    found = json.loads(CliRunner().invoke(main, wanted).output)
    assert found["turns"] == 16
    assert len(found["few_rate"]) == len(found["many_cpu_us"]) == 2
    assert found["ratio"] > 0


def test_a_scenario_that_is_not_there_is_told() -> None:
    wanted = ["bench", "lives", "retail_return", "--scenario", "S99", "--project", str(ROOT)]
    told = CliRunner().invoke(main, wanted)
    assert told.exit_code != 0
    assert "no scenario of retail_return has S99" in told.output
