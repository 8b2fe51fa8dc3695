"""Owns: the definitions of the steps.
Imports: config.components, config.references.
Never: decodes a list of them (config.steplist does); runs a step (engine.steps does).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from router.config.components import (
    INVALID,
    Context,
    Shape,
    component,
    knob,
    place_of,
    report_wrong,
)
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
from router.config.source import Node, Sequence
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


def _list() -> Shape:
    from router.config.steplist import StepList  # noqa: PLC0415 (it reads this module)

    return StepList()


STEPS = Lazy("a list of steps", _list)


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
LAST = Discard | DeadLetter | Fork | Choose | Produce | Recipients | Signal

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
