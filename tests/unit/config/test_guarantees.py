"""What holds of a route is computed from what is written: what weakens it, at its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.cli.guarantees import guarantees_data
from router.config.channels import Route
from router.config.files import read_texts
from router.config.guarantees.guarantee import Guarantee
from router.config.guarantees.promise import ASPECTS, is_weaker, weakest
from router.config.guarantees.routes import guarantee_of, guarantees_of
from router.config.project import Project, load_project, load_texts
from router.core.diagnostics import Report, Severity
from router.runtime.installed import installed_adapters
from tests.unit.engine.test_signal import WRITTEN, project

ROOT = Path(__file__).parents[3]
BASE = ROOT / "tests/rules/base"
CHANNEL = "routes/channels/inbox.yaml"
SYSTEM = "routes/systems/archive.yaml"
ENVIRONMENT = "routes/environments/test.yaml"
KEY = "{kind: key, header: idempotency-key}"
LOOKUP = """      - {otherwise: unknown}
    lookup: {request: {get: "/tasks/{reference}"}, found: "=status == `200`"}
  find:"""
POLL = "poll: {call: archive.find, with: {id: =cursor}, every: 1m, cursor: {value: =body.id%s}%s}"
HTTP = """http:
    path: /in/inbox
    verify: {hmac: {header: x-signature}, secrets: ["env:INBOX_SECRET"]}
    format: json"""


def made(*changes: tuple[str, str, str]) -> Guarantee:
    """Return the guarantee of the small project's route; a change is (file, text, new text)."""
    texts = dict(read_texts(BASE, Report()))
    for path, old, new in changes:
        assert old in texts[path], f"{old} is not in {path}"
        texts[path] = texts[path].replace(old, new, 1)
    project, found = load_texts(BASE, texts, installed_adapters())
    assert [str(one) for one in found if one.severity is Severity.ERROR] == []
    channel = project.channels["inbox"]
    route = channel.routes["note"]
    assert isinstance(route, Route)
    return guarantee_of(project, channel, route)


def places(guarantee: Guarantee, aspect: str) -> list[tuple[str, str]]:
    """Return what weakens an aspect: to which word, in which file and line."""
    return [
        (one.word, f"{one.place.file.rpartition('/')[2]}:{one.place.line}")
        for one in guarantee.weakened
        if one.aspect == aspect
    ]


COMPARED = (
    (CHANNEL, "[note, =body.id]}", "[note, =body.id], compare: [=body.text]}"),
    (CHANNEL, "{object: task@1}", "{object: task@1, compare: [=payload.title]}"),
)
#: a system that is asked before a repeat
ASKED = (SYSTEM, "      - {otherwise: unknown}\n  find:", LOOKUP)


def test_ways_lead_over_objects_and_flows_to_the_far_side() -> None:
    (way,) = made().ways
    assert way.by == ("task@1", "file_task")
    assert way.operation == "archive.put"


def test_what_is_told_to_a_workflow_leads_to_all_that_it_sends() -> None:
    signalled = project(WRITTEN)
    channel = signalled.channels["inbox"]
    route = channel.routes["note"]
    assert isinstance(route, Route)
    found = guarantee_of(signalled, channel, route)
    (way,) = found.ways
    assert (way.by, way.operation) == (("note",), "archive.put")
    assert places(found, "duplicates") == [("absorbed", "archive.yaml:9")]


def test_a_key_that_the_far_side_honours_absorbs_a_repeat() -> None:
    assert places(made(), "duplicates") == [("absorbed", "archive.yaml:9")]
    assert made().word("duplicates") == "absorbed"


def test_what_tells_too_little_of_a_repeat_may_lose_another_message() -> None:
    assert places(made(), "loss") == [("possible", "inbox.yaml:9"), ("possible", "inbox.yaml:15")]
    assert places(made(*COMPARED), "loss") == []
    assert made(*COMPARED).word("loss") == "none"


def test_a_version_tells_states_of_one_object_apart() -> None:
    versioned = (CHANNEL, "[note, =body.id]}", "[note, =body.id], version: =body.text}")
    assert places(made(versioned), "loss") == [("possible", "inbox.yaml:15")]


def test_a_far_side_that_knows_no_repeat_is_sent_nothing_twice() -> None:
    bare = made((SYSTEM, KEY, "{kind: none}"))
    assert places(bare, "duplicates") == []
    assert bare.word("duplicates") == "none"


@pytest.mark.parametrize(
    ("idempotency", "word"),
    [
        ("{kind: lookup}", "possible"),
        ("{kind: lookup, settles_in: 0s}", "absorbed"),
        ("{kind: lookup, settles_in: 5s}", "absorbed"),
        ("{kind: conflict, header: idempotency-key}", "absorbed"),
    ],
)
def test_a_look_up_counts_when_it_is_said_how_long_an_effect_takes(
    idempotency: str, word: str
) -> None:
    found = made(ASKED, (SYSTEM, KEY, idempotency))
    assert places(found, "duplicates") == [(word, "archive.yaml:9")]


def test_a_repeat_of_what_may_be_there_doubles_it_where_no_key_keeps_it_single() -> None:
    rule = (SYSTEM, "      - {otherwise: unknown}", '      - {if: "=status >= `500`", is: retry}')
    rest = (SYSTEM, "is: retry}", "is: retry}\n      - {otherwise: unknown}")
    bare = (SYSTEM, KEY, "{kind: none}")
    assert places(made(rule, rest, bare), "duplicates") == [("possible", "archive.yaml:12")]
    assert places(made(rule, rest), "duplicates") == [("absorbed", "archive.yaml:9")]


def test_an_answer_that_says_no_and_counts_as_done_loses_the_effect() -> None:
    rule = (SYSTEM, "{otherwise: unknown}", "{otherwise: done}")
    assert places(made(*COMPARED, rule), "loss") == [("possible", "archive.yaml:12")]


def test_an_identity_that_is_forgotten_matters_where_no_object_absorbs_a_repeat() -> None:
    keep = (CHANNEL, "[note, =body.id]}", "[note, =body.id], keep: 30d}")
    sends = (CHANNEL, "produce: {object: task@1}", "send: {operation: archive.put}")
    assert places(made(keep), "duplicates") == [("absorbed", "archive.yaml:9")]
    assert ("possible", "inbox.yaml:9") in places(made(keep, sends), "duplicates")
    assert places(made(sends), "duplicates") == [("absorbed", "archive.yaml:9")]


def test_order_is_kept_by_key_where_it_is_asked_for() -> None:
    assert places(made(), "order") == [("none", "inbox.yaml:12")]
    ordered = made((CHANNEL, "    steps:", "    order_by: [=body.id]\n    steps:"))
    assert places(ordered, "order") == []
    assert ordered.word("order") == "key"


@pytest.mark.parametrize(
    ("cursor", "more", "loss", "order"),
    [
        ("", "", 1, 1),
        (", lookback: 10m", "", 0, 1),
        (", kind: number", "", 0, 1),
        (", lookback: 10m", ", sorted: true", 0, 0),
    ],
)
def test_a_poll_may_pass_what_appears_late(cursor: str, more: str, loss: int, order: int) -> None:
    ordered = (CHANNEL, "    steps:", "    order_by: [=body.id]\n    steps:")
    found = made(*COMPARED, ordered, (CHANNEL, HTTP, POLL % (cursor, more)))
    assert len(places(found, "loss")) == loss
    assert len(places(found, "order")) == order


@pytest.mark.parametrize(("missed", "loss"), [("last", 1), ("none", 1), ("all", 0)])
def test_ticks_that_are_left_out_are_lost(missed: str, loss: int) -> None:
    clock = (CHANNEL, HTTP, f"schedule: {{every: 1h, missed: {missed}}}")
    kind = (CHANNEL, "kind: =body.kind", "kind: ='note'")
    found = made(*COMPARED, clock, kind)
    assert len(places(found, "loss")) == loss


def test_what_ends_for_a_reason_is_told_and_is_no_loss() -> None:
    dropped = (
        CHANNEL,
        "    steps:\n",
        "    steps:\n      - filter: {if: =body.lines, else: {discard: nothing is on it}}\n",
    )
    found = made(*COMPARED, dropped)
    assert [(one.place.line, one.reason) for one in found.left_out] == [(14, "nothing is on it")]
    assert found.word("loss") == "none"


def test_each_call_of_a_sequence_counts() -> None:
    project, _ = load_project(ROOT, installed_adapters())
    for one in guarantees_of(project):
        assert one.words.keys() == ASPECTS.keys()
        assert list(one.weakened) == sorted(
            one.weakened, key=lambda weak: (list(ASPECTS).index(weak.aspect), weak.place, weak.why)
        )


def test_the_shipped_money_keeps_what_it_promises() -> None:
    project, found = load_project(ROOT, installed_adapters())
    assert [str(one) for one in found if one.code in ("E146", "E147", "E148")] == []
    promising = promised(project)
    assert {"stripe:refund.created", "adyen:REFUND", "shopify:refunds/create"} <= set(promising)
    by_name = {one.route: one for one in guarantees_of(project)}
    for name, words in promising.items():
        for aspect, word in words.items():
            assert not is_weaker(aspect, by_name[name].word(aspect), word)


def promised(project: Project) -> dict[str, dict[str, str]]:
    return {
        route.name: route.promise.words()
        for channel in project.channels.values()
        for route in channel.routes.values()
        if isinstance(route, Route) and route.promise is not None
    }


def test_a_program_reads_the_same() -> None:
    (one,) = guarantees_data([made()])
    assert one["route"] == "inbox:note"
    assert one["guarantee"] == {"loss": "possible", "duplicates": "absorbed", "order": "none"}
    assert one["ways"] == [{"by": ["task@1", "file_task"], "to": "archive.put"}]
    assert [weak["place"] for weak in one["weakened"]] == [
        "routes/channels/inbox.yaml:9:11",
        "routes/channels/inbox.yaml:15:18",
        "routes/systems/archive.yaml:9:18",
        "routes/channels/inbox.yaml:12:5",
    ]
    assert all(weak["why"] for weak in one["weakened"])
    assert json.loads(json.dumps(one)) == one


def test_the_weakest_word_counts() -> None:
    assert weakest("duplicates", ["absorbed", "possible", "none"]) == "possible"
    assert weakest("order", []) == "key"
    assert not is_weaker("duplicates", "none", than="absorbed")
