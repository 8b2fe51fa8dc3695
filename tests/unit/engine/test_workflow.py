"""A workflow's turn: pure, replayable, and every order, timer and answer with its outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_project
from router.config.transforms.checks import Vocabulary
from router.config.transforms.expressions import compile_expression
from router.config.workflow.actions import Action
from router.config.workflow.facts import Fact
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Place
from router.engine.workflow.harness import World
from router.engine.workflow.state import begin, canonical, merge
from router.engine.workflow.turn import turn
from router.engine.workflow.values import (
    Answered,
    ArmTimer,
    CloseException,
    EventCame,
    Input,
    OpenException,
    OpenTask,
    Ordered,
    Relabelled,
    Send,
    TimerCame,
    Turn,
)
from router.runtime.installed import installed_adapters

BASE = Path(__file__).parents[2] / "rules" / "base"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOTE = {"id": "n1", "text": "hello", "lines": [{"name": "a", "size": "L"}]}
WRITTEN = EventCame(name="note.written", body=NOTE)
LONG = EventCame(name="note.written", body={**NOTE, "text": "x" * 200})
TORN = EventCame(name="note.torn", body=NOTE)


@pytest.fixture(scope="module")
def note() -> Workflow:
    project, findings = load_project(BASE, installed_adapters())
    assert findings == []
    return project.workflows["note"]


class Walked:
    """An instance that is given one input after the other."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.state = begin(workflow, "n1")
        self.at = AT

    def __call__(self, came: Input, **later: Any) -> Turn:
        self.at += timedelta(**later)
        made = turn(self.workflow, self.state, came, self.at)
        self.state = made.state
        return made

    def order(self, verb: str, **more: Any) -> Turn:
        said = {"actor": "anna", "reason": "told so", **more}
        return self(Ordered(verb=verb, **said))

    def status(self, step: str, item: str = "") -> str:
        found = self.state["steps"].get(step, {}).get(item)
        return found["status"] if found else "idle"


@pytest.fixture
def walked(note: Workflow) -> Walked:
    return Walked(note)


def of(turn: Turn, kind: type[Any]) -> list[Any]:
    return [one for one in turn.effects if isinstance(one, kind)]


def done(key: str, **more: Any) -> Answered:
    return Answered(key=key, outcome="done", **more)


def test_a_turn_changes_nothing_that_it_was_given_and_is_the_same_again(note: Workflow) -> None:
    state = begin(note, "n1")
    before = canonical(state)
    first, second = (turn(note, state, WRITTEN, AT) for _ in range(2))
    assert canonical(state) == before
    assert (first.state, first.effects) == (second.state, second.effects)
    assert canonical(first.state) == canonical(second.state) != before


def test_an_instance_goes_from_the_first_event_to_its_end(walked: Walked) -> None:
    first = walked(WRITTEN)
    assert [one.key for one in of(first, Send)] == ["n1/file/0/0"]
    assert of(first, Send)[0].payload == {"id": "n1", "title": "hello"}
    second = walked(done("n1/file/0/0", reference="f-1"))
    assert [one.key for one in of(second, Send)] == ["n1/close/0/0"]
    last = walked(done("n1/close/0/0"))
    assert of(last, Relabelled) == [Relabelled(old="filed", new="closed", final=True)]
    assert walked.state["timers"] == {}


def test_an_event_before_the_first_keeps_its_facts_and_begins_nothing(note: Workflow) -> None:
    state = begin(note, "n1")
    assert turn(note, state, TORN, AT).state["opened"] is False


def test_a_table_that_asks_opens_a_task_which_is_handed_on_and_decided(walked: Walked) -> None:
    asked = walked(LONG)
    assert [one.role for one in of(asked, OpenTask)] == ["desk"]
    timer = next(one for one in of(asked, ArmTimer) if one.name == "accept#sla")
    assert timer.due_at == AT + timedelta(days=1)
    late = walked(TimerCame(name=timer.name, gen=timer.gen), days=1)
    assert [one.role for one in of(late, OpenTask)] == ["head_of_desk"]
    again = of(late, ArmTimer)[0]
    told = walked(TimerCame(name=again.name, gen=again.gen), days=1)
    assert [one.name for one in of(told, OpenException)] == ["timeout:accept"]
    assert walked.order("decide", step="accept", value="maybe").outcome == "refused"
    walked.order("decide", step="accept", value="go")
    assert walked.status("file") == "running"
    assert walked.state["exceptions"] == {} == walked.state["tasks"]


def test_what_a_table_decided_is_recorded_and_a_replay_does_not_decide_anew(note: Workflow) -> None:
    made = turn(note, begin(note, "n1"), LONG, AT)
    assert made.decisions == {"accept": {"verdict": "review", "rule": "long-1"}}
    other = turn(note, begin(note, "n1"), LONG, AT, {"accept": {"verdict": "go", "rule": "x"}})
    assert other.state["steps"]["file"][""]["status"] == "running"
    assert turn(note, begin(note, "n1"), LONG, AT, made.decisions) == made


def test_a_denial_refuses_the_step_and_skips_what_needs_it(walked: Walked) -> None:
    walked(LONG)
    walked.order("decide", step="accept", value="deny")
    assert walked.status("accept") == "refused"
    assert walked.status("file") == walked.status("close") == "skipped"
    assert walked.state["label"] == "closed"


@pytest.mark.parametrize(
    ("code", "status", "exceptions"),
    [("full", "refused", []), ("broken", "failed", ["failed:file"])],
)
def test_a_refusal_goes_by_its_category(
    walked: Walked, code: str, status: str, exceptions: list[str]
) -> None:
    walked(WRITTEN)
    walked(Answered(key="n1/file/0/0", outcome="refused", code=code))
    assert walked.status("file") == status
    assert list(walked.state["exceptions"]) == exceptions


def test_what_nobody_knows_is_never_sent_again_unasked(walked: Walked) -> None:
    walked(WRITTEN)
    made = walked(Answered(key="n1/file/0/0", outcome="unknown"))
    assert of(made, Send) == []
    assert list(walked.state["exceptions"]) == ["unknown:file"]
    adopted = walked(done("n1/file/0/0"))
    assert of(adopted, CloseException) == [CloseException(name="unknown:file")]
    assert walked.status("file") == "done"


def test_a_new_key_is_another_effect_and_the_old_one_beside_it_is_told(walked: Walked) -> None:
    walked(WRITTEN)
    walked(Answered(key="n1/file/0/0", outcome="refused", code="broken"))
    again = walked.order("new_key", step="file")
    assert [one.key for one in of(again, Send)] == ["n1/file/0/1"]
    walked(done("n1/file/0/0"))
    assert list(walked.state["exceptions"]) == ["double_effect:file"]


def test_a_retry_has_the_key_that_failed(walked: Walked) -> None:
    walked(WRITTEN)
    walked(Answered(key="n1/file/0/0", outcome="refused", code="broken"))
    assert [one.key for one in of(walked.order("retry", step="file"), Send)] == ["n1/file/0/0"]


def test_an_accepted_effect_is_waited_for_and_an_event_of_theirs_ends_it(walked: Walked) -> None:
    walked(WRITTEN)
    walked(Answered(key="n1/file/0/0", outcome="accepted", reference="f-9"))
    assert walked.status("file") == "running"
    walked(EventCame(name="task.filed", body={**NOTE, "effect": "n1/file/0/0"}))
    assert walked.status("file") == "done"


def test_a_timer_of_something_that_is_over_does_nothing(walked: Walked) -> None:
    timer = of(walked(WRITTEN), ArmTimer)[-1]
    walked(done("n1/file/0/0"))
    made = walked(TimerCame(name=timer.name, gen=timer.gen), days=3)
    assert (made.outcome, made.effects) == ("stale", ())


def test_an_abort_takes_back_what_was_done(walked: Walked) -> None:
    walked(LONG)
    made = walked(TORN)
    assert walked.state["label"] == "torn"
    assert of(made, Send) == []
    other = Walked(walked.workflow)
    other(WRITTEN)
    back = other(TORN)
    assert [(one.key, one.is_undo) for one in of(back, Send)] == [("n1/file/undo/0", True)]
    assert other.state["label"] == "written"
    other(done("n1/file/undo/0"))
    assert (other.status("file"), other.state["label"]) == ("undone", "torn")


def test_what_cannot_be_taken_back_waits_for_a_person(walked: Walked) -> None:
    walked(WRITTEN)
    walked(TORN)
    walked(Answered(key="n1/file/undo/0", outcome="refused", code="no"))
    assert list(walked.state["exceptions"]) == ["undo_failed:file"]
    walked.order("complete", step="file")
    assert (walked.state["label"], walked.state["exceptions"]) == ("torn", {})


def test_what_may_never_be_is_taken_back_and_the_instance_suspended(note: Workflow) -> None:
    state = begin(note, "n1")
    state["opened"] = True
    state["facts"] = {"head": {"": {"text": [None, "x"]}}}
    state["steps"] = {
        "accept": {"": _record("done")},
        "file": {"": _record("refused")},
        "close": {"": _record("done", keys=["n1/close/0/0"])},
    }
    made = turn(note, state, TORN, AT)
    assert (made.outcome, made.why) == ("refused", "invariant:closed_unfiled")
    assert made.state["steps"] == state["steps"]
    assert made.state["suspended"] == "invariant:closed_unfiled"
    assert [one.name for one in of(made, OpenException)] == ["invariant:closed_unfiled"]


def _record(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "way": 0, "attempt": 0, "since": "", "keys": [], **more}


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ({"verb": "retry", "step": "file"}, "it is running, not failed"),
        ({"verb": "next_way", "step": "file"}, "it is running, not failed"),
        ({"verb": "decide", "step": "file", "value": "go"}, "it is running, nobody was asked"),
        (
            {"verb": "retry", "step": "nothing"},
            "there is no step nothing: one of: accept, check, close, file",
        ),
        ({"verb": "skip", "step": "accept"}, "it is done"),
        ({"verb": "abort", "value": "melted"}, "there is no abort melted"),
        ({"verb": "resume"}, "it is not suspended"),
        ({"verb": "reopen"}, "it has not ended"),
        ({"verb": "resolve", "value": "x"}, "there is no exception x"),
        ({"verb": "set_fact", "value": {"put": {"body": {}}}}, "there is no fact body"),
        ({"verb": "explode"}, "no order is called explode"),
        ({"verb": "suspend", "actor": ""}, "an order has a person and a reason"),
    ],
)
def test_an_order_that_may_not_be_says_why_and_changes_nothing(
    walked: Walked, order: dict[str, Any], why: str
) -> None:
    walked(WRITTEN)
    before = canonical(walked.state)
    made = walked.order(**order)
    assert (made.outcome, made.why, made.effects) == ("refused", why, ())
    assert canonical(walked.state) == before


def test_money_wants_a_second_person(note: Workflow) -> None:
    steps = {**note.steps, "file": replace(note.steps["file"], money=True)}
    walked = Walked(Workflow(name="note", mark="", file=replace(note.file, steps=steps)))
    walked(WRITTEN)
    walked(Answered(key="n1/file/0/0", outcome="refused", code="broken"))
    alone = walked.order("retry", step="file", approver="anna")
    assert (alone.outcome, alone.why) == ("refused", "it moves money: a second person approves")
    assert walked.order("retry", step="file", approver="ben").outcome == "applied"


def test_a_suspended_instance_keeps_facts_and_begins_nothing(walked: Walked) -> None:
    walked.order("suspend")
    assert of(walked(WRITTEN), Send) == []
    assert [one.key for one in of(walked.order("resume"), Send)] == ["n1/file/0/0"]


def test_facts_of_the_same_revision_merge_in_every_order() -> None:
    fact = Fact(merge="rev", id="id", closed_by="", place=Place(""))
    said = [({"id": "a", "n": 1}, 1), ({"id": "a", "n": 3, "m": "x"}, 2), ({"id": "a", "n": 2}, 2)]
    made = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        held: dict[str, Any] = {}
        for one in order:
            merge(held, fact, [said[one][0]], said[one][1])
        made.append(canonical(held))
    assert made == [canonical({"a": {"id": [2, "a"], "n": [2, 3], "m": [2, "x"]}})] * 3


@pytest.mark.parametrize("where", ["await", "state"])
def test_an_expression_that_fails_suspends_and_never_raises(note: Workflow, where: str) -> None:
    vocabulary = Vocabulary(roots=None, tables={})
    broken, _ = compile_expression("lower(facts.lines)", Place("note.yaml"), vocabulary)
    steps, states = dict(note.steps), note.file.states
    if where == "await":
        steps["check"] = replace(steps["check"], awaits=broken)
    else:
        states = (*states[:-1], replace(states[-1], condition=broken))
    file = replace(note.file, steps=steps, states=states)
    walked = Walked(Workflow(name="note", mark="", file=file))
    found = walked(WRITTEN)
    assert (found.outcome, walked.state["suspended"]) == ("refused", "invariant:transform_failed")
    assert "note.yaml:1:1 lower(): argument 1 must be text" in found.why


def test_events_without_an_instance_wait_and_are_let_go(note: Workflow) -> None:
    world = World(workflow=note, at=AT)
    world.event("note.torn", NOTE, "e1")
    assert (world.outcome, len(world.parked)) == ("parked", 1)
    world.let_pass(timedelta(hours=2))
    assert (world.parked, world.orphans) == ([], [])


@pytest.mark.parametrize("verb", ["complete", "skip"])
def test_a_denial_that_a_person_settled_is_no_exception_any_more(note: Workflow, verb: str) -> None:
    accept = replace(note.steps["accept"], on_deny=Action("exception", note.place))
    file = replace(note.file, steps={**note.steps, "accept": accept})
    walked = Walked(Workflow(name="note", mark="", file=file))
    walked(LONG)
    walked(Ordered(verb="decide", actor="a", reason="r", step="accept", value="deny"))
    assert sorted(walked.state["exceptions"]) == ["denied:accept"]
    walked(Ordered(verb=verb, actor="a", reason="r", step="accept"))
    assert walked.state["exceptions"] == {}


def test_an_event_that_is_looked_at_again_waits_no_longer_for_it(note: Workflow) -> None:
    key, _ = compile_expression("instance.key", Place(""), Vocabulary(roots=None, tables={}))
    assert key is not None
    file = replace(note.file, aliases={"key": key})
    world = World(workflow=Workflow(name="note", mark="", file=file), at=AT)
    world.event("note.torn", NOTE, "e1")
    world.let_pass(timedelta(minutes=40))
    world.event("note.written", {**NOTE, "id": "n2"}, "e2")
    assert len(world.parked) == 1
    world.let_pass(timedelta(minutes=20))
    assert world.parked == []


def test_a_world_answers_as_its_script_says_and_knows_repeats(note: Workflow) -> None:
    world = World(workflow=note, at=AT)
    for _ in range(2):
        world.event("note.written", NOTE, "e1")
    assert world.outcome == "duplicate"
    assert [one.key for one in world.sent] == ["file/0/0", "close/0/0"]
    assert world.instances["n1"]["label"] == "closed"
