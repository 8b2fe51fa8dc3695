"""Workflows over a store: the scenarios of the landscape come to the same as in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config.project import Project, load_project
from router.engine.workflow.record import effect_document, input_of
from router.engine.workflow.state import begin, state_hash
from router.engine.workflow.trial import run_scenario
from router.engine.workflow.turn import turn
from router.infra.codecs import canonical_json
from router.infra.store.store import Store
from router.runtime.installed import installed_adapters
from tests.conformance.worlds import world_in

ROOT = Path(__file__).parents[2]
LANDSCAPE, _ = load_project(ROOT, installed_adapters())
SCENARIOS = {
    f"{file.workflow.name}: {one.name}": (file, one)
    for _, file in sorted(LANDSCAPE.scenarios.items())
    for one in file.scenarios
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_holds_in_a_store_and_its_journal_replays(name: str, store: Store) -> None:
    file, scenario = SCENARIOS[name]
    history = run_scenario(file, scenario, world_in(LANDSCAPE, store))
    assert history.complaints == []
    assert_journals_replay(LANDSCAPE, file.workflow.name, store)


def assert_journals_replay(project: Project, name: str, store: Store) -> None:
    """Every turn, made again of what the journal keeps, comes to the same state and effects."""
    workflow = project.workflows[name]
    with store.read() as reader:
        for kept in reader.instances.find(name):
            state = begin(workflow, kept.key)
            lines = list(reader.instances.turns(kept.id))
            assert [line.seq for line in lines] == list(range(1, kept.turns + 1))
            for line in lines:
                made = turn(
                    workflow, state, input_of(line.kind, line.input), line.at, line.decisions
                )
                told = [effect_document(one) for one in made.effects]
                assert canonical_json(told) == canonical_json(list(line.effects))
                assert state_hash(made.state) == line.hash
                state = made.state
            assert state == kept.state
            assert state_hash(state) == kept.hash
