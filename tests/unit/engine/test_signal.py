"""The step `signal`: the payload as an event of a workflow, held against the event's contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.config.channels import Route
from router.config.files import read_texts
from router.config.project import Project, load_texts
from router.core.decision import DeadLettered, Decision, Routed, Signalled
from router.core.diagnostics import Report
from router.engine.pipeline import follow, run_route
from router.engine.token import Context
from router.runtime.installed import installed_adapters

ROOT = Path(__file__).parents[3]
BASE = ROOT / "tests/rules/base"
CHANNEL, MEMO = "routes/channels/inbox.yaml", "transforms/inbox/memo.yaml"
PRODUCE = "      - transform: inbox/task\n      - produce: {object: task@1}\n"
WRITTEN = "{signal: {workflow: note, event: note.written}}"
SPLIT = "{split: {each: =body.lines, as: line, empty: {discard: none}}}"
TEXTS = {
    MEMO: "inputs: {body: inbox/note@1}\nto: desk/memo@1\n"
    "map: {id: =body.id, text: =body.text, lines: =body.lines}\n"
}
NOTE = {"kind": "note", "id": "n1", "text": "tea", "lines": [{"name": "a"}, {"name": "b"}]}


def project(*steps: str) -> Project:
    """Return the small project, its route with other steps than to publish a task."""
    texts = {**read_texts(BASE, Report()), **TEXTS}
    assert PRODUCE in texts[CHANNEL]
    made = "".join(f"      - {step}\n" for step in ("{transform: inbox/memo}", *steps))
    texts[CHANNEL] = texts[CHANNEL].replace(PRODUCE, made)
    found, findings = load_texts(BASE, texts, installed_adapters())
    assert {one.code for one in findings} <= {"W071"}, findings
    return found


def decided(message_of: Any, body: Any, *steps: str) -> Decision:
    route = project(*steps).channels["inbox"].routes["note"]
    assert isinstance(route, Route)
    message = message_of(body, channel="inbox", kind="note")
    decision = run_route(route, message, Context(follow=follow))
    assert isinstance(decision, Routed | DeadLettered)
    return decision


def test_the_payload_is_told_as_an_event(message_of: Any) -> None:
    decision = decided(message_of, NOTE, WRITTEN)
    assert isinstance(decision, Routed)
    (effect,) = decision.effects
    assert isinstance(effect, Signalled)
    assert (effect.workflow, effect.event) == ("note", "note.written")
    assert effect.message.payload == {"id": "n1", "text": "tea", "lines": NOTE["lines"]}
    assert str(effect.message.contract) == "desk/memo@1.0.0"
    assert (effect.message.causationid, effect.message.correlationid) == ("m1", "c1")


def test_the_same_message_gives_the_same_event_and_another_event_is_another(
    message_of: Any,
) -> None:
    torn = WRITTEN.replace("written", "torn")
    first, again = (decided(message_of, NOTE, WRITTEN, torn) for _ in range(2))
    assert isinstance(first, Routed)
    assert first == again
    assert len({one.message.id for one in first.effects}) == 2


def test_each_item_tells_an_event_of_its_own(message_of: Any) -> None:
    decision = decided(message_of, NOTE, SPLIT, WRITTEN)
    assert isinstance(decision, Routed)
    assert len({one.message.id for one in decision.effects}) == 2


def test_two_equal_steps_tell_two_events(message_of: Any) -> None:
    decision = decided(message_of, NOTE, WRITTEN, WRITTEN)
    assert isinstance(decision, Routed)
    assert len({one.message.id for one in decision.effects}) == 2


@pytest.mark.parametrize("lines", [[{"size": "1"}], "none"])
def test_a_payload_that_breaks_the_contract_of_the_event_is_not_told(
    message_of: Any, lines: Any
) -> None:
    decision = decided(message_of, {**NOTE, "lines": lines}, WRITTEN)
    assert isinstance(decision, DeadLettered)
    assert decision.reason == "contract_violation"
