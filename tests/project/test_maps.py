"""The maps of the landscape go the quick way: the tree is asked for nothing but errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_project
from router.config.transforms.mapcode import MapFunction
from router.infra.secrets import ProcessSecrets
from router.runtime.cases import Rig, run_cases
from router.runtime.installed import installed_adapters
from router.runtime.scenarios import run_scenarios
from router.runtime.wiring import open_adapters

ROOT = Path(__file__).parents[2]


def test_no_map_of_the_landscape_needs_its_tree_for_a_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick, slow = [], []
    real, first = MapFunction._told, MapFunction._first

    def told(self: MapFunction, scope: Any) -> Any:
        document = real(self, scope)
        slow.append(self)
        return document

    def made(self: MapFunction, scope: Any) -> Any:
        quick.append(self)
        return first(self, scope)

    monkeypatch.setattr(MapFunction, "_told", told)
    monkeypatch.setattr(MapFunction, "_first", made)
    project, findings = load_project(ROOT, installed_adapters())
    assert findings == []
    settings = project.environments["test"]
    adapters = open_adapters(project, settings, ProcessSecrets({}, None))
    results = list(run_cases(Rig(project=project, environment=settings, adapters=adapters)))
    results += run_scenarios(project)
    assert [one for one in results if one.complaints] == []
    maps = [one for one in project.transforms.values() if one.file.map is not None]
    views = [one for flow in project.workflows.values() for one in flow.file.views.values()]
    assert len({id(one) for one in quick}) == len(maps) + len(views)
    assert slow == []
