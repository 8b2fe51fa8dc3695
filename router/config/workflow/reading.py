"""Owns: that events, views and transforms fit their contracts; that answers find their step.
Imports: config.types, config.workflow.
Never: types an expression over an instance: facts have no contract of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from router.config.library import Library
from router.config.transforms.expressions import Expression
from router.config.transforms.reads import calls_of
from router.config.transforms.transform import Transform
from router.config.types.contracts import ContractTypes
from router.config.types.facts import NONE
from router.config.types.maps import Goal, MapTypes
from router.config.types.scopes import Reader, Scope
from router.config.types.type import Type
from router.config.validation import Contract
from router.config.workflow.facts import Event
from router.config.workflow.names import sendings_of
from router.config.workflow.naming import expressions_in
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Place, Report

#: functions of JMESPath's own that give the fields of an object in whatever order they came
_UNORDERED = frozenset({"keys", "values"})
#: roots and fields by which money is told
_MONEY = frozenset({"amount", "currency"})


def check_reading(workflow: Workflow, library: Library, report: Report) -> None:
    """Report E609, E613, E615, and W603."""
    types = ContractTypes(library.contracts)
    for name, event in workflow.file.events.items():
        _check_event(event, types, library, report)
        _check_answers(workflow, name, event, report)
        held = types.of(event.contract, "body")
        late = event.late or workflow.file.defaults.event.late
        if late == "note" and event.put and _has_money(held, 4):
            text = f"{name} says amounts, and is only noted when it is late"
            report.warn("W603", event.place, text, "late: exception, or late: reopen")
    for step in workflow.steps.values():
        for sending in sendings_of(step):
            wanted = sending.operation.accept
            _check_transform(
                workflow, Made(sending.view, sending.transform, wanted), sending.place, report
            )
        if step.compute is not None:
            made = Made(step.compute.view, step.compute.transform, None)
            _check_transform(workflow, made, step.compute.place, report)
    for expression in expressions_in(workflow.file):
        _check_order(expression, report)


def _check_event(event: Event, types: ContractTypes, library: Library, report: Report) -> None:
    """Report what an event reads and its contract does not have."""
    found = Report()
    reader = Reader(library.tables, found)
    scope = Scope({"body": types.of(event.contract, "body")}, NONE)
    check = MapTypes(reader, str(event.contract.ref))
    for part in event.put.values():
        check.part(part, scope, Goal(None))
    for expression in _of_event(event):
        reader.value(expression, scope)
    for one in found.found:
        code = "E615" if one.code == "E190" else one.code
        reader_report = report.warn if code[0] == "W" else report.error
        reader_report(code, one.place, one.message, one.hint)


def _of_event(event: Event) -> Iterator[Expression]:
    parts = (event.key, event.rev, event.effect, event.reference, event.code)
    yield from (one for one in parts if one is not None)
    yield from event.find.values()


def _check_answers(workflow: Workflow, name: str, event: Event, report: Report) -> None:
    """Report an event that answers sends and does not say which."""
    answered = sorted({step for step, _ in workflow.answered(name)})
    if answered and event.effect is None and event.reference is None:
        text = f"{name} answers {' and '.join(answered)}, and does not say which send"
        hint = "effect: =body.our_reference, or reference: =body.their_reference"
        report.error("E609", event.place, text, hint)


@dataclass(frozen=True, slots=True)
class Made:
    """A view that a transform turns into what is wanted; None = anything."""

    view: str
    transform: Transform
    wanted: Contract | None


def _check_transform(workflow: Workflow, made: Made, place: Place, report: Report) -> None:
    view = workflow.file.views.get(made.view)
    inputs, name = made.transform.file.inputs, made.transform.name
    given = inputs.get("view")
    if set(inputs) != {"view"} or not isinstance(given, Contract):
        text = f"{name} reads {', '.join(sorted(inputs))}, a workflow gives it its view"
        report.error("E615", place, text, "inputs: {view: contract of the view}")
    elif view is not None and given.ref != view.contract.ref:
        text = f"{name} reads {given.ref}, view {made.view} is {view.contract.ref}"
        report.error("E615", place, text, "give it a view of that contract")
    gives = made.transform.to
    if gives is None or (made.wanted is not None and gives.ref != made.wanted.ref):
        told = "a text" if gives is None else str(gives.ref)
        text = f"{name} gives {told}, wanted is {made.wanted.ref if made.wanted else 'a document'}"
        report.error("E615", place, text, "choose a transform to what the operation takes")


def _check_order(expression: Expression, report: Report) -> None:
    for name, _ in calls_of(expression.evaluate.tree):
        if name in _UNORDERED:
            text = f"{name}() gives fields in the order in which they happened to come"
            hint = "name the fields, or keep a list with ids"
            report.error("E613", expression.place_of(name), text, hint)


def _has_money(held: Type, deep: int) -> bool:
    """Return whether a type has an amount with a currency in it, not too deep."""
    if held.unknown or not deep:
        return False
    names = set(held.names()) if "object" in held.kinds else set()
    if names >= _MONEY:
        return True
    if "list" in held.kinds and _has_money(held.items, deep - 1):
        return True
    inner = (held.sure().field(one) for one in names)
    return any(one is not None and _has_money(one, deep - 1) for one in inner)
