"""`router workflow close-window`: what a window holds leaves now, by a daemon or without one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.cli.office import FILE, Office

HOLD = "    hold: {window: evening, timeout: {after: 26h, do: exception}}\n"
CLOSE = ("close-window", "note", "evening", "--reason", "the month ends")


@pytest.fixture
def office(shop: Any) -> Office:
    """The last step of two notes is held for the evening."""
    text = shop.read(FILE)
    shop.write(FILE, text.replace("    pivot: true\n", f"{HOLD}    pivot: true\n"))
    made = Office(shop, {})
    made.write("n1", "n2")
    return made


def held(office: Office) -> list[str]:
    done = office.run("list", "--status", "held", "--format", "json")
    return [one["key"] for one in json.loads(done.stdout)["instances"]]


def test_a_dry_run_says_what_would_leave_and_changes_nothing(office: Office) -> None:
    done = office.run(*CLOSE, "--dry-run")
    assert done.stdout.startswith("evening of note, which closes at 2026-03-02T")
    assert done.stdout.endswith("Z, would let 2 commands go now\n")
    office.work()
    assert held(office) == ["n1", "n2"]


def test_without_a_daemon_it_leaves_when_one_runs(office: Office) -> None:
    done = office.run(*CLOSE)
    assert done.stdout.endswith("Z, lets 2 commands go now\n")
    assert held(office) == ["n1", "n2"]
    office.work()
    assert held(office) == []
    assert {office.state(name)["label"] for name in ("n1", "n2")} == {"closed"}
    assert office.run(*CLOSE).stdout == "evening holds nothing of note\n"


def test_a_daemon_is_asked_by_its_inbox(office: Office) -> None:
    with office.running():
        done = office.run(*CLOSE, "--format", "json")
        assert list(json.loads(done.stdout)["closed"].values()) == [2]
        assert office.until("2 instances", "list", "--label", "closed")


def test_why_is_kept(office: Office) -> None:
    office.run(*CLOSE)
    with office.open() as world, world.store.read() as reader:
        (row,) = [one for one in reader.counters() if one["word"] == "closed_early"]
        assert (row["consumer"], row["n"]) == ("workflow:note", 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("notes", "evening"), "no workflow notes: did you mean note?"),
        (("note", "evenin"), "note waits for no window evenin: did you mean evening?"),
    ],
)
def test_what_is_not_there_is_told(office: Office, words: tuple[str, str], told: str) -> None:
    done = office.run("close-window", *words, "--reason", "why")
    assert done.exit_code == 2
    assert told in done.stderr
