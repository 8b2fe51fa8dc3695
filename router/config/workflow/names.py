"""Owns: that every name in a workflow names something of it (E601), and what nobody names.
Imports: config.workflow.
Never: looks at what the named things mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from router.config.workflow.naming import expressions_in, nested_roots, uses_of
from router.config.workflow.steps import Sending, Step
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Place, Report, nearest

STATUSES = (
    *("idle", "waiting", "asked", "held", "running", "failed", "done", "skipped", "refused"),
    *("undoing", "undone", "undo_failed"),
)


@dataclass(frozen=True, slots=True)
class Names:
    """Everything that a workflow may name, by what it is."""

    known: Mapping[str, frozenset[str]]
    report: Report

    def check(self, noun: str, name: str, place: Place) -> None:
        """Report a name that names nothing; an empty one was left out."""
        if name and name not in self.known[noun]:
            hint = nearest(name, self.known[noun])
            self.report.error("E601", place, f"unknown {noun} {name}", hint)


def check_names(workflow: Workflow, report: Report) -> None:
    """Report each name that names nothing."""
    names = Names(_known(workflow), report)
    file = workflow.file
    for event in file.events.values():
        for put in event.put:
            names.check("fact", put, event.keys["put"])
        for alias in event.find:
            names.check("alias", alias, event.keys["find"])
    for fact in file.facts.values():
        names.check("step", fact.closed_by, fact.place)
    for derived in file.derive.values():
        names.check("step", derived.closed_by, derived.place)
    for emitted in file.emits.values():
        names.check("view", emitted.view, emitted.place)
    for abort in file.aborts.values():
        names.check("event", abort.event, abort.place)
        names.check("emitted event", abort.refuse, abort.place)
    for step in workflow.steps.values():
        _check_step(step, names)
    _check_expressions(workflow, names)


def _known(workflow: Workflow) -> dict[str, frozenset[str]]:
    file = workflow.file
    lists = {name for name, one in file.facts.items() if one.id} | set(file.derive)
    return {
        "fact": frozenset(file.facts),
        "derived list": frozenset(file.derive),
        "list": frozenset(lists),
        "step": frozenset(file.steps),
        "view": frozenset(file.views),
        "alias": frozenset(file.aliases),
        "event": frozenset(file.events),
        "emitted event": frozenset(file.emits),
        "abort": frozenset(file.aborts),
        "status": frozenset(STATUSES),
    }


def _check_step(step: Step, names: Names) -> None:
    names.check("list", step.each, step.keys.get("each", step.place))
    for need in step.needs:
        names.check("step", need.step, need.place)
    for sending in sendings_of(step):
        names.check("view", sending.view, sending.place)
        names.check("event", sending.done, sending.place)
        names.check("event", sending.failed, sending.place)
        names.check("alias", sending.alias, sending.place)
    if step.compute is not None:
        names.check("view", step.compute.view, step.compute.place)
    for action in (*step.on_fail.values(), *((step.on_deny,) if step.on_deny else ())):
        names.check("abort", action.abort, action.place)


def sendings_of(step: Step) -> Iterator[Sending]:
    """Yield all that a step can send, to take it back too."""
    yield from step.sendings
    undo = step.undo.sending if step.undo is not None else None
    yield from () if undo is None else (undo,)


def _check_expressions(workflow: Workflow, names: Names) -> None:
    tables = [step.decide for step in workflow.steps.values() if step.decide is not None]
    rules = [rule for table in tables for rule in table.rules]
    parts: Iterable[object] = (workflow.file, *rules)
    for part in parts:
        for expression in expressions_in(part):
            for root in nested_roots(expression):
                text = f"{root} is no field of an item: within [ ] an expression sees the item"
                hint = "put it into a definition, and call that: [?fits(id)]"
                names.report.error("E601", expression.place_of(root), text, hint)
            for use in uses_of(expression):
                names.check(use.noun, use.name, expression.place_of(use.name))
