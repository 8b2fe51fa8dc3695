"""What is told of the expressions that see a delivery as a whole, before one comes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_project
from router.runtime.installed import installed_adapters

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
RECORD: dict[str, Any] = {
    "type": "object",
    "required": ["id", "amount", "lines", "good"],
    "properties": {
        "id": TEXT,
        "amount": TEXT,
        "tip": TEXT,
        "lines": {"type": "array", "items": TEXT},
        "good": {"type": "boolean"},
        "sign": TEXT,
    },
}
PAGE: dict[str, Any] = {
    "type": "object",
    "required": ["notes", "names", "more", "size"],
    "properties": {
        "notes": {"type": "array", "items": RECORD},
        "names": {"type": "array", "items": TEXT},
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "token": TEXT,
        "more": {"type": "boolean"},
        "size": WHOLE,
        "nothing": {"type": "null"},
    },
}
CHANNEL = """
channel: inbox
owner: us
from:
  {source}
  records: ={records}
kind: ='note'
identity: {{object: [=body.id]}}
routes:
  note: {{accept: note@1, steps: [{{discard: enough}}]}}
otherwise: [{{dead_letter: unknown_kind}}]
on_failure: patient
"""
POLL = """poll:
    call: shop.list
    every: 5m
    with: {{since: "={since}", token: ={token}}}
    next: ={next}
    cursor: {{value: ={value}, kind: {kind}}}"""
FILE = """file:
    pattern: "*.json"
    format: json
    control: {{count: "={count}", sums: [{{of: "={of}", is: "={says}"}}]}}"""
HTTP = """http:
    path: /in/inbox
    format: json
    verify:
      inside: {{each: ={records}, signature: ={sign}, fields: [={field}]}}
      secrets: ["env:S"]"""
SYSTEM = """
system: shop
owner: us
adapter: http
on_failure: patient
operations:
  list:
    arguments: [since, token]
    returns: page@1
    request: {get: /notes, optional: {since: "{since}", token: "{token}"}}
    outcome:
      - {if: "=status == `200`", is: done}
      - {otherwise: retry}
"""
GOOD = {
    POLL: {
        "records": "body.notes",
        "since": "cursor",
        "token": "next",
        "next": "body.token",
        "value": "body.at",
        "kind": "time",
    },
    FILE: {"records": "body", "count": "body[0].n", "of": "record.amount", "says": "body[0].sum"},
    HTTP: {"records": "body.notes", "sign": "item.sign", "field": "item.id"},
}
SOUND: dict[str, tuple[str, dict[str, str]]] = {
    "a page": (POLL, {}),
    "a page that says whether there are more": (POLL, {"next": "body.more", "token": "page"}),
    "a cursor that counts": (POLL, {"value": "body.size", "kind": "number"}),
    "a cursor that is the time of asking": (POLL, {"value": "began"}),
    "what adds up": (FILE, {}),
    "what stands for it": (FILE, {"of": "first_of(record.tip, '0')"}),
    "what is signed": (HTTP, {}),
    "a signed boolean that nobody must send": (HTTP, {"field": "item.tip"}),
    "what is signed and in no contract": (HTTP, {"field": "item.nonce"}),
}
MISTAKES: dict[str, tuple[str, dict[str, str], str, str]] = {
    "a field that no page has": (POLL, {"records": "body.note"}, "E190", "no field note of body"),
    "a page that is no list": (POLL, {"records": "body.token"}, "E199", "records: takes a list"),
    "records that no route takes": (
        POLL,
        {"records": "body.names"},
        "E199",
        "an item is text (body.names[] in page@1.0.0), and no route takes it",
    ),
    "a next that never leads on": (POLL, {"next": "body.nothing"}, "E200", "never holds"),
    "a next that never ends": (POLL, {"next": "body.size"}, "W190", "is never empty"),
    "a next that is a list": (POLL, {"next": "body.names"}, "E199", "next: is a list"),
    "a cursor without a time": (POLL, {"value": "body.day"}, "E199", "of the form date"),
    "a cursor of another kind": (POLL, {"value": "body.size"}, "E199", "its kind is time"),
    "a cursor that is no number": (
        POLL,
        {"kind": "number"},
        "E199",
        "the cursor is text or null (body.at in page@1.0.0), and its kind is number",
    ),
    "a question that is a list": (
        POLL,
        {"since": "[cursor]"},
        "E199",
        "what shop.list is asked by, since, is a list",
    ),
    "a count that is a list": (FILE, {"count": "keys(body[0])"}, "E199", "count: is a list"),
    "a sum of what is no number": (FILE, {"of": "record.lines"}, "E199", "(record.lines in note@"),
    "a sum of what may be missing": (
        FILE,
        {"of": "record.tip"},
        "E145",
        "may be missing: record.tip is optional in note@1.0.0",
    ),
    "a sum of no field": (FILE, {"of": "record.amout"}, "E190", "no field amout"),
    "a sum that is said by a list": (FILE, {"says": "keys(body[0])"}, "E199", "is said is a list"),
    "a signature that is a list": (HTTP, {"sign": "item.lines"}, "E199", "the signature is a list"),
    "what is signed is a list": (HTTP, {"field": "item.lines"}, "E199", "is signed is a list"),
}


def found(root: Path, source: str, parts: dict[str, str]) -> list[tuple[str, str]]:
    """Return what is told of a channel with these parts."""
    given = {**GOOD[source], **parts}
    put(root, "routes/channels/inbox.yaml", CHANNEL.format(source=source.format(**given), **given))
    put(
        root,
        "routes/policies/patient.yaml",
        "policy: failure\nname: patient\nretry: {after: [5s], within: 1h}\nat_last: dead_letter\n",
    )
    if source is POLL:
        put(root, "routes/systems/shop.yaml", SYSTEM)
    for name, schema in (("note", RECORD), ("page", PAGE)):
        head = f"contract: {name}\nowner: us\nunconsumed: a test\n"
        put(root, f"contracts/{name}/contract.yaml", head + "versions: {1.0.0: {status: active}}\n")
        whole = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:contract:{name}:1.0.0",
            **schema,
        }
        put(root, f"contracts/{name}/1.0.0.json", json.dumps(whole))
    told = load_project(root, installed_adapters())[1]
    assert {one.place.file for one in told} <= {"routes/channels/inbox.yaml"}, told
    return [(one.code, one.message) for one in told]


def put(root: Path, name: str, text: str) -> None:
    """Write a file of the project."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("name", SOUND)
def test_what_may_be_right_is_not_told(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, *SOUND[name]) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_right_is_told_once(name: str, tmp_path: Path) -> None:
    source, parts, code, words = MISTAKES[name]
    ((found_code, message),) = found(tmp_path, source, parts)
    assert (found_code, words in message) == (code, True), message


def test_a_page_that_is_made_anew_keeps_no_contract(tmp_path: Path) -> None:
    """`returns` is then of the result; a poll reads the bytes."""
    found(tmp_path, POLL, {})
    again = SYSTEM.replace("is: done}", "is: done, result: =body.page}")
    put(tmp_path, "routes/systems/shop.yaml", again)
    path = tmp_path / "routes/channels/inbox.yaml"
    path.write_text(path.read_text().replace("=body.notes", "=body.page.notes"))
    assert load_project(tmp_path, installed_adapters())[1] == []
