"""Mistakes that types do not tell: which of them generated documents tell."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_texts
from router.infra.secrets import ProcessSecrets
from router.runtime.cases import Rig
from router.runtime.exercise.exercise import Wanted
from router.runtime.exercise.session import Session
from router.runtime.installed import installed_adapters
from router.runtime.wiring import open_adapters
from tests.mistakes.seeded import Mistake, part_of, seeded, texts_in

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES: list[dict[str, Any]] = json.loads((HERE / "generated.json").read_text())
#: documents for each subject
MOST = 60


@lru_cache(1)
def landscape() -> dict[str, str]:
    """Return the shipped texts."""
    return texts_in(ROOT)


def complaints(texts: dict[str, str]) -> set[str]:
    """Return the findings of generated documents in a part of the landscape."""
    project, _ = load_texts(ROOT, texts, installed_adapters())
    environment = project.environments["test"]
    adapters = open_adapters(project, environment, ProcessSecrets({}, ROOT))
    rig = Rig(project=project, environment=environment, adapters=adapters)
    session = Session(rig, Wanted(most=MOST, seed="1"))
    told = [line for one in session.run() for line in one.complaints]
    return {line for line in told if not line.startswith(" ")}


@lru_cache
def clean(about: str) -> frozenset[str]:
    """Return what is told of the part that a mistake is about, without the mistake."""
    return frozenset(complaints(around(part_of(landscape(), about))))


def around(texts: dict[str, str]) -> dict[str, str]:
    """Return a part with what comes after it: flows, and tests whose headers count."""
    tests = {path.replace(".yaml", ".test.yaml") for path in texts if "/channels/" in path}
    flows = {path for path in landscape() if path.startswith("routes/flows/")}
    after = {path for path in flows if not path.endswith(".test.yaml")}
    used = {
        f"transforms/{name}.yaml"
        for path in after
        for name in re.findall(r"transform: ([a-z0-9_]+/[a-z0-9_]+)", landscape()[path])
    }
    kept = {"routes/environments/test.yaml", *tests, *after, *used}
    return {path: text for path, text in landscape().items() if path in kept} | texts


@pytest.mark.parametrize("case", CASES, ids=lambda one: one["name"])
def test_generation_tells_it(case: dict[str, Any]) -> None:
    said = case["says"]
    parts = {key: held for key, held in case.items() if key not in ("why", "says")}
    mistake = Mistake(**parts, code="", at="", names="")
    found = complaints(around(seeded(landscape(), mistake))) - clean(mistake.about)
    assert any(said in one for one in found), sorted(found)
