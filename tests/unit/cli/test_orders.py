"""`router workflow order` and what belongs to it: turns of people, two for what moves money."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from router.config.workflow.scenarios import Scripted
from tests.unit.cli.office import FAILED, Office

WHY = ("--reason", "the archive was mended")


@pytest.fixture
def office(shop: Any) -> Office:
    """n1 failed at filing, n2 waits for a person; whatever is sent then is done."""
    made = Office(shop, {"archive.put": [FAILED, Scripted("done")]})
    made.write("n1")
    made.write("n2", text="long " * 30)
    return made


def test_an_order_is_a_turn_and_its_outcome_is_told(office: Office) -> None:
    with office.running():
        done = office.run("order", "retry", "note", "n1", "--step", "file", *WHY)
        assert (done.exit_code, done.output) == (0, "applied, written\n")
    office.work()
    with office.running():
        again = office.run("order", "retry", "note", "n1", "--step", "file", *WHY)
        assert (again.exit_code, again.output) == (1, "refused: it is done, not failed, closed\n")
    told = json.loads(office.run("show", "note", "n1", "--format", "json").stdout)["instance"]
    orders = [one for one in told["last_turns"] if one["kind"] == "order"]
    assert [(one["name"], one["actor"]) for one in orders] == [("retry", "ann"), ("retry", "ann")]


def test_without_a_daemon_an_order_is_on_its_way(office: Office) -> None:
    done = office.run("order", "decide", "note", "n2", "--step", "accept", "--value", "go", *WHY)
    assert re.fullmatch(
        r"it is carried out when the daemon runs: router trace \w{32}\n", done.output
    )
    assert office.state("n2")["label"] == "written"
    office.work()
    assert office.state("n2")["label"] == "closed"


def test_a_dry_run_shows_what_would_come_and_writes_nothing(office: Office) -> None:
    before = office.state("n1")
    words = ("order", "retry", "note", "n1", "--step", "file", "--dry-run", *WHY)
    assert office.run(*words).output.splitlines() == [
        "would be applied, stays written",
        "  closes failed:file",
        "  sends archive.put n1/file/0/0",
        "nothing was written",
    ]
    found = json.loads(office.run(*words, "--format", "json").stdout)["dry_run"]
    assert (found["outcome"], found["money"]) == ("applied", False)
    assert office.state("n1") == before
    refused = office.run("order", "resume", "note", "n1", "--dry-run", *WHY).output
    assert refused.startswith("would be refused: it is not suspended, stays written\n")


def fail_at_closing(shop: Any, *names: str) -> Office:
    answers = [Scripted("done"), FAILED] * len(names)
    made = Office(shop, {"archive.put": [*answers, Scripted("done")]})
    made.write(*names)
    return made


def test_what_moves_money_is_done_by_two(shop: Any) -> None:
    office = fail_at_closing(shop, "n1")
    order = ("order", "retry", "note", "n1", "--step", "close", *WHY)
    assert "it moves money: a second person approves it" in office.run(*order, "--dry-run").output
    asked = office.run(*order).output
    assert asked == (
        "it moves money, proposal 2 waits for another person: router workflow approve 2\n"
    )
    assert "ann: retry close of note n1, the archive" in office.run("proposals").output
    office.work()
    assert office.state("n1")["label"] == "filed"
    own = office.run("approve", "2", "--reason", "me")
    assert (own.exit_code, own.output) == (
        2,
        "router: proposal 2 is by ann: another person approves it\n",
    )
    with office.running():
        done = office.run("approve", "2", "--reason", "looked at it", user="ben")
    assert (done.exit_code, done.output) == (0, "applied, filed\n")
    assert office.state("n1")["label"] == "closed"
    twice = office.run("approve", "2", "--reason", "again", user="cleo")
    assert twice.output == "router: proposal 2 was approved by ben\n"
    with office.open() as world, world.store.read() as reader:
        kept = reader.instances.named([("note", "n1")])["note", "n1"]
        line = next(one for one in reader.instances.turns(kept.id) if one.kind == "order")
    assert (line.input["actor"], line.input["approver"]) == ("ann", "ben")


def test_a_proposal_that_is_rejected_is_over(shop: Any) -> None:
    office = fail_at_closing(shop, "n1")
    office.run("order", "skip", "note", "n1", "--step", "close", *WHY)
    assert office.run("reject", "2", "--reason", "no").output == "proposal 2 is rejected\n"
    assert office.run("proposals").output == "none\n"
    late = office.run("approve", "2", "--reason", "yes", user="ben")
    assert late.output == "router: proposal 2 was rejected by ann\n"
    office.work()
    assert office.state("n1")["steps"]["close"][""]["status"] == "failed"


def test_many_are_ordered_by_a_job(shop: Any) -> None:
    office = Office(shop, {"archive.put": [FAILED, FAILED, FAILED, Scripted("done")]})
    office.write("n1", "n2", "n3")
    office.write("n4", text="long " * 30)
    order = ("order", "retry", "note", "--step", "file", "--status", "failed", *WHY)
    tried = office.run(*order, "--dry-run").output.splitlines()
    assert tried == ["3 instances", "       3 applied", "nothing was written"]
    wide = office.run("order", "retry", "note", "--step", "file", "--status", "going", *WHY)
    assert wide.output.splitlines() == [
        "job 1: 4 instances, 50 a second",
        "       3 applied",
        "       1 refused: it is idle, not failed",
        "start it with: router workflow start 1",
    ]
    with office.running():
        assert office.run("start", "1").exit_code == 0
        assert office.until("job 1 done", "job", "1")
    office.work()
    assert office.run("job", "1").output.splitlines() == [
        "job 1 done: 4 all, 0 remaining, 0 skipped, 0 failed, 0 under way, 4 succeeded",
        "turns: 3 applied, 1 refused",
    ]
    assert [office.state(name)["label"] for name in ("n1", "n2", "n3", "n4")] == [
        *("closed", "closed", "closed"),
        "written",
    ]


def test_many_that_move_money_need_a_second_person_too(shop: Any) -> None:
    office = fail_at_closing(shop, "n1", "n2")
    order = ("order", "retry", "note", "--step", "close", "--waits", "close", *WHY)
    planned = office.run(*order).output.splitlines()
    assert planned[0] == "job 1: 2 instances, 50 a second"
    assert planned[-1].endswith("router workflow approve 2")
    early = office.run("start", "1")
    assert early.output == (
        "router: job 1 moves money: another person approves it, see router workflow proposals\n"
    )
    assert office.run("approve", "2", "--reason", "me").exit_code == 2
    with office.running():
        done = office.run("approve", "2", "--reason", "fine", user="ben")
        assert done.output == "job 1 runs: router workflow job 1\n"
        assert office.until("job 1 done", "job", "1")
    office.work()
    assert [office.state(name)["label"] for name in ("n1", "n2")] == ["closed", "closed"]


def test_an_event_that_waits_is_looked_at_again(office: Office) -> None:
    with office.open() as world:
        for name in ("torn", "gone"):
            body: Any = {"id": "n9", "text": "", "lines": []}
            world.event("note.torn", body, name)
    data = json.loads(office.run("parked", "--format", "json").stdout)["parked"]
    first, second = (one["message_id"] for one in data)
    done = office.run("unpark", first, "--to", "n2", "--reason", "a wrong number")
    assert done.output == f"looked at again: router trace {first}\n"
    assert office.run("unpark", second, "--discard", "--reason", "a test").output == "given up\n"
    office.work()
    assert office.state("n2")["label"] == "torn"
    assert office.run("parked").output == "none\n"
    gone = office.run("unpark", second, "--reason", "x")
    assert gone.output == f"router: no event {second} waits: see router workflow parked\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("retry", "not", "n1", "--step", "file"), "no workflow not: did you mean note?"),
        (
            ("retry", "note", "n1"),
            "retry is about a step: give --step, one of: accept, check",
        ),
        (("retry", "note", "n1", "--step", "fil"), "no step fil in note: did you mean file?"),
        (("retry", "note", "--step", "file"), "without a condition it would mean every instance"),
        (("retry", "note", "n1", "--step", "file", "--label", "x"), "a KEY says which instance"),
        (("skip", "note", "n1", "--step", "file", "--value", "{"), "--value is not JSON: "),
        (("rety", "note", "n1"), "'rety' is not one of 'retry', 'new_key'"),
        (("decide", "note", "n7", "--step", "accept"), "no instance n7 of note"),
    ],
)
def test_a_mistake_says_what_to_write(shop: Any, words: Any, told: str) -> None:
    office = Office(shop, {})
    with office.open():
        pass
    found = office.run("order", *words, *WHY)
    assert found.exit_code in (1, 2)
    assert told in found.output
