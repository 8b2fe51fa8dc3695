"""Owns: the definition of scenarios: what happens to instances of a workflow, what must come of it.
Imports: config.components, config.shapes, config.workflow.
Never: runs one (engine.workflow.trial does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from router.config.components import (
    INVALID,
    Context,
    Shape,
    component,
    knob,
    place_of,
    report_wrong,
)
from router.config.references import Named
from router.config.shapes import (
    DURATION,
    NAME,
    Choice,
    Document,
    Flag,
    Integer,
    ListOf,
    MapOf,
    Name,
    Nested,
    Parsed,
    Text,
)
from router.config.source import Node, Scalar, Table
from router.config.workflow.steps import EVENT_NAME
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Place, nearest
from router.core.instants import InstantError, from_text

#: what operators can order; `engine.workflow.orders` carries them out
VERBS = (
    *("retry", "new_key", "next_way", "complete", "skip", "decide", "set_fact", "abort"),
    *("suspend", "resume", "reopen", "resolve"),
)
WORKFLOW: Shape = Named("workflow", "E601", lambda context: context.library.workflows)
OPERATION_NAME = rf"{NAME}\.{NAME}"


def _instant(text: str) -> datetime | None:
    try:
        return from_text(text)
    except InstantError:
        return None


INSTANT = Parsed(
    "an instant such as 2026-03-02T09:00:00Z",
    _instant,
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
    ("2026-03-02T09:00:00Z",),
)


@dataclass(frozen=True, slots=True)
class Scripted:
    """What a system answers. `lost`: nothing comes; `retry`: the worker tries again."""

    outcome: str
    code: str = ""
    reference: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)


ANSWERS = ("done", "accepted", "refused", "unknown", "lost", "retry")


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """A word, or `{refused: code}`, or `{done: {outputs}}`."""

    expects: str = f"one of {', '.join(ANSWERS)}, {{refused: code}} or {{done: {{outputs}}}}"

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return self._word(node.value, node.place, context)
        if not isinstance(node, Table) or len(node.entries) != 1:
            return report_wrong(self, node, context)
        entry = node.entries[0]
        made = self._word(entry.key, entry.place, context)
        given = Document().decode(entry.node, context)
        if made is INVALID or not isinstance(given, str | dict):
            return INVALID if made is INVALID else report_wrong(self, entry.node, context)
        if isinstance(given, str):
            return Scripted(made.outcome, code=given)
        return Scripted(made.outcome, outputs=given)

    def _word(self, word: str, place: Place, context: Context) -> Any:
        if word in ANSWERS:
            return Scripted(word)
        context.report.error("E013", place, f"unknown word {word}", nearest(word, ANSWERS))
        return INVALID


ANSWER = AnswerShape()
SCRIPT = MapOf(ListOf(ANSWER), key=OPERATION_NAME, key_says="an operation such as system.operation")


@component("expectation", doc="What must be so; what is left out is not looked at.")
class Expectation:
    label: str = knob(Name(), doc="the label of the instance", default="")
    final: bool | None = knob(Flag(), doc="whether it has ended", default=None)
    suspended: bool | None = knob(Flag(), doc="whether it is suspended", default=None)
    exceptions: tuple[str, ...] | None = knob(
        ListOf(Text()), doc="every open exception, in any order", default=None
    )
    tasks: tuple[str, ...] | None = knob(
        ListOf(Text()), doc="every open task, step/item of role", default=None
    )
    sends: Mapping[str, int] = knob(
        MapOf(Integer(0, 10_000)), doc="how often each operation was asked", default=dict
    )
    attempts: Mapping[str, int] = knob(
        MapOf(Integer(0, 10_000)), doc="how often a worker tried each operation", default=dict
    )
    keys: tuple[str, ...] | None = knob(
        ListOf(Text()), doc="the keys of all effects in order, without the instance", default=None
    )
    has_keys: tuple[str, ...] = knob(ListOf(Text()), doc="keys that are among them", default=())
    status: Mapping[str, str] = knob(
        MapOf(Text()), doc="the status of steps, by step or step/item", default=dict
    )
    emitted: tuple[str, ...] | None = knob(
        ListOf(Text()), doc="every event that the workflow told others, in order", default=None
    )
    outcome: str = knob(Name(), doc="what became of the last input", default="")
    parked: int | None = knob(Integer(0, 10_000), doc="events that wait", default=None)
    instances: int | None = knob(Integer(0, 10_000), doc="how many there are", default=None)
    place: Place = place_of()


@component("happening", doc="One thing that happens, in order.")
class Happening:
    event: str = knob(EVENT_NAME, doc="an event comes", default="")
    say: str = knob(Name(), doc="what it says: one of documents:", default="")
    body: Any = knob(Document(), doc="or what it says, in full", default=None)
    but: Mapping[str, Any] = knob(
        MapOf(Document()), doc="fields of it that differ, by path: lines.0.quantity", default=dict
    )
    id: str = knob(Text(), doc="its id; the same id is the same event", default="")
    times: int = knob(Integer(1, 100), doc="how often it comes", default=1)
    after: timedelta | None = knob(DURATION, doc="time passes", default=None)
    order: str = knob(Choice(VERBS), doc="an operator orders something", default="")
    step: str = knob(Name(), doc="order: which step", default="")
    item: str = knob(Text(), doc="order: which of its items", default="")
    value: Any = knob(Document(), doc="order: what it gives", default=None)
    timer: str = knob(Text(), doc="a timer comes that was armed before, stale or not", default="")
    expect: Expectation | None = knob(Nested(Expectation), doc="what is so by then", default=None)
    place: Place = place_of()


@component("scenario", doc="A history of one or more instances.")
class Scenario:
    name: str = knob(Text(), doc="what it shows")
    answers: Mapping[str, tuple[Scripted, ...]] = knob(
        SCRIPT, doc="by operation: what it answers first, and next", default=dict
    )
    decide: Mapping[str, Any] = knob(
        MapOf(Document()), doc="by step or step/item: what its table would say", default=dict
    )
    when: tuple[Happening, ...] = knob(
        ListOf(Nested(Happening), least=1), doc="what happens, in order"
    )
    shuffle: bool = knob(
        Flag(),
        doc="the same must come of every order of the events with which it begins",
        default=False,
    )
    then: Expectation = knob(Nested(Expectation), doc="what must come of it")
    place: Place = place_of()


@component("possible event", doc="What can come in an exploration.")
class Possible:
    event: str = knob(EVENT_NAME, doc="its name")
    say: str = knob(Name(), doc="what it says: one of documents:")
    but: Mapping[str, Any] = knob(MapOf(Document()), doc="fields that differ", default=dict)
    times: int = knob(Integer(1, 3), doc="how often it may come", default=1)
    place: Place = place_of()


@component("universe", doc="Everything that can happen to one instance, for `workflow explore`.")
class Universe:
    name: str = knob(Text(), doc="what it holds")
    events: tuple[Possible, ...] = knob(ListOf(Nested(Possible), least=1), doc="at any time")
    answers: Mapping[str, tuple[Scripted, ...]] = knob(
        SCRIPT, doc="by operation: each may come; by default done", default=dict
    )
    punctual: bool = knob(
        Flag(),
        doc="answers and windows come before their time-outs: those come of what was lost alone",
        default=False,
    )
    confluent: bool = knob(
        Flag(), doc="when all goes well, every order of the events has one end", default=False
    )
    decide: Mapping[str, Any] = knob(
        MapOf(Document()), doc="by step or step/item: what its table would say", default=dict
    )
    place: Place = place_of()


@component("scenarios", doc="Tests beside the workflow that they test.")
class ScenarioFile:
    workflow: Workflow = knob(WORKFLOW, doc="the workflow that they are about")
    begins: datetime = knob(INSTANT, doc="when each scenario begins")
    documents: Mapping[str, Any] = knob(
        MapOf(Document(), key=NAME), doc="what events say, by name", default=dict
    )
    answers: Mapping[str, tuple[Scripted, ...]] = knob(
        SCRIPT, doc="what operations answer where a scenario says nothing; else done", default=dict
    )
    scenarios: tuple[Scenario, ...] = knob(ListOf(Nested(Scenario), least=1), doc="each by itself")
    universes: tuple[Universe, ...] = knob(
        ListOf(Nested(Universe)), doc="what `workflow explore` walks through", default=()
    )
    place: Place = place_of()
