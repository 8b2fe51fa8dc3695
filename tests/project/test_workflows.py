"""The shipped workflows: their scenarios hold, and a replay of a history is the same."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice, permutations
from math import factorial
from pathlib import Path

import pytest

from router.config.project import Project, load_project
from router.core.diagnostics import Severity
from router.engine.workflow.harness import World
from router.engine.workflow.state import begin, canonical, state_hash
from router.engine.workflow.trial import History, document_of, outcome_of
from router.engine.workflow.turn import turn
from router.runtime.cases import Result
from router.runtime.installed import installed_adapters
from router.runtime.scenarios import histories

ROOT = Path(__file__).parents[2]
NAME = "retail_return"


@pytest.fixture(scope="module")
def landscape() -> Project:
    project, findings = load_project(ROOT, installed_adapters())
    assert [one for one in findings if one.severity is Severity.ERROR] == []
    return project


@pytest.fixture(scope="module")
def run(landscape: Project) -> list[tuple[Result, History]]:
    return list(histories(landscape, "", ""))


def test_every_workflow_has_scenarios_and_all_hold(
    landscape: Project, run: list[tuple[Result, History]]
) -> None:
    assert {file.workflow.name for file in landscape.scenarios.values()} == set(landscape.workflows)
    assert {result.name: result.complaints for result, _ in run if result.complaints} == {}
    assert len(run) >= 37


def test_the_scenarios_of_the_design_are_there(run: list[tuple[Result, History]]) -> None:
    wanted = {f"S{number:02}" for number in range(1, 24)}
    assert wanted - {result.name.partition(" ")[0] for result, _ in run} == set()


def test_every_history_is_the_same_when_it_is_replayed(
    landscape: Project, run: list[tuple[Result, History]]
) -> None:
    replayed = 0
    for _, history in run:
        states = {}
        for step in history.turns:
            before = states.get(step.key) or begin(history.world.workflow, step.key)
            made = turn(history.world.workflow, before, step.came, step.at, step.turn.decisions)
            assert made.effects == step.turn.effects
            assert state_hash(made.state) == state_hash(step.turn.state)
            states[step.key] = made.state
            replayed += 1
    assert replayed > 300


def test_two_lines_and_two_lots_have_one_end_in_every_order_with_repeats(
    landscape: Project,
) -> None:
    """Of the 40,320 orders of eight events, 96 at equal distances; three of the events repeat."""
    file = next(one for one in landscape.scenarios.values() if one.workflow.name == NAME)
    said = {
        "return.requested": [("req_mixed", {})] * 2,
        "wms.lots_received": [("recv", {}), ("recv_b", {"lots.0.line_id": "l2"})] * 2,
        "wms.lot_inspected": [("good", {}), ("good_b", {"lots.0.line_id": "l2"})],
    }
    events = [
        (name, document_of(file, word, None, but), f"{word}{number}")
        for name, bodies in said.items()
        for number, (word, but) in enumerate(bodies)
    ]
    ends = set()
    for order in islice(permutations(events), 0, None, factorial(len(events)) // 96):
        world = World(workflow=file.workflow, at=file.begins)
        for name, body, event_id in order:
            world.event(name, body, event_id)
        world.let_pass(timedelta(days=3))
        ends.add(canonical(outcome_of(world)))
    assert len(ends) == 1
    assert '"R-1":"closed"' in ends.pop()
