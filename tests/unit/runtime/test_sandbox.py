"""A stand-in's events and batches: what is sent twice or late, what of a batch is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_project
from router.runtime.sandbox import Said, Sandbox

TEXT = """
sandbox: stand_in
http: {port: 8400}
collections:
  notes: {key: =item.id}
  names: {key: =item.name}
receivers:
  shop: {url: "http://127.0.0.1:9/in", sign: {none: a test}}
endpoints:
  - post: /notes
    insert: {into: notes, document: =body}
    emit:
      - to: shop
        headers: {topic: note, event: =text(number)}
        body: {id: =body.id, total: =number}
        faults: [{kind: twice, at: [2]}, {kind: late, at: [3], lasts: 5s}]
    answer: {status: 201}
    faults: [{kind: error, at: [5]}]
  - get: /notes
    select: {in: notes, by: =query.id}
    answer: {body: =found}
    faults: [{kind: error, at: [2]}]
  - post: /names
    refuse:
      - {if: =body.late, status: 409, body: {code: late, name: =body.name}}
      - {if: "=body.name == 'bad'"}
    insert: {into: names, document: =body, once: true}
    answer: {status: 201, body: {name: =found.name, first: =found.first, so_many: =number}}
  - post: /batches
    insert:
      into: notes
      each: =body.notes
      accept: "=item.id != 'bad'"
      document: "=merge(item, {batch: body.name})"
    answer: {status: 207, body: {taken: "=accepted[].id", refused: "=refused[].id"}}
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Sandbox:
    path = tmp_path / "routes" / "sandboxes" / "stand_in.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    project, findings = load_project(tmp_path, {})
    assert findings == [], [str(one) for one in findings]
    return Sandbox(project.sandboxes["stand_in"], tmp_path)


def ask(stand_in: Sandbox, path: str, body: Any) -> Said:
    return stand_in.answer("POST", path, {}, ({}, body))


def test_an_event_follows_what_was_done_twice_and_late_where_declared(stand_in: Sandbox) -> None:
    said = [ask(stand_in, "/notes", {"id": f"n{n}"}) for n in range(1, 6)]
    assert [len(one.events) for one in said] == [1, 2, 1, 1, 0]
    assert said[1].events[0] == said[1].events[1]
    assert [one.events[0].delay for one in said[:4]] == [0.0, 0.0, 5.0, 0.0]
    assert said[3].events[0].headers == {"topic": "note", "event": "4"}
    assert said[3].events[0].body == {"id": "n4", "total": 4}
    # what was refused has not happened
    assert stand_in.counts()["notes"] == 4


def test_two_endpoints_of_one_path_count_their_own_requests(stand_in: Sandbox) -> None:
    def look() -> Said:
        return stand_in.answer("GET", "/notes", {"id": "n1"}, ({}, None))

    ask(stand_in, "/notes", {"id": "n1"})
    assert look().body == [{"id": "n1"}]
    hit = look().fault
    assert hit is not None
    assert hit.kind == "error"
    said = [ask(stand_in, "/notes", {"id": f"n{n}"}) for n in range(2, 6)]
    assert [one.fault is not None for one in said] == [False, False, False, True]


def test_of_a_batch_the_good_items_are_kept_and_the_others_named(stand_in: Sandbox) -> None:
    body = {"name": "b1", "notes": [{"id": "a"}, {"id": "bad"}, {"id": "c"}]}
    said = ask(stand_in, "/batches", body)
    assert (said.status, said.body) == (207, {"taken": ["a", "c"], "refused": ["bad"]})
    assert stand_in.documents("notes") == [{"id": "a", "batch": "b1"}, {"id": "c", "batch": "b1"}]


@pytest.mark.parametrize("body", [None, {}, {"notes": "none"}, {"notes": []}])
def test_a_batch_without_items_is_an_empty_one(stand_in: Sandbox, body: Any) -> None:
    assert ask(stand_in, "/batches", body).body == {"taken": [], "refused": []}
    assert stand_in.counts()["notes"] == 0


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"name": "a", "late": True}, 409, {"code": "late", "name": "a"}),
        ({"name": "bad"}, 422, None),
        ({"name": "bad", "late": True}, 409, {"code": "late", "name": "bad"}),
    ],
)
def test_what_is_refused_is_not_done(stand_in: Sandbox, body: Any, status: int, told: Any) -> None:
    said = ask(stand_in, "/names", body)
    assert (said.status, said.body) == (status, told)
    assert stand_in.counts()["names"] == 0


def test_what_is_kept_once_is_found_when_it_comes_again(stand_in: Sandbox) -> None:
    first = ask(stand_in, "/names", {"name": "a", "first": True})
    again = ask(stand_in, "/names", {"name": "a", "first": False})
    assert first.body == again.body == {"name": "a", "first": True, "so_many": 1}
    assert ask(stand_in, "/names", {"name": "b"}).body["so_many"] == 2
    assert stand_in.documents("names") == [{"name": "a", "first": True}, {"name": "b"}]
