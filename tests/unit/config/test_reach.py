"""An environment needs the settings of the systems that its channels can reach, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config.environments import EnvironmentFile
from router.config.project import Project, load_project
from router.config.reach import systems_reached
from router.runtime.installed import installed_adapters

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT, installed_adapters())[0]


def environment(project: Project, *takes: str) -> EnvironmentFile:
    found = project.environments["test"]
    made = EnvironmentFile(
        environment="one",
        store=found.store,
        http=found.http,
        metrics=found.metrics,
        redis=found.redis,
        broker=found.broker,
        retention=found.retention,
        values={},
        systems={},
        channels={},
        takes=tuple(project.channels[name] for name in takes),
        workers=1,
        partitions=found.partitions,
        place=found.place,
    )
    assert isinstance(made, EnvironmentFile)
    return made


#: a workflow that is told of an object reaches all that its steps send to
RETURNS = {"oms", "stock", "payments", "tax_office", "market_desk", "ledger"}


@pytest.mark.parametrize(
    ("takes", "systems"),
    [
        # asked by a route; sent to by flows of its objects, and by the workflow that one tells
        (["shopify"], {"shop", "ledger", "legacy_erp", "bi"} | RETURNS),
        (["poslog"], {"ledger", "legacy_erp", "bi"} | RETURNS),
        (["shiphero"], set()),  # nobody takes what it produces
        (["stripe"], {"ledger", "legacy_erp"} | RETURNS),  # a flow's object leads to another flow
        (["woocommerce", "shiphero"], {"woo", "ledger", "legacy_erp", "bi"} | RETURNS),
        (["returns_desk"], RETURNS),  # told by a route
    ],
)
def test_what_is_taken_reaches_these(project: Project, takes: list[str], systems: set[str]) -> None:
    assert systems_reached(project, environment(project, *takes)) == systems


def test_without_takes_all_are_reached(project: Project) -> None:
    assert systems_reached(project, environment(project)) == set(project.systems)
