"""`router pause, drain, resume workflow:NAME`, and what other commands tell of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from router.config.workflow.scenarios import Scripted
from tests.unit.cli.office import FAILED, Office

WHY = ("--reason", "the archive moves")
HELD = r"paused: workflow:note since 20[0-9T:-]+Z, the archive moves"


@pytest.fixture
def office(shop: Any) -> Office:
    """n1 failed at filing."""
    made = Office(shop, {"archive.put": [FAILED, Scripted("done"), Scripted("done")]})
    made.write("n1")
    return made


def run(office: Office, *words: str) -> tuple[int, str]:
    done = office.shop.router(*words, "--env", "test")
    return done.exit_code, done.output


def test_what_looks_at_instances_tells_that_they_stand_still(office: Office) -> None:
    assert run(office, "pause", "workflow:note", *WHY) == (0, "workflow:note is paused\n")
    for words in (("list",), ("list", "note"), ("show", "note", "n1")):
        first = office.run(*words).output.splitlines()[0]
        assert re.fullmatch(HELD, first)
        told = json.loads(office.run(*words, "--format", "json").stdout)["paused"]
        assert {one["mode"] for one in told.values()} == {"paused"}
        assert told.keys() == {"workflow:note"}
    status = run(office, "status")[1].splitlines()
    assert any(re.fullmatch(HELD, line) for line in status)
    assert run(office, "resume", "workflow:note") == (
        0,
        "workflow:note goes on: 0 go on, 0 dropped\n",
    )
    assert office.run("list").output.splitlines()[0].startswith("note n1")


def test_an_order_is_accepted_and_waits(office: Office) -> None:
    with office.running():
        run(office, "pause", "workflow:note", *WHY)
        done = office.run("order", "retry", "note", "n1", "--step", "file", *WHY)
        assert done.exit_code == 0
        text = r"it is carried out when workflow:note goes on: router trace (\w{32})\n"
        found = re.fullmatch(text, done.output)
        assert found is not None
        assert office.run("show", "note", "n1").output.splitlines()[1].startswith("note n1")
        assert run(office, "resume", "workflow:note")[1].startswith("workflow:note goes on: 1 go")
    office.work()
    assert office.state("n1")["label"] == "closed"


def test_a_slow_resume_is_the_only_policy(office: Office) -> None:
    run(office, "pause", "workflow:note", *WHY)
    for policy in (("--latest-per-key",), ("--drop-older-than", "2h")):
        code, text = run(office, "resume", "workflow:note", *policy)
        assert code == 2
        assert text == (
            "router: what waits for workflow:note are also answers, timers and orders of "
            "instances, which would wait for ever for one that is dropped: resume it as it is, or "
            "with --rate\n"
        )
    assert run(office, "resume", "workflow:note", "--rate", "20/s") == (
        0,
        "workflow:note goes on at 20/s: 0 go on, 0 dropped\n",
    )


def test_a_drain_counts_instances(office: Office) -> None:
    with office.running():
        code, text = run(office, "drain", "workflow:note", *WHY, "--wait", "0.1")
        assert (code, text) == (1, "workflow:note is draining, 1 left\n")
        told = run(office, "status")[1]
        assert re.search(r"draining: workflow:note since .*Z, 1 left, the archive moves", told)
        done = office.run("order", "retry", "note", "n1", "--step", "file", *WHY)
        assert done.output == "applied, written\n"
    office.work()
    code, text = run(office, "drain", "workflow:note")
    assert (code, text) == (0, "workflow:note is drained\n")


def test_a_name_that_nobody_has_is_refused(office: Office) -> None:
    code, text = run(office, "pause", "workflow:nota", *WHY)
    assert code == 2
    assert "nothing is called workflow:nota" in text
    assert "workflow:note" in text


def test_a_window_that_is_closed_says_when_it_lets_go(shop: Any) -> None:
    file = "routes/workflows/note.yaml"
    hold = "    hold: {window: evening, timeout: {after: 26h, do: exception}}\n"
    shop.write(file, shop.read(file).replace("    pivot: true\n", f"{hold}    pivot: true\n"))
    office = Office(shop, {})
    office.write("n1")
    run(office, "pause", "workflow:note", *WHY)
    done = office.run("close-window", "note", "evening", "--reason", "the month ends")
    assert done.output.endswith("lets 1 command go when workflow:note goes on\n")
