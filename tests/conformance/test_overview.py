"""What people ask about many instances, in a store of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from router.config.project import load_project
from router.config.workflow.scenarios import Scripted
from router.core.instants import time_of, time_text
from router.infra.store.jobs import Job
from router.infra.store.overview import ExceptionQuery, InstanceQuery
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.runtime.installed import installed_adapters
from router.runtime.outlook import instances_of, outlook_of
from tests.conformance.worlds import StoreWorld

PROJECT, _ = load_project(Path(__file__).parents[1] / "rules" / "base", installed_adapters())
NOTE = PROJECT.workflows["note"]
BEGIN = time_of("2026-03-02T09:00:00Z")


def fill(store: Store) -> StoreWorld:
    """n1 is closed, n2 failed at filing, n3 waits for a person, two events wait for others."""
    world = StoreWorld(
        workflow=NOTE,
        at=BEGIN,
        answers={"archive.put": [Scripted("done"), Scripted("done"), Scripted("refused")]},
        usual={},
        decide={},
        project=PROJECT,
        store=store,
    )
    for name, text in (("n1", "hello"), ("n2", "hello"), ("n3", "long " * 30)):
        body: Any = {"id": name, "text": text, "lines": [{"name": "a", "size": "L"}]}
        world.event("note.written", body, name)
    for name in ("n8", "n9"):
        nobody: Any = {"id": name, "text": "", "lines": []}
        world.event("note.torn", nobody, name)
    return world


@pytest.fixture
def world(store: Store) -> StoreWorld:
    return fill(store)


def test_instances_are_found_by_what_is_said_of_them(world: StoreWorld) -> None:
    wanted: list[tuple[str, dict[str, str]]] = [
        ("n1 n2 n3", {}),
        ("n1", {"label": "closed"}),
        ("n2 n3", {"status": "going"}),
        ("n2", {"status": "failed", "waits": "file"}),
        ("n3", {"task_of": "desk", "waits": "accept"}),
        ("n2", {"exception": "permanent", "owner": "desk"}),
        ("", {"status": "suspended"}),
        ("", {"until": time_text(BEGIN)}),
        ("n1 n2 n3", {"since": time_text(BEGIN)}),
    ]
    with world.store.read() as reader:
        for keys, said in wanted:
            query = InstanceQuery(workflow="note", **said)
            found = [one["key"] for one in reader.overview.instances(query, 10)]
            assert found == keys.split(), said
            assert reader.overview.count(query) == len(found)
            assert len(reader.overview.ids(query)) == len(found)
        assert reader.overview.marks(InstanceQuery(workflow="note")) == [NOTE.mark]
        assert len(reader.overview.instances(InstanceQuery(), 2)) == 2


def test_what_is_open_is_listed_and_counted(world: StoreWorld) -> None:
    with world.store.read() as reader:
        seen = reader.overview
        assert [(one["key"], one["role"]) for one in seen.tasks("note", "desk", 9)] == [
            ("n3", "desk")
        ]
        assert seen.tasks("", "nobody", 9) == []
        assert [
            (one["key"], one["name"], one["category"], one["by"])
            for one in seen.exceptions(ExceptionQuery(workflow="note", owner="desk"))
        ] == [("n2", "failed:file", "permanent", {})]
        assert seen.exceptions(ExceptionQuery(closed=True)) == []
        assert seen.going() == {("note", "written"): 2}
        assert seen.open_tasks() == {("note", "desk"): 1}
        assert seen.open_exceptions() == {("note", "permanent"): 1}
        assert seen.parked_by_workflow() == {"note": 2}
        assert seen.oldest_waits() == {"note": time_text(BEGIN)}


def test_events_that_wait_say_by_which_names(world: StoreWorld) -> None:
    with world.store.read() as reader:
        found = reader.overview.parked("note", 9)
        assert sorted(one["names"][0]["value"] for one in found) == ["n8", "n9"]
        assert {one["event"] for one in found} == {"note.torn"}
        assert len(reader.overview.parked("note", 1)) == 1
        row = reader.overview.parked_row(found[0]["message_id"])
        assert row is not None
        assert row.message.id == found[0]["message_id"]
        assert reader.overview.parked_row("0" * 32) is None


def test_a_jobs_set_is_frozen_and_its_turns_are_counted(world: StoreWorld) -> None:
    query = InstanceQuery(workflow="note", status="going")

    def job(transaction: Any) -> int:
        number = transaction.jobs.make(Job(how="order", reason="x", rate=1), BEGIN)
        transaction.jobs.freeze_instances(number, query)
        transaction.jobs.choose(number, {"approver": "ben"})
        return int(number)

    number = world.store.write(job)
    with world.store.read() as reader:
        ids = reader.overview.ids(query)
        assert [one.message_id for one in reader.jobs.items(number, "remaining", 9)] == ids
        assert reader.jobs.get(number).options == {"approver": "ben"}
        assert reader.overview.items(ids[0], "file", "") == [""]
        assert reader.overview.items(ids[0], "file", "running") == []
        line = next(iter(reader.instances.turns(ids[0])))
        assert reader.overview.turned(line.message_id)[0]["instance"] == ids[0]
        assert reader.jobs.turned(number) == {}
    follow = [(line.message_id, "workflow:note")]
    world.store.write(lambda transaction: transaction.jobs.follow(number, 1, follow))
    with world.store.read() as reader:
        assert reader.jobs.turned(number) == {"applied": 1}


def test_nothing_walks_along_all_turns(tmp_path: Path) -> None:
    store = Store.on(SqliteFile(tmp_path / "store.db"), "rev1")
    fill(store)
    asked: list[tuple[str, Any]] = []
    with store.read() as reader:
        connection = reader.overview._connection
        event.listen(
            connection, "before_cursor_execute", lambda *said: asked.append((said[2], said[3]))
        )
        for kept in instances_of(reader, PROJECT.workflows, "n2", ()):
            outlook_of(reader, kept, NOTE)
        reader.jobs.told(1)
        reader.jobs.turned(1)
        plans = [
            str(row[3])
            for statement, values in list(asked)
            if statement.startswith("SELECT")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    store.close()
    assert any("SEARCH turns" in plan for plan in plans)
    assert [plan for plan in plans if plan.startswith(("SCAN turns", "SCAN aliases"))] == []
