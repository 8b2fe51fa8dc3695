"""`router workflow list, show, tasks, exceptions, parked`: what instances wait for, who can act."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.config.workflow.scenarios import Scripted
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
