"""What is told of a sandbox's expressions before anybody asks it, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config.project import load_project
from router.runtime.installed import installed_adapters

SANDBOX = """
sandbox: stand_in
http: {{host: 127.0.0.1, port: 8391}}
collections:
  orders: {{key: ={key}}}
  seeded: {{key: =item.id, seed: seed.json}}
endpoints:
  - post: /orders
    insert: {{into: orders, document: "={document}"}}
    answer: {{status: 201, body: {{id: ={made}}}}}
  - get: "/orders/{{id}}"
    find: {{in: orders, by: ={by}}}
    answer: {{body: {{order: ={found}}}}}
    missing: {{status: 404, body: {{error: "={missing}"}}}}
  - get: /orders
    pages: {{of: orders, where: "={where}", order: ={order}, after: =query.after}}
    answer: {{body: {{all: {{each: ={all}, map: {{id: ={item}}}}}, next: ={next}}}}}
  - post: /batch
    insert: {{into: seeded, each: ={each}, accept: ={accept}, document: =item}}
    answer: {{body: {{took: "={took}"}}}}
"""
GOOD = {
    "key": "item.id",
    "document": "{id: body.id, kind: 'order', lines: [body.first]}",
    "made": "found.id",
    "by": "path.id",
    "found": "found.kind",
    "missing": "join_text(['no', path.id], ' ')",
    "where": "item.kind == 'order' && contains(item.id, query.like)",
    "order": "item.id",
    "all": "found",
    "item": "item.kind",
    "next": "next",
    "each": "body.items",
    "accept": "item.good",
    "took": "length(accepted)",
}
SOUND = {
    "as it is": {},
    "a header that nobody may send": {"by": "headers.who"},
    "how many there are": {"made": "text(number)"},
    "what was refused": {"took": "refused[0].good"},
    "seeds are not known": {"took": "found.whatever"},
}
MISTAKES = {
    "a place that the path does not have": ({"by": "path.number"}, "E190", "number of the path /"),
    "a place of another endpoint": ({"made": "path.id"}, "E190", "no field id of the path /orders"),
    "a field that no document has": ({"found": "found.kindd"}, "E190", "no field kindd"),
    "a key that no document has": ({"key": "item.number"}, "E190", "no field number"),
    "a word that no document says": (
        {"where": "item.kind == 'ordre'"},
        "E196",
        "is never order",
    ),
    "a field of an item": ({"item": "item.kindd"}, "E190", "no field kindd"),
    "an order by a list": ({"order": "item.lines"}, "E199", "order: is a list"),
    "nothing is found where it is missing": (
        {"missing": "upper(found.id)"},
        "E195",
        "null",
    ),
    "a text for a list": ({"each": "path"}, "E195", "each: takes a list"),
    "a number that is counted": ({"took": "length(number)"}, "E195", "whole number"),
}


def found(root: Path, parts: dict[str, str]) -> list[tuple[str, str]]:
    """Return what is told of a sandbox with these parts."""
    path = root / "routes/sandboxes/stand_in.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(SANDBOX.format(**{**GOOD, **parts}))
    (path.parent / "seed.json").write_text("[]")
    told = load_project(root, installed_adapters())[1]
    assert {one.place.file for one in told} <= {"routes/sandboxes/stand_in.yaml"}, told
    return [(one.code, one.message) for one in told]


@pytest.mark.parametrize("name", SOUND)
def test_what_may_be_right_is_not_told(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, SOUND[name]) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_right_is_told_once(name: str, tmp_path: Path) -> None:
    parts, code, words = MISTAKES[name]
    ((found_code, message),) = found(tmp_path, parts)
    assert (found_code, words in message) == (code, True), message
