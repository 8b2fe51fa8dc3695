"""The shipped landscape bears documents that nobody wrote."""

from __future__ import annotations

from pathlib import Path

from router.config.project import load_project
from router.infra.secrets import ProcessSecrets
from router.runtime.cases import Rig
from router.runtime.exercise.exercise import Wanted
from router.runtime.exercise.session import Session
from router.runtime.installed import installed_adapters
from router.runtime.wiring import open_adapters

ROOT = Path(__file__).parents[2]
#: documents for each route, flow and operation; `router test --generate` makes more
MOST = 30


def test_every_route_flow_and_operation_bears_generated_documents() -> None:
    project, _ = load_project(ROOT, installed_adapters())
    environment = project.environments["test"]
    adapters = open_adapters(project, environment, ProcessSecrets({}, ROOT))
    session = Session(
        Rig(project=project, environment=environment, adapters=adapters),
        Wanted(most=MOST, seed="1"),
    )
    results = list(session.run())
    assert [line for one in results for line in one.complaints] == []
    assert len(results) > 70
    assert session.words["routed"] > session.words["refused"] + session.words["turned away"]
