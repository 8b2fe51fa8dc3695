"""Where the addresses of calls come from, and what their answers give to others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path as File

import pytest

from router.config.lineage.ask import DECIDED, FROM, Lineage
from router.config.lineage.landscape import Landscape, landscape_of
from router.config.lineage.naming import field_named
from router.config.project import load_project
from router.runtime.installed import installed_adapters

BASE = File(__file__).parents[2] / "rules" / "base"
SYSTEM = """
system: archive
owner: desk
adapter: http
on_failure: patient
operations:
  put: {accept: task@1, calls: [open, close]}
  open:
    accept: task@1
    request: {post: /drafts, headers: {x-name: "{reference}"}}
    idempotency: {kind: lookup}
    lookup:
      request: {get: "/drafts", query: {name: "{reference}"}}
      found: =body.drafts
      reference: "=body.drafts[0].number"
      result: "=body.drafts[0]"
    outcome:
      - {if: "=status == `201`", is: done, reference: =body.draft.id, result: =body.draft}
      - {otherwise: unknown}
  close:
    accept: task@1
    transform: archive/close
    request: {post: "/drafts/{open}/close"}
    idempotency: {kind: key, header: idempotency-key}
    outcome:
      - {if: "=status == `201`", is: done, reference: =headers.location}
      - {otherwise: unknown}
  find:
    arguments: [id, since]
    returns: inbox/note@1
    request: {get: "/notes/{id}", optional: {since: "{since}"}}
    outcome:
      - {if: "=status == `200`", is: done, result: "=body.notes[0]"}
      - {otherwise: retry}
  list:
    arguments: [since, token]
    returns: page@1
    request: {get: /notes, optional: {since: "{since}", token: "{token}"}}
    outcome:
      - {if: "=status == `200`", is: done}
      - {otherwise: retry}
"""
CLOSE = """
inputs: {payload: task@1, reference: text, calls: calls}
to: close@1
map: {id: =payload.id, draft: =calls.open.reference, note: =calls.open.result.note}
"""
POLLED = """
channel: polled
owner: desk
from:
  poll:
    call: archive.list
    every: 5m
    with: {since: =cursor, token: =next}
    next: =body.token
    cursor: {value: "=max(body.notes[].at)"}
  records: =body.notes
kind: ='note'
identity: {object: [=body.id]}
routes:
  note:
    accept: inbox/note@1
    steps:
      - enrich: {call: archive.find, with: {id: =body.id, since: '=headers."poll-page"'}, as: known}
      - transform: inbox/both
      - produce: {object: task@1}
otherwise: [{dead_letter: unknown_kind}]
on_failure: patient
"""
BOTH = "inputs: {body: inbox/note@1, known: inbox/note@1}\nto: task@1\n"
TEXT, TIME = {"type": "string"}, {"type": "string", "format": "date-time"}
NOTE = {"type": "object", "required": ["at"], "properties": {"at": TIME}}
FIELDS = {
    "page": {"token": TEXT, "notes": {"type": "array", "items": NOTE}},
    "close": {"id": TEXT, "draft": TEXT, "note": TEXT},
}


@pytest.fixture(scope="module")
def landscape(tmp_path_factory: pytest.TempPathFactory) -> Landscape:
    root = tmp_path_factory.mktemp("calls") / "shop"
    shutil.copytree(BASE, root)
    (root / "transforms/archive").mkdir()
    put = {
        "routes/systems/archive.yaml": SYSTEM,
        "routes/channels/polled.yaml": POLLED,
        "transforms/archive/close.yaml": CLOSE,
        "transforms/inbox/both.yaml": BOTH + "map: {id: =body.id, title: =known.text}\n",
    }
    for name, text in put.items():
        (root / name).write_text(text)
    for name, fields in FIELDS.items():
        folder = root / "contracts" / name
        folder.mkdir()
        head = f"contract: {name}\nowner: desk\nunconsumed: a test\n"
        (folder / "contract.yaml").write_text(head + "versions: {1.0.0: {status: active}}\n")
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:contract:{name}:1.0.0",
            "type": "object",
            "required": [*fields],
            "properties": fields,
        }
        (folder / "1.0.0.json").write_text(json.dumps(schema))
    project, findings = load_project(root, installed_adapters())
    assert [str(one) for one in findings] == []
    return landscape_of(project)


#: a field -> what it comes from; what only decides stands in brackets
COMES_FROM = {
    "address of archive.find:get": {"polled:id"},
    "address of archive.find:optional.since": {"headers of polled:poll-page"},
    "address of archive.list:optional.token": {"answer of archive.list:token"},
    "address of archive.list:optional.since": {"answer of archive.list:notes[].at"},
    "answer of archive.find:text": {"body of archive.find:notes[].text"},
    "address of archive.close:post": {
        "answer of archive.open:draft.id",
        "look-up of archive.open:drafts[].number",
    },
    "archive.close:draft": {
        "answer of archive.open:draft.id",
        "look-up of archive.open:drafts[].number",
    },
    "archive.close:note": {
        "answer of archive.open:draft.note",
        "look-up of archive.open:drafts[].note",
    },
    "address of archive.open:headers.x-name": {"reference"},
    "address of archive.open:look-up.query.name": {"reference"},
    # an answer is the end of a way, unless it is asked for itself
    "task.title": {"answer of archive.find:text", "inbox:text", "(polled:id)"},
}
#: a field -> some of what it feeds
FEEDS = {
    "polled:id": {"address of archive.find:get", "task@1.id", "archive.close:id"},
    "body of archive.find:notes[].text": {"answer of archive.find:text", "task@1.title"},
    "answer of archive.list:token": {"address of archive.list:optional.token"},
    "answer of archive.open:draft.id": {"address of archive.close:post", "archive.close:draft"},
    "headers of polled:poll-page": {"address of archive.find:optional.since"},
}


@pytest.mark.parametrize("field", COMES_FROM)
def test_what_an_address_or_an_answer_comes_from(field: str, landscape: Landscape) -> None:
    links = Lineage(landscape).comes_from(field_named(landscape, field))
    found = {str(one.path) if one.role == FROM else f"({one.path})" for one in links}
    found -= {"(headers of polled:poll-page)"}
    assert found == COMES_FROM[field]


@pytest.mark.parametrize("field", FEEDS)
def test_what_a_field_feeds(field: str, landscape: Landscape) -> None:
    links = Lineage(landscape).feeds(field_named(landscape, field))
    assert FEEDS[field] <= {str(one.path) for one in links}


def test_what_asks_for_an_answer_decides_about_all_of_it(landscape: Landscape) -> None:
    links = Lineage(landscape).comes_from(field_named(landscape, "task.title"))
    deciding = {str(one.path) for one in links if one.role == DECIDED}
    assert deciding == {"polled:id", "headers of polled:poll-page"}


def test_every_place_is_told(landscape: Landscape) -> None:
    known = Lineage(landscape)
    for field in COMES_FROM:
        for link in known.comes_from(field_named(landscape, field)):
            assert all(one.file and one.line for one in link.places), (field, link)


def test_of_one_name_the_request_is_meant_not_the_answer(landscape: Landscape) -> None:
    assert field_named(landscape, "archive.close:draft").source.kind == "request"
    assert field_named(landscape, "archive.find:text").source.kind == "answer"
