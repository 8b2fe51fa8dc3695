"""An event that several instances fit, in a store of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_project
from router.core.instants import time_of
from router.infra.store.overview import ExceptionQuery
from router.infra.store.store import Store
from router.runtime.installed import installed_adapters
from router.runtime.operator import carry_out
from router.runtime.replaying import replayed
from tests.conformance.worlds import StoreWorld

BASE = Path(__file__).parents[1] / "rules" / "base"
SINCE = "2026-03-02T09:00:00.000000Z"
NOTE = "routes/workflows/note.yaml"
#: notes go by their text, and an event may name nothing else
SEEN = "  note.seen: {contract: desk/memo@1, find: {word: =body.text}, put: {head: {seen: true}}}\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("ambiguous")
    for path in BASE.rglob("*.*"):
        name = path.relative_to(BASE)
        if "__pycache__" in name.parts or name.name.endswith(".test.yaml") or path.is_dir():
            continue
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text()
        if str(name) == NOTE:
            text = text.replace("views:\n", f"{SEEN}aliases: {{word: =facts.head.text}}\nviews:\n")
        (root / name).write_text(text)
    made, found = load_project(root, installed_adapters())
    assert [str(one) for one in found if one.severity.value == "error"] == []
    return made


@pytest.fixture
def world(store: Store, project: Any) -> StoreWorld:
    made = StoreWorld(
        workflow=project.workflows["note"],
        at=time_of(SINCE),
        answers={},
        usual={},
        decide={},
        project=project,
        store=store,
    )
    for name in ("n1", "n2"):
        written: Any = {"id": name, "text": "long " * 30, "lines": [{"name": "a", "size": "L"}]}
        made.event("note.written", written, name)
    seen: Any = {"id": "", "text": "long " * 30, "lines": []}
    made.event("note.seen", seen, "seen")
    return made


def exceptions(world: StoreWorld, **query: Any) -> list[dict[str, Any]]:
    with world.store.read() as reader:
        found = reader.overview.exceptions(ExceptionQuery(**query))
    return [one for one in found if one["key"] is None]


def message(world: StoreWorld) -> str:
    with world.store.read() as reader:
        (found,) = reader.overview.parked("note", 9)
    assert found["candidates"] == ["n1", "n2"]
    return str(found["message_id"])


def unpark(world: StoreWorld, **more: Any) -> None:
    asked = {"message": message(world), "reason": "x", "actor": "ann", **more}
    world.store.write(lambda transaction: carry_out(transaction, "unpark", asked, world.at))
    world._drain()


def seen(world: StoreWorld) -> list[str]:
    with world.store.read() as reader:
        return [
            one.key
            for one in reader.instances.find("note")
            if any(line.name == "note.seen" for line in reader.instances.turns(one.id))
        ]


def test_it_is_an_exception_of_the_workflow(world: StoreWorld) -> None:
    (found,) = exceptions(world, workflow="note", category="permanent", owner="desk")
    assert (found["message_id"], found["candidates"]) == (message(world), ["n1", "n2"])
    assert found["due_at"] == "2026-03-02T13:00:00.000000Z"
    assert exceptions(world, owner="nobody") == exceptions(world, workflow="other") == []
    assert exceptions(world, closed=True) == []
    with world.store.read() as reader:
        seen_ = reader.overview
        assert seen_.open_exceptions() == {("note", "permanent"): 1}
        assert seen_.ambiguous_by_workflow() == {"note": 1}
        assert [one["event"] for one in seen_.unclear("note", "n2")] == ["note.seen"]
        assert seen_.unclear("note", "n3") == seen_.unclear("other", "n2") == []


def test_it_is_given_to_one(world: StoreWorld) -> None:
    with world.store.read() as reader:
        number = reader.instances.named([("note", "n2")])["note", "n2"].id
    unpark(world, instance=number, discard=False)
    assert seen(world) == ["n2"]
    assert exceptions(world) == []
    (over,) = exceptions(world, closed=True)
    assert over["closed_at"] == SINCE
    with world.store.read() as reader:
        kept = reader.instances.named([("note", "n2")])["note", "n2"]
        assert (
            replayed(kept, reader.instances.turns(kept.id), {kept.mark: world.workflow}.get) is None
        )
        assert reader.overview.ambiguous_by_workflow() == {}


def test_it_is_given_up_and_forgotten(world: StoreWorld) -> None:
    unpark(world, instance="", discard=True)
    assert seen(world) == exceptions(world) == []
    (over,) = exceptions(world, closed=True)

    def forget(before: str) -> None:
        at = time_of(before)
        world.store.write(lambda transaction: transaction.forget_ambiguities("note", at))

    forget(SINCE)
    assert exceptions(world, closed=True) == [over]
    forget("2026-03-02T09:00:01.000000Z")
    assert exceptions(world, closed=True) == []


def test_it_is_asked_once(world: StoreWorld) -> None:
    unpark(world, instance="", discard=False)
    unpark(world, instance="", discard=False)
    assert len(exceptions(world)) == 1


def test_when_one_has_ended_the_other_is_meant(world: StoreWorld) -> None:
    torn: Any = {"id": "n1", "text": "", "lines": []}
    world.event("note.torn", torn, "torn")
    assert world.instances["n1"]["final"]
    unpark(world, instance="", discard=False)
    assert seen(world) == ["n2"]
    assert exceptions(world) == []
