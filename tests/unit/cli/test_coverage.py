"""`router test --coverage`: what no test shows, each with its place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from router.runtime.coverage.coverage import Share

CHANNEL = """\
channel: inbox
owner: desk
from: {http: {path: /in/inbox, verify: {none: "a test"}, format: json}}
kind: =body.kind
identity: {object: [note, =body.id]}
routes:
  note:
    accept: inbox/note@1
    steps:
      - filter: {if: "=body.text != 'spam'", else: {discard: spam}}
      - choose:
          cases:
            - if: =body.lines
              steps:
                - transform: inbox/task
                - produce: {object: task@1}
          otherwise: [{discard: no lines}]
  list:
    accept: inbox/note@1
    steps:
      - split: {each: =body.lines, as: line, empty: {discard: empty}}
      - enrich: {call: archive.find, with: {id: =line.name}, as: note}
      - dead_letter: not ready
  memo: {discard: "no business"}
otherwise: [{dead_letter: unknown_kind}]
on_failure: patient
"""
TRANSFORM = """\
inputs: {body: inbox/note@1}
to: task@1
let: {upper: =body.text}
map:
  id: =body.id
  title: =upper
  note: {if: "=length(body.lines) > `1`", map: "=body.price || 'many'"}
  steps:
    each: =body.lines
    map: {name: =item.name, size: =item.size}
"""
NOTE = "id: n1, kind: note, text: hello"
INBOX = "routes/channels/inbox"
ARCHIVE = "routes/systems/archive"
TASK = "transforms/inbox/task.yaml"


@pytest.fixture
def place(shop: Any) -> Any:
    """The project with a channel of many ways; gives where words stand in it."""
    shop.write(f"{INBOX}.yaml", CHANNEL)
    shop.write(TASK, TRANSFORM)
    return shop


def case(name: str, body: str, expect: str, mocks: str = "") -> str:
    """Return a test of the channel."""
    also = f", mocks: {{{mocks}}}" if mocks else ""
    return f"  - {{name: {name}, given: {{body: {{{body}}}}}, expect: {{{expect}}}{also}}}\n"


def left(place: Any, *cases: str, file: str = INBOX, kind: str = "") -> dict[str, str]:
    """Return what the tests of a file leave out: name to place."""
    place.write(f"{file}.test.yaml", "tests:\n" + "".join(cases))
    data = place.data("test", "--coverage")
    assert [one["complaints"] for one in data["results"] if not one["passed"]] == []
    return {
        one["name"]: f"{one['file']}:{one['line']}:{one['column']}"
        for one in data["coverage"]["not_tested"]
        if kind in ("", one["kind"])
    }


ONE = case("one line", f"{NOTE}, lines: [{{name: a}}]", "outcome: routed")
TWO = case("two lines", f"{NOTE}, lines: [{{name: a, size: L}}, {{name: b}}]", "outcome: routed")
SPAM = case("spam", "id: n2, kind: note, text: spam, lines: []", "outcome: discarded, reason: spam")
NONE = case("no lines", f"{NOTE}, lines: []", "outcome: discarded, reason: no lines")
MEMO = case("a memo", "id: n3, kind: memo", "outcome: discarded")
OTHER = case("another kind", "id: n4, kind: odd", "outcome: dead_lettered")
EMPTY = case("an empty list", "id: n5, kind: list, text: t, lines: []", "outcome: discarded")
FOUND = case(
    "a list",
    "id: n6, kind: list, text: t, lines: [{name: a}]",
    "outcome: dead_lettered",
    "archive.find: [{status: 503}, {status: 200, body: {id: a, kind: note, text: t, lines: []}}]",
)


def test_a_way_that_is_not_gone_is_told_with_its_place(place: Any) -> None:
    file = f"{INBOX}.yaml"
    routes = left(place, ONE, kind="routes")
    assert routes == {
        "route inbox:list": place.place(file, "accept: inbox/note@1\n    steps:\n      - split"),
        "route inbox:memo": place.place(file, '"no business"'),
        "route inbox: otherwise": place.place(file, "unknown_kind"),
    }
    assert left(place, ONE, MEMO, OTHER, EMPTY, kind="routes") == {}


def test_each_way_of_a_branch_counts(place: Any) -> None:
    file = f"{INBOX}.yaml"
    assert left(place, ONE, EMPTY, kind="branches") == {
        "route inbox:note: filter stops": place.place(file, "body.text != 'spam'"),
        "route inbox:note: choose otherwise": place.place(file, "no lines"),
        "route inbox:list: split has items": place.place(file, "body.lines, as"),
        "transform inbox/task note: if holds": place.place(TASK, "length("),
    }
    every = left(place, ONE, TWO, SPAM, NONE, EMPTY, FOUND, kind="branches")
    assert every == {}


def test_a_step_that_refuses_the_message_was_gone(place: Any) -> None:
    broken = TRANSFORM.replace("title: =upper", 'title: "=amount_of(money(body.text, body.id))"')
    place.write(TASK, broken)
    dead = case("one line", f"{NOTE}, lines: [{{name: a}}]", "outcome: dead_lettered")
    steps = left(place, dead, kind="steps")
    assert "route inbox:note: transform" not in steps
    assert "route inbox:note: produce" in steps


def test_a_field_counts_when_it_had_a_value(place: Any) -> None:
    found = left(place, ONE, kind="fields")
    fields = {name: at for name, at in found.items() if "inbox/task" in name}
    assert fields == {
        "transform inbox/task note": place.place(TASK, "body.price"),
        "transform inbox/task steps[].size": place.place(TASK, "item.size"),
    }
    found = left(place, ONE, TWO, kind="fields")
    assert [name for name in found if "inbox/task" in name] == []


def test_outcomes_of_operations_count(place: Any) -> None:
    # a read that is asked by enrich: 503 is `otherwise retry`, 200 is done
    assert set(left(place, FOUND, kind="outcomes")) == {
        "operation archive.put: done",
        "operation archive.put: otherwise unknown",
    }
    given = "operation: put, object: task@1, body: {id: t1, title: x}"
    put = (
        f"  - {{name: put, given: {{{given}}}, mocks: {{archive.put: [{{status: 201, body: "
        "{id: x}}]}, expect: {outcome: done}}\n"
    )
    assert set(left(place, put, file=ARCHIVE, kind="outcomes")) == {
        "operation archive.put: otherwise unknown"
    }
    assert left(place, put, file=ARCHIVE, kind="operations") == {}


def test_look_ups_count(place: Any) -> None:
    system = place.read(f"{ARCHIVE}.yaml")
    lookup = "lookup: {request: {get: '/tasks/{reference}'}, found: =body.id}"
    place.write(
        f"{ARCHIVE}.yaml",
        system.replace(
            "idempotency: {kind: key, header: idempotency-key}",
            f"idempotency: {{kind: lookup, settles_in: 1s}}\n    {lookup}",
        ),
    )
    given = "operation: put, object: task@1, body: {id: t1, title: x}"
    there = (
        f"  - {{name: there, given: {{{given}}}, mocks: {{archive.put: [{{fails: no_answer}}, "
        "{status: 200, body: {id: x}}]}, expect: {outcome: done}}\n"
    )
    found = left(place, there, file=ARCHIVE, kind="outcomes")
    assert "operation archive.put: look-up found" not in found
    assert found["operation archive.put: look-up missing"].startswith(f"{ARCHIVE}.yaml:")


def test_flows_count(place: Any) -> None:
    flow = "routes/flows/file_task"
    assert set(left(place, ONE, kind="flows")) == {"flow:file_task"}
    send = (
        "  - {name: filed, given: {object: task@1, body: {id: t1, title: x}}, "
        "expect: {outcome: routed, sent: [{operation: archive.put}]}}\n"
    )
    assert left(place, send, file=flow, kind="flows") == {}


def test_what_lies_in_a_way_that_is_not_gone_is_not_told_as_text(place: Any) -> None:
    place.write(f"{INBOX}.test.yaml", "tests:\n" + ONE)
    done = place.router("test", "--coverage")
    lines = done.stdout.splitlines()
    assert lines[0] == "1 passed, 0 failed"
    told = [line.partition(" not tested: ")[2] for line in lines[1:-1]]
    assert "route inbox:list" in told
    assert not [one for one in told if one.startswith("route inbox:list:")]
    assert lines[-1].startswith("coverage ")
    assert done.exit_code == 0


def test_less_than_asked_for_fails(place: Any) -> None:
    place.write(f"{INBOX}.test.yaml", "tests:\n" + ONE)
    assert place.router("test", "--min", "10").exit_code == 0
    done = place.router("test", "--min", "99.5")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "coverage is below 99.5 %"
    assert place.data("test", "--min", "99.5")["ok"] is False
    assert place.router("test", "--min", "101").exit_code == 2


def test_github_is_told_what_is_not_tested(place: Any) -> None:
    place.write(f"{INBOX}.test.yaml", "tests:\n" + ONE)
    done = place.router("test", "--coverage", "--format", "github")
    notices = [line for line in done.stdout.splitlines() if line.startswith("::notice ")]
    assert any("title=not tested::route inbox:memo" in line for line in notices)


def test_junit_stays_a_document(place: Any) -> None:
    place.write(f"{INBOX}.test.yaml", "tests:\n" + ONE)
    done = place.router("test", "--coverage", "--format", "junit")
    assert done.stdout.startswith("<?xml")
    assert done.stdout.rstrip().endswith("</testsuites>")
    assert "coverage " in done.stderr


def test_measuring_changes_no_result(place: Any) -> None:
    place.write(f"{INBOX}.test.yaml", "tests:\n" + ONE + TWO + SPAM + NONE + MEMO + OTHER + FOUND)
    plain = [one["passed"] for one in place.data("test")["results"]]
    measured = [one["passed"] for one in place.data("test", "--coverage")["results"]]
    assert plain == measured == [True] * 7


@pytest.mark.parametrize(
    ("shown", "of", "percent", "reaches"),
    [
        (1999, 2000, "99.9", False),  # never rounded up
        (2000, 2000, "100.0", True),
        (0, 0, "100", True),
        (0, 3, "0.0", False),
    ],
)
def test_a_share_is_rounded_down(shown: int, of: int, percent: str, reaches: bool) -> None:
    share = Share(shown=shown, of=of)
    assert share.percent == Decimal(percent)
    assert share.reaches(Decimal(100)) is reaches
    assert Share(shown=1, of=3).reaches(Decimal("33.4")) is False
    assert Share(shown=1, of=3).reaches(Decimal("33.3")) is True
