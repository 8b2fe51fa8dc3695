"""Owns: a workflow file as a whole, and the workflow that is made of it.
Imports: config.components, config.workflow.
Never: runs; what must hold between its parts is config.workflow.lint's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from router.config.components import Context, Shape, component, keys_of, knob, place_of
from router.config.references import EXPRESSION, VALUE, Named, Value
from router.config.sequences import CallSequence
from router.config.shapes import (
    DURATION,
    NAME,
    NAME_SAYS,
    Choice,
    Flag,
    Integer,
    ListOf,
    MapOf,
    Name,
    Nested,
    Text,
)
from router.config.systems import Operation
from router.config.transforms.expressions import Expression
from router.config.transforms.transform import Transform
from router.config.validation import Contract
from router.config.workflow.calendars import Calendar
from router.config.workflow.decisions import ExceptionClasses
from router.config.workflow.facts import (
    EVENT,
    EVENT_SAYS,
    Definitions,
    Derived,
    Emitted,
    Event,
    Fact,
    Orphan,
    View,
)
from router.config.workflow.scope import Definition, Over, holds
from router.config.workflow.steps import EVENT_NAME, Sending, Step, Timeout
from router.core.diagnostics import Place
from router.core.document import Json

CALENDAR: Shape = Named("calendar", "E601", lambda context: context.library.calendars)
CLASSES: Shape = Named("exception classes", "E601", lambda context: context.library.classes)


def by_name(shape: Shape, key: str = NAME, says: str = NAME_SAYS) -> MapOf:
    """Return the shape of a mapping from names."""
    return MapOf(shape, key=key, key_says=says)


@component("retention of instances", doc="How long what has ended is kept.")
class Retain:
    closed: timedelta = knob(DURATION, doc="an instance that has ended")
    tombstone: timedelta = knob(DURATION, doc="that there was one: late events are told by it")


@component("choice of a calendar", doc="Which calendar counts business days.")
class CalendarRule:
    condition: Expression | None = knob(
        Over(EXPRESSION), key="if", doc="when it matches", default=None
    )
    use: Calendar = knob(CALENDAR, doc="the calendar")
    place: Place = place_of()


@component("use of exception classes", doc="What failures are, and by what they are told apart.")
class Exceptions:
    classes: ExceptionClasses = knob(CLASSES, doc="the policy")
    by: Mapping[str, Value] = knob(
        by_name(Over(VALUE)), doc="words for its rules and for search", default=dict
    )
    place: Place = place_of()


@component("defaults of events", doc="What holds of events that do not say it.")
class EventDefaults:
    orphan: Orphan = knob(Nested(Orphan), doc="of an event without instance")
    late: str = knob(Choice(("note", "exception", "reopen")), doc="after the end", default="note")


@component("defaults of steps", doc="What holds of steps that do not say it.")
class StepDefaults:
    timeout: Timeout | None = knob(Nested(Timeout), doc="of what is sent or awaited", default=None)


@component("defaults", doc="What holds where nothing else is said.")
class Defaults:
    event: EventDefaults = knob(Nested(EventDefaults), doc="of events")
    step: StepDefaults = knob(
        Nested(StepDefaults), doc="of steps", default=lambda: StepDefaults(timeout=None)
    )
    undo: StepDefaults = knob(
        Nested(StepDefaults),
        doc="of what takes steps back",
        default=lambda: StepDefaults(timeout=None),
    )


@component("abort", doc="A way to end an instance by taking back what was done.")
class Abort:
    event: str = knob(EVENT_NAME, doc="the event that asks for it", default="")
    condition: Expression | None = knob(
        Over(EXPRESSION), key="if", doc="while it may be", default=None
    )
    defer: Expression | None = knob(
        Over(EXPRESSION), doc="while it waits for what is under way", default=None
    )
    refuse: str = knob(EVENT_NAME, doc="the event that says that it may not be", default="")
    place: Place = place_of()


@component("state", doc="A label of instances: of those that hold, the last.")
class Label:
    name: str = knob(Name(), key="is", doc="the word")
    condition: Expression | None = knob(
        Over(EXPRESSION),
        key="if",
        doc="when it holds; only the first may leave it out",
        default=None,
    )
    final: bool = knob(Flag(), doc="the instance has ended", default=False)
    place: Place = place_of()


@component("workflow", doc="What becomes of a business case, over days and many messages.")
class WorkflowFile:
    workflow: str = knob(Name(), doc="its name, the same as its file")
    owner: str = knob(Text(), doc="who answers for it")
    version: int = knob(Integer(1, 1_000_000), doc="raised with every change of meaning")
    retain: Retain = knob(Nested(Retain), doc="how long instances are kept")
    facts: Mapping[str, Fact] = knob(by_name(Nested(Fact)), doc="what is known, by name")
    define: Mapping[str, Definition] = knob(
        Definitions(), doc="expressions with names", default=dict
    )
    events: Mapping[str, Event] = knob(
        by_name(Nested(Event), EVENT, EVENT_SAYS), doc="what can happen, by name"
    )
    derive: Mapping[str, Derived] = knob(
        by_name(Nested(Derived)),
        doc="lists made of what is known; each may use those before it",
        default=dict,
    )
    views: Mapping[str, View] = knob(
        by_name(Nested(View)), doc="documents for transforms", default=dict
    )
    aliases: Mapping[str, Expression] = knob(
        by_name(Over(EXPRESSION)), doc="other names of an instance: a text or a list", default=dict
    )
    emits: Mapping[str, Emitted] = knob(
        by_name(Nested(Emitted), EVENT, EVENT_SAYS), doc="events that it tells others", default=dict
    )
    calendar: tuple[CalendarRule, ...] = knob(
        ListOf(Nested(CalendarRule), least=1), doc="which calendar holds; the last without if:"
    )
    exceptions: Exceptions = knob(Nested(Exceptions), doc="what failures are")
    defaults: Defaults = knob(Nested(Defaults), doc="what holds where nothing is said")
    steps: Mapping[str, Step] = knob(by_name(Nested(Step)), doc="by name, in order")
    aborts: Mapping[str, Abort] = knob(by_name(Nested(Abort)), doc="by name", default=dict)
    never: Mapping[str, Expression] = knob(
        by_name(Over(EXPRESSION)),
        doc="what may never hold: what leads to it is taken back",
        default=dict,
    )
    states: tuple[Label, ...] = knob(ListOf(Nested(Label), least=1), doc="labels, in order")
    place: Place = place_of()
    keys: Mapping[str, Place] = keys_of()


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow ready to run. `mark` tells this definition from every other."""

    name: str
    file: WorkflowFile
    mark: str

    @property
    def place(self) -> Place:
        """Return where it stands."""
        return self.file.place

    @property
    def steps(self) -> Mapping[str, Step]:
        """Return its steps in order."""
        return self.file.steps

    @cached_property
    def above(self) -> Mapping[str, frozenset[str]]:
        """Return the steps that each step needs, and those that these need."""
        found: dict[str, frozenset[str]] = {}

        def visit(name: str, path: tuple[str, ...]) -> frozenset[str]:
            if name in found:
                return found[name]
            needs = {one.step for one in self.steps[name].needs if one.step not in path}
            inner = (visit(one, (*path, name)) for one in needs if one in self.steps)
            found[name] = frozenset(needs).union(*inner)
            return found[name]

        for name in self.steps:
            visit(name, ())
        return found

    @cached_property
    def _by_list(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name, step in self.steps.items():
            found[step.each] = (*found.get(step.each, ()), name)
        return found

    def stepping(self, each: str) -> tuple[str, ...]:
        """Return the steps that have the items of a list."""
        return self._by_list.get(each, ())

    def after(self, name: str) -> Iterator[str]:
        """Yield the steps that need a step, however far."""
        return (one for one, above in self.above.items() if name in above)

    def calendar(self, scope: Mapping[str, Json]) -> Calendar:
        """Return the calendar that holds for an instance."""
        for rule in self.file.calendar:
            if rule.condition is None or holds(rule.condition, scope):
                return rule.use
        raise AssertionError("the last rule of a calendar matches always")

    def timeout(self, step: Step) -> Timeout | None:
        """Return how long a step waits that sends or awaits."""
        return step.timeout or self.file.defaults.step.timeout

    @property
    def transforms(self) -> set[str]:
        """Return the names of the transforms that its steps use."""
        found = {step.compute.transform.name for step in self.steps.values() if step.compute}
        return found | {one.transform.name for _, one in self._sendings()}

    @property
    def operations(self) -> set[str]:
        """Return the operations that its steps send to, those that take steps back, too."""
        return {one.operation.name for _, one in self._sendings()}

    @property
    def alias_kinds(self) -> set[str]:
        """Return the kinds of names by which its instances may be known beside their keys."""
        return {*self.file.aliases} | {one.alias for _, one in self._sendings() if one.alias}

    def answered(self, event: str) -> Iterator[tuple[str, bool]]:
        """Yield each step whose send, or undo, an event answers, and whether it says done."""
        for name, one in self._sendings():
            if event in (one.done, one.failed):
                yield name, event == one.done

    def _sendings(self) -> Iterator[tuple[str, Sending]]:
        """Yield what each step sends, and what is sent to take it back."""
        for name, step in self.steps.items():
            undo = step.undo.sending if step.undo is not None else None
            for one in (*step.sendings, *((undo,) if undo is not None else ())):
                yield name, one


def make_workflow(file: WorkflowFile, context: Context) -> Workflow:
    """Return the workflow of a decoded file, after reporting what is wrong between its parts."""
    from router.config.workflow.lint import check_workflow  # noqa: PLC0415 (it reads this module)

    made = Workflow(name=file.workflow, file=file, mark=_mark(file))
    check_workflow(made, context)
    return made


def _mark(file: WorkflowFile) -> str:
    return hashlib.blake2b(_spelled(file).encode(), digest_size=6).hexdigest()


def _spelled(value: Any) -> str:
    """Return all that a component says, as one text; what has its own version by its name."""
    if isinstance(value, Expression):
        return f"={value.source}"
    if isinstance(value, Place):
        return ""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_spelled(one)}" for key, one in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ",".join(map(_spelled, value)) + "]"
    if hasattr(value, "policy") or isinstance(value, Operation | CallSequence | Transform):
        return str(value.name)
    fields = () if isinstance(value, Contract) else getattr(value, "__dataclass_fields__", ())
    if fields:
        return "(" + ",".join(_spelled(getattr(value, one)) for one in fields) + ")"
    return str(getattr(value, "ref", value))
