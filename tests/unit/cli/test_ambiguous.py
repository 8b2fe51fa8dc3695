"""What commands tell of an event that several instances fit, and how a person answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.unit.cli.office import FILE, Office

#: notes go by their text, and an event may name nothing else
SEEN = "  note.seen: {contract: desk/memo@1, find: {word: =body.text}}\n"
LONG = "long " * 30
DUE = "due 2026-03-02T13:00Z"


@pytest.fixture
def office(shop: Any) -> Office:
    """n1 and n2 wait for a person, and an event is about one of them."""
    text = shop.read(FILE).replace(
        "views:\n", f"{SEEN}aliases: {{word: =facts.head.text}}\nviews:\n"
    )
    shop.write(FILE, text)
    made = Office(shop, {})
    made.write("n1", "n2", text=LONG)
    with made.open() as world:
        seen: Any = {"id": "", "text": LONG, "lines": []}
        world.event("note.seen", seen, "seen")
    return made


def waiting(office: Office) -> list[str]:
    told = office.run("parked", "note").output
    return re.findall(r"^(\w{32}) note note\.seen ", told, re.MULTILINE)


def test_it_is_found_wherever_work_is_looked_for(office: Office) -> None:
    (message,) = waiting(office)
    assert office.run("parked", "note").output.endswith(", ambiguous: n1, n2\n")
    listed = office.run("exceptions", "--owner", "desk").output
    about = f"note {message} note.seen of one of n1, n2"
    assert listed == f"{about}  ambiguous, permanent, desk, {DUE}, high\n"
    shown = office.run("show", "note", "n2").output.splitlines()
    assert shown[shown.index("may be meant by:") + 1] == (
        f"  note.seen {message}, which is of one of n1, n2"
    )
    status = office.shop.router("status", "--env", "test").output
    assert "exceptions: 1 permanent; 1 parked; 1 ambiguous; " in status
    found = json.loads(office.run("exceptions", "--format", "json").stdout)["exceptions"]
    assert [(one["code"], one["candidates"], one["key"]) for one in found] == [
        ("ambiguous", ["n1", "n2"], None)
    ]
    assert any("note.seen is ambiguous" in line for line in office.trace(message))


def test_it_is_given_to_who_is_named(office: Office) -> None:
    (message,) = waiting(office)
    done = office.run("unpark", message, "--to", "n2", "--reason", "she said so")
    assert done.output == f"looked at again: router trace {message}\n"
    office.work()
    assert waiting(office) == []
    assert office.run("exceptions").output == "none\n"
    over = office.run("exceptions", "--closed").output
    assert over.startswith(f"note {message} note.seen of one of n1, n2  ambiguous, permanent, desk")
    assert any("turned n2: event note.seen" in line for line in office.trace(message))
    assert "may be meant by:" not in office.run("show", "note", "n1").output


def test_it_is_given_up(office: Office) -> None:
    (message,) = waiting(office)
    assert office.run("unpark", message, "--discard", "--reason", "a test").output == "given up\n"
    assert office.run("exceptions").output == "none\n"
    assert waiting(office) == []
