"""Owns: the steps of a workflow: what they need, their gates, their effect, how they fail.
Imports: config.components, config.references, config.workflow (actions, decisions, scope, spans).
Never: looks at another step (config.workflow.lint does).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.config.components import (
    Context,
    Shape,
    component,
    keys_of,
    knob,
    place_of,
    report_wrong,
)
from router.config.references import EXPRESSION, OPERATION, TRANSFORM, VALUE, Named, Value
from router.config.shapes import NAME, Flag, ListOf, MapOf, Name, Nested, Text
from router.config.source import Node, Scalar
from router.config.systems import AnyOperation
from router.config.transforms.expressions import Expression
from router.config.transforms.transform import Transform
from router.config.workflow.actions import AT_TIME, ON_DENY, ON_FAIL, Action
from router.config.workflow.calendars import Window
from router.config.workflow.decisions import DecisionTable
from router.config.workflow.facts import EVENT, EVENT_SAYS
from router.config.workflow.scope import Over
from router.config.workflow.spans import SPAN, Span
from router.core.diagnostics import Place

_NEED = re.compile(rf"({NAME})(\?)?(?:\[({NAME})\])?")

TABLE: Shape = Named("decision table", "E601", lambda context: context.library.decisions)
WINDOW: Shape = Named("window", "E601", lambda context: context.library.windows)
EVENT_NAME = Text(EVENT_SAYS, EVENT)


@dataclass(frozen=True, slots=True)
class Need:
    """A step that must be done first; `settled`: or ended otherwise. `field` of this step's item
    is the id of the item there.
    """

    step: str
    settled: bool
    field: str
    place: Place


@dataclass(frozen=True, slots=True)
class NeedShape:
    """`step`, `step?`, `step[field]`."""

    expects: str = "a step such as pay, pay? (settled in any way) or pay[order_id]"

    def decode(self, node: Node, context: Context) -> Any:
        value = node.value if isinstance(node, Scalar) else None
        match = _NEED.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            return report_wrong(self, node, context)
        return Need(match[1], match[2] is not None, match[3] or "", node.place)


@component("time-out", doc="What happens when nothing happens.")
class Timeout:
    after: Span = knob(SPAN, doc="how long it is waited")
    remind: tuple[Span, ...] = knob(
        ListOf(SPAN), doc="when to remind of it before that", default=()
    )
    do: Action = knob(AT_TIME, doc="what happens then")
    place: Place = place_of()


@component("deadline", doc="A time that somebody else has set.")
class Deadline:
    start: Expression = knob(
        Over(EXPRESSION, ("item",)), key="from", doc="the instant from which it counts"
    )
    within: Span = knob(SPAN, doc="how long after that the step must have been done")
    do: Action = knob(AT_TIME, doc="what happens otherwise")
    place: Place = place_of()


@component("question", doc="A person decides.")
class Ask:
    role: str = knob(Name(), doc="who is asked", default="")
    sla: Span | None = knob(SPAN, doc="until when", default=None)
    escalate: str = knob(Name(), doc="who is asked then", default="")
    place: Place = place_of()


@component("computation", doc="Outputs that a transform works out; nothing is sent.")
class Compute:
    view: str = knob(Name(), doc="what the transform reads")
    transform: Transform = knob(TRANSFORM, doc="gives the outputs; its input is view")
    place: Place = place_of()


@component("send to a system", doc="An effect in a system.")
class Sending:
    operation: AnyOperation = knob(OPERATION, doc="system.operation")
    view: str = knob(Name(), doc="what the transform reads of the instance")
    transform: Transform = knob(TRANSFORM, doc="makes what the operation takes; its input is view")
    done: str = knob(EVENT_NAME, doc="the event that says that it is done", default="")
    failed: str = knob(EVENT_NAME, doc="the event that says that it failed", default="")
    alias: str = knob(Name(), doc="the alias that their reference becomes", default="")
    place: Place = place_of()


@component("hold", doc="What is sent together with others when a window closes.")
class Hold:
    window: Window = knob(WINDOW, doc="when")
    group: tuple[Value, ...] = knob(
        ListOf(Over(VALUE, ("item",))), doc="what is sent together: values of the item", default=()
    )
    timeout: Timeout | None = knob(
        Nested(Timeout), doc="when the window does not close", default=None
    )
    place: Place = place_of()


@component("undo", doc="What takes a step back; or why nothing does.")
class Undo:
    none: str = knob(Text("a reason"), doc="nothing takes it back: why", default="")
    operation: AnyOperation | None = knob(OPERATION, doc="system.operation", default=None)
    view: str = knob(Name(), doc="what the transform reads", default="")
    transform: Transform | None = knob(TRANSFORM, doc="its input is view", default=None)
    done: str = knob(EVENT_NAME, doc="the event that says that it is done", default="")
    failed: str = knob(EVENT_NAME, doc="the event that says that it failed", default="")
    timeout: Timeout | None = knob(
        Nested(Timeout), doc="by default as in defaults.undo", default=None
    )
    place: Place = place_of()

    @property
    def sending(self) -> Sending | None:
        """Return what it sends; None when nothing takes the step back."""
        if self.operation is None or self.transform is None:
            return None
        return Sending(
            operation=self.operation,
            view=self.view,
            transform=self.transform,
            done=self.done,
            failed=self.failed,
            alias="",
            place=self.place,
        )


@component("workflow step", doc="One thing that is to become of an instance, or of each item.")
class Step:
    each: str = knob(Name(), doc="a list: the step is there for each of its items", default="")
    needs: tuple[Need, ...] = knob(ListOf(NeedShape()), doc="what comes first", default=())
    when: Expression | None = knob(
        Over(EXPRESSION, ("item",)), doc="skipped where it does not hold", default=None
    )
    compute: Compute | None = knob(Nested(Compute), doc="works out outputs", default=None)
    decide: DecisionTable | None = knob(TABLE, doc="the table that decides", default=None)
    ask: Ask | None = knob(Nested(Ask), doc="who is asked on review, or always", default=None)
    on_deny: Action | None = knob(
        ON_DENY, doc="what a denial does; by default the step is refused", default=None
    )
    awaits: Expression | None = knob(
        Over(EXPRESSION, ("item",)), key="await", doc="waits until it holds", default=None
    )
    hold: Hold | None = knob(Nested(Hold), doc="holds the send for a window", default=None)
    send: Sending | None = knob(Nested(Sending), doc="the effect", default=None)
    ways: Mapping[str, Sending] = knob(
        MapOf(Nested(Sending), key=NAME), doc="effects, the next when one fails", default=dict
    )
    on_fail: Mapping[str, Action] = knob(
        MapOf(ON_FAIL, key=NAME),
        doc="by category of failure; by default an exception",
        default=dict,
    )
    timeout: Timeout | None = knob(
        Nested(Timeout), doc="by default as in defaults.step", default=None
    )
    deadline: Deadline | None = knob(Nested(Deadline), doc="by when others want it", default=None)
    external: Expression | None = knob(
        Over(EXPRESSION, ("item",)),
        doc="what others did: not null = the step is done by it, whatever its needs",
        default=None,
    )
    uses: tuple[str, ...] = knob(
        ListOf(Name()), doc="fields of the item that must not change afterwards", default=()
    )
    undo: Undo | None = knob(Nested(Undo), doc="what takes it back", default=None)
    pivot: bool = knob(Flag(), doc="from here on there is no way back", default=False)
    money: bool = knob(Flag(), doc="it moves money: four eyes, idempotency", default=False)
    place: Place = place_of()
    keys: Mapping[str, Place] = keys_of()

    @property
    def sendings(self) -> tuple[Sending, ...]:
        """Return what it sends, way by way; empty when it sends nothing."""
        return (self.send,) if self.send is not None else tuple(self.ways.values())

    @property
    def way_names(self) -> tuple[str, ...]:
        """Return the words for its ways."""
        return ("send",) if self.send is not None else tuple(self.ways)

    @property
    def asks_always(self) -> bool:
        """Return whether a person decides and no table."""
        return self.ask is not None and self.decide is None
