"""`router workflow coverage`: which statuses of which steps the scenarios show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from router.cli.main import main

ROOT = Path(__file__).parents[3]


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["workflow", "coverage", *words, "--project", str(ROOT)])


def steps(*words: str) -> dict[str, Any]:
    found = json.loads(run("retail_return", "--format", "json", *words).output)
    (workflow,) = found["workflows"]
    return {one["step"]: one for one in workflow["steps"]}


def test_a_step_has_the_statuses_that_it_says() -> None:
    found = steps()
    assert found["receive"]["possible"] == ["waiting", "done", "skipped"]
    assert found["recover"]["possible"][:3] == ["asked", "running", "failed"]
    assert found["post_refund"]["possible"][0] == "held"
    assert found["issue_rma"]["possible"][-3:] == ["undoing", "undone", "undo_failed"]
    for one in found.values():
        assert sorted(one["seen"] + one["missing"]) == sorted(one["possible"])
    assert "done" in found["refund"]["seen"]


def test_what_is_missing_is_named_and_counted() -> None:
    told = run("retail_return")
    first, *rest = told.output.splitlines()
    found = steps()
    seen, possible = (
        sum(len(one[word]) for one in found.values()) for word in ("seen", "possible")
    )
    assert first.startswith(f"retail_return: {seen} of {possible} statuses seen, ")
    assert [line.split()[0] for line in rest] == [
        name for name, one in found.items() if one["missing"]
    ]


def test_too_little_is_a_finding() -> None:
    assert run("--least", "60").exit_code == 0
    assert run("--least", "100").exit_code == 1
    unknown = run("retail_retrun")
    assert unknown.exit_code == 2
    assert "retail_return" in unknown.output
