"""Workflows over a store: the scenarios of the landscape come to the same as in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config.project import Project, load_project
from router.engine.workflow.trial import run_scenario
from router.infra.store.store import Store
from router.runtime.installed import installed_adapters
from router.runtime.replaying import replayed
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
    by = {one.mark: one for one in project.workflows.values()}
    with store.read() as reader:
        found = reader.instances.find(name)
        for kept in found:
            assert replayed(kept, reader.instances.turns(kept.id), by.get) is None
