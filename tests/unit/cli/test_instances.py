"""`router workflow list, show, tasks, exceptions, parked`: what instances wait for, who can act."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.config.workflow.scenarios import Scripted
from router.infra.metrics import Measures
from router.runtime.gauges import families
from tests.unit.cli.office import FAILED, Office


@pytest.fixture
def office(shop: Any) -> Office:
    """n1 is closed, n2 failed at filing, n3 waits for a person, an event waits for n9."""
    made = Office(shop, {"archive.put": [Scripted("done"), Scripted("done"), FAILED]})
    made.write("n1", "n2")
    made.write("n3", text="long " * 30)
    with made.open() as world:
        nobody: Any = {"id": "n9", "text": "", "lines": []}
        world.event("note.torn", nobody, "torn")
    return made


def listed(office: Office, *words: str) -> list[str]:
    done = office.run("list", *words, "--format", "json")
    found = json.loads(done.stdout)
    assert found["count"] == len(found["instances"])
    return [one["key"] for one in found["instances"]]


def test_a_list_narrows_by_each_condition(office: Office) -> None:
    assert listed(office) == ["n1", "n2", "n3"]
    assert listed(office, "note", "--label", "closed") == ["n1"]
    assert listed(office, "--status", "going") == ["n2", "n3"]
    assert listed(office, "--status", "ended") == ["n1"]
    assert listed(office, "--status", "failed") == ["n2"]
    assert listed(office, "--waits", "accept") == ["n3"]
    assert listed(office, "--waits", "accept", "--status", "failed") == []
    assert listed(office, "--task-of", "desk") == ["n3"]
    assert listed(office, "--exception", "permanent", "--owner", "desk") == ["n2"]
    assert listed(office, "--owner", "nobody") == []
    assert listed(office, "--since", "2026-03-02T08:00:00Z") == ["n1", "n2", "n3"]
    assert listed(office, "--until", "2026-03-02T08:00:00Z") == []
    told = office.run("list", "--limit", "1").output.splitlines()
    assert told == ["note n1  closed  since 2026-03-02T09:00Z", "1 of 3 instances"]


def test_an_instance_says_what_it_waits_for_and_who_can_act(office: Office) -> None:
    failed = office.run("show", "note", "n2").output.splitlines()
    assert failed[:3] == [
        "note n2: written, began 2026-03-02T09:00Z",
        "  file is failed since 2026-03-02T09:00Z; can act: desk",
        "  exception failed:file: broken, permanent, desk, due 2026-03-02T13:00Z",
    ]
    assert "  file failed since 2026-03-02T09:00Z code broken" in failed
    assert "  close idle" in failed
    assert failed[-1] == "  2 2026-03-02T09:00Z answer n2/file/0/0: applied, written"
    asked = json.loads(office.run("show", "note", "n3", "--format", "json").stdout)["instance"]
    assert [(one["step"], one["status"], one["who"]) for one in asked["waits"]] == [
        ("accept", "asked", "role desk")
    ]
    assert asked["tasks"][0]["due_at"] == asked["waits"][0]["until"]
    assert [one["name"] for one in asked["timers"]] == ["accept#sla"]


def test_what_is_open_is_listed_by_when_it_is_due(office: Office) -> None:
    tasks = office.run("tasks", "--role", "desk").output
    assert tasks == "note n3 accept  desk, due 2026-03-03T09:00Z, asked 2026-03-02T09:00Z\n"
    open_ = office.run("exceptions", "--category", "permanent", "--severity", "high").output
    assert open_ == "note n2 failed:file  broken, permanent, desk, due 2026-03-02T13:00Z, high\n"
    assert office.run("exceptions", "--closed").output == "none\n"
    waits = office.run("parked", "note").output
    assert waits.endswith(" note note.torn  until 2026-03-02T10:00Z, by key n9\n")


def test_a_trace_tells_of_the_instances_that_a_word_is_about(office: Office) -> None:
    told = office.trace("n3")
    assert told[:3] == [
        "note n3: written, began 2026-03-02T09:00Z",
        "  accept is asked since 2026-03-02T09:00Z, until 2026-03-03T09:00Z; can act: role desk",
        "",
    ]
    assert told[-1].endswith("workflow:note  turned n3: event note.written -> written")
    failed = "\n".join(office.trace("n2"))
    assert "  turned n2: answer n2/file/0/0 refused broken -> written" in failed
    assert office.trace("n9")[1].endswith(
        "  parked: note.torn waits for n9 until 2026-03-02T10:00:00Z"
    )
    order = ("--reason", "none is wanted", "--step", "accept", "--value", "deny")
    office.run("order", "decide", "note", "n3", *order)
    office.work()
    ordered = "  turned n3: order decide accept by ann, none is wanted -> "
    assert any(ordered in line for line in office.trace("n3"))


def test_status_and_metrics_count_what_is_open(office: Office) -> None:
    line = office.shop.router("status", "--env", "test").output.splitlines()
    assert (
        "workflow note: 2 written; tasks: 1 desk; exceptions: 1 permanent; 1 parked; "
        "waits since 2026-03-02T09:00Z"
    ) in line
    data = office.shop.data("status", "--env", "test")["workflows"]["note"]
    assert (data["going"], data["parked"]) == ({"written": 2}, 1)
    with office.open() as world:
        text = Measures().text(families(world.store, "rev1", world.at)).decode()
    told = {line for line in text.splitlines() if line.startswith("router_workflow")}
    assert told == {
        'router_workflow_instances{label="written",workflow="note"} 2.0',
        'router_workflow_tasks{role="desk",workflow="note"} 1.0',
        'router_workflow_exceptions{category="permanent",workflow="note"} 1.0',
        'router_workflow_parked_events{workflow="note"} 1.0',
    }


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("list", "not"), 2, "router: no workflow not: did you mean note?"),
        (("list", "--waits", "fil"), 2, "router: no step fil: did you mean file?"),
        (("show", "not", "n1"), 2, "router: no workflow not: did you mean note?"),
        (("show", "note", "n7"), 1, "no instance n7 of note: router workflow list note"),
        (("tasks", "not"), 2, "router: no workflow not: did you mean note?"),
        (("exceptions", "not"), 2, "router: no workflow not: did you mean note?"),
        (("parked", "not"), 2, "router: no workflow not: did you mean note?"),
    ],
)
def test_what_is_not_there_is_said(shop: Any, words: Any, code: int, told: str) -> None:
    office = Office(shop, {})
    with office.open():
        pass
    found = office.run(*words)
    assert (found.exit_code, found.output.strip()) == (code, told)
