"""Owns: the definitions of the steps, and how a list of steps is decoded and checked.
Imports: config.components, config.references, config.stepchecks.
Never: runs a step (engine.steps does).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from router.config.components import INVALID, Context, component, knob, place_of, report_wrong
from router.config.references import (
    CONTRACT,
    EXPRESSION,
    OPERATION,
    TRANSFORM,
    VALUE,
    WORKFLOW,
    Value,
)
from router.config.shapes import (
    DURATION,
    NAME_SAYS,
    Lazy,
    ListOf,
    MapOf,
    Name,
    Nested,
    OneKey,
    Text,
    Wrapped,
)
from router.config.source import Node, Sequence, Table
from router.config.stepchecks import (
    check_call,
    check_inputs,
    check_key,
    check_order,
    check_payload,
    check_send,
    check_signal,
)
from router.config.systems import AnyOperation, Operation
from router.config.transforms.expressions import Expression
from router.config.transforms.transform import Transform
from router.config.validation import Contract
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Place

REASON = Text("a reason in words", r".*\S.*")


@component("discard", doc="Drop the message on purpose; the reason is counted.")
class Discard:
    reason: str = knob(REASON, doc="why")
    place: Place = place_of()


@component("dead_letter", doc="Keep the message for a person; the reason is a word to search by.")
class DeadLetter:
    reason: str = knob(REASON, doc="why")
    place: Place = place_of()


DISCARD = Wrapped(Discard, "reason", REASON)
DEAD_LETTER = Wrapped(DeadLetter, "reason", REASON)
ENDING = OneKey("ending", {"discard": DISCARD, "dead_letter": DEAD_LETTER})
Ending: TypeAlias = Discard | DeadLetter

STEPS = Lazy("a list of steps", lambda: StepList())  # noqa: PLW0108 (it is defined below)


@component("filter", doc="Let the message go on only when a condition holds.")
class Filter:
    condition: Expression = knob(EXPRESSION, key="if", doc="a falsy result stops the message")
    otherwise: Ending = knob(ENDING, key="else", doc="what becomes of a message that is stopped")
    place: Place = place_of()


@component("case", doc="Steps for messages for which a condition holds.")
class Case:
    condition: Expression = knob(EXPRESSION, key="if", doc="the first case that holds is taken")
    steps: tuple[Step, ...] = knob(STEPS, doc="what to do then")


@component("choose", doc="Content-based router: the first case that holds.")
class Choose:
    cases: tuple[Case, ...] = knob(ListOf(Nested(Case), least=1), doc="tried in order")
    otherwise: tuple[Step, ...] = knob(STEPS, doc="when no case holds")
    place: Place = place_of()


@component("fork", doc="Several branches, each from the message as it is here; one decision.")
class Fork:
    branches: Mapping[str, tuple[Step, ...]] = knob(MapOf(STEPS), doc="steps by branch name")
    place: Place = place_of()


@component("split", doc="One message for each item of a list.")
class Split:
    each: Expression = knob(EXPRESSION, doc="the list")
    name: str = knob(Name(), key="as", doc="the root that holds one item")
    empty: Ending = knob(ENDING, doc="what becomes of a message with an empty list")
    place: Place = place_of()


@component("enrich", doc="Ask a system for a document; read-only, journaled, cached when asked.")
class Enrich:
    call: Operation = knob(OPERATION, doc="a read operation: system.operation")
    arguments: Mapping[str, Value] = knob(MapOf(VALUE), key="with", doc="its arguments")
    name: str = knob(Name(), key="as", doc="the root that holds the answer")
    cache: timedelta | None = knob(DURATION, doc="how long an answer may be used", default=None)
    place: Place = place_of()


@component("transform", doc="Build the payload with a transform file.")
class Apply:
    transform: Transform = knob(TRANSFORM, doc="its name: owner/name")
    place: Place = place_of()


@component("latest", doc="Order among the objects that tell of one thing, whatever they come from.")
class Latest:
    of: tuple[Value, ...] = knob(ListOf(VALUE, least=1), doc="names the thing")
    version: Expression = knob(
        EXPRESSION, doc="a whole number or a time; an object older than one published is stale"
    )
    place: Place = place_of()


@component("produce", doc="Validate the payload and publish it to every flow that subscribes.")
class Produce:
    object: Contract = knob(CONTRACT, doc="the object's contract")
    key: tuple[Expression, ...] = knob(
        ListOf(EXPRESSION), doc="its business identity, by default the contract's keys", default=()
    )
    compare: tuple[Expression, ...] = knob(
        ListOf(EXPRESSION), doc="what makes a repeat a conflict", default=()
    )
    latest: Latest | None = knob(
        Nested(Latest), doc="publish only when nothing newer of the same thing was", default=None
    )
    after: tuple[Value, ...] = knob(
        ListOf(VALUE),
        doc="a key of the same contract: publish only when that object was, to take it back",
        default=(),
    )
    place: Place = place_of()


@component("send", doc="Send the payload to an operation of a system.")
class Send:
    operation: AnyOperation = knob(OPERATION, doc="system.operation")
    place: Place = place_of()


@dataclass(frozen=True, slots=True)
class Sends:
    """One target or a list of them."""

    expects: str = "{operation: system.operation}, or a list of these"

    def decode(self, node: Node, context: Context) -> Any:
        nodes = node.items if isinstance(node, Sequence) else (node,)
        if not nodes:
            return report_wrong(self, node, context)
        found = tuple(Nested(Send).decode(one, context) for one in nodes)
        return INVALID if any(one is INVALID for one in found) else Recipients(found, node.place)


@dataclass(frozen=True, slots=True)
class Recipients:
    """A recipient list."""

    targets: tuple[Send, ...]
    place: Place


@component("signal", doc="Tell the payload to a workflow, as an event of one of its instances.")
class Signal:
    workflow: Workflow = knob(WORKFLOW, doc="its name")
    event: str = knob(Text("the name of an event", r"[a-z][a-z0-9_.]*"), doc="one of its events")
    place: Place = place_of()


Step: TypeAlias = (
    Filter
    | Choose
    | Fork
    | Split
    | Enrich
    | Apply
    | Produce
    | Recipients
    | Signal
    | Discard
    | DeadLetter
)
_LAST = Discard | DeadLetter | Fork | Choose | Produce | Recipients | Signal

STEP = OneKey(
    "step",
    {
        "filter": Nested(Filter),
        "choose": Nested(Choose),
        "fork": Wrapped(
            Fork, "branches", MapOf(STEPS, key="[a-z][a-z0-9_]*", key_says=NAME_SAYS, least=1)
        ),
        "split": Nested(Split),
        "enrich": Nested(Enrich),
        "transform": Wrapped(Apply, "transform", TRANSFORM),
        "produce": Nested(Produce),
        "send": Sends(),
        "signal": Nested(Signal),
        "discard": DISCARD,
        "dead_letter": DEAD_LETTER,
    },
)


def steps_in(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield steps, those of branches too, in the order of the text."""
    for step in steps:
        yield step
        match step:
            case Choose():
                for case in step.cases:
                    yield from steps_in(case.steps)
                yield from steps_in(step.otherwise)
            case Fork():
                for branch in step.branches.values():
                    yield from steps_in(branch)


@dataclass(frozen=True, slots=True)
class StepList:
    """Steps in order; each sees the roots that those before it gave."""

    expects: str = "a list of steps"

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Table) and node.entries:
            context.report.error(
                "E012",
                node.place,
                "a mapping where a list of steps belongs",
                "begin each step with `- `",
            )
            return INVALID
        if not isinstance(node, Sequence) or not node.items:
            return report_wrong(self, node, context)
        made: list[Any] = []
        for one in node.items:
            if made and isinstance(made[-1], Discard | DeadLetter | Fork | Choose):
                context.report.error(
                    "E040", one.place, "no message reaches this step", "move it up, or take it out"
                )
            step = STEP.decode(one, context)
            made.append(step)
            context = _supposed(one, context) if step is INVALID else _after(step, context)
        if any(step is INVALID for step in made):
            return INVALID
        if not isinstance(made[-1], _LAST):
            context.report.error(
                "E041",
                made[-1].place,
                "the steps end and nothing comes of the message",
                "end with produce, send, signal, choose, fork, discard or dead_letter",
            )
            return INVALID
        return tuple(made)


def _after(step: Any, context: Context) -> Context:
    """Return the context of the next step, having checked what this one needs."""
    match step:
        case Split() | Enrich():
            if step.name in (context.roots or ()):
                context.report.error(
                    "E043",
                    step.place,
                    f"as: {step.name} hides a root of that name",
                    "choose another",
                )
            if isinstance(step, Enrich):
                check_call((step.call, step.arguments), "enrich", step.place, context)
                return context.plus_roots(step.name)
            return context.plus_roots(step.name, f"{step.name}_index")
        case Apply():
            check_inputs(step, context)
            if step.transform.to is None:
                what = f"{step.transform.name} writes bytes, and a step gives a document"
                hint = "an operation names it: routes/systems/NAME.yaml, transform:"
                context.report.error("E168", step.place, what, hint)
                return context.plus_roots("payload").within(payload=INVALID)
            return context.plus_roots("payload").within(payload=step.transform.to)
        case Produce():
            check_payload(step.object, step.place, context)
            check_key(step, context)
            check_order(step, context)
        case Recipients():
            for target in step.targets:
                check_send(target, context)
        case Signal():
            check_signal(step, context)
    return context


def _supposed(node: Node, context: Context) -> Context:
    """Return the context after a step with a mistake: what it would have given is not missed."""
    entries = node.entries if isinstance(node, Table) else ()
    for entry in entries:
        name = entry.node.text_of("as") if isinstance(entry.node, Table) else None
        if name is not None:
            context = context.plus_roots(name, f"{name}_index")
    if any(entry.key not in ("enrich", "filter", "split") for entry in entries):
        context = context.plus_roots("payload").within(payload=INVALID)
    return context
