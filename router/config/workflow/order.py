"""Owns: what must hold of the order of steps: no circle, items that meet, lists that close.
Imports: config.workflow.
Never: looks at what a step does.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.config.workflow.steps import Need, Step
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Report


def check_order(workflow: Workflow, report: Report) -> None:
    """Report circles (E602), what is never reached (E603), lists that never close (E614)."""
    for name, step in workflow.steps.items():
        for need in step.needs:
            if need.step == name or name in workflow.above.get(need.step, ()):
                text = f"{name} needs {need.step}, which needs {name}: neither ever begins"
                report.error("E602", need.place, text, "take one of the needs away")
            elif need.step in workflow.steps:
                _check_items(workflow, name, need, report)
    _check_labels(workflow, report)


def _check_items(workflow: Workflow, name: str, need: Need, report: Report) -> None:
    """Report a need that no item can meet, and one that may wait for ever."""
    step, other = workflow.steps[name], workflow.steps[need.step]
    if need.field and not (step.each and other.each):
        text = f"{need.step}[{need.field}]: both steps must have items for it"
        report.error("E603", need.place, text, f"write {need.step}")
    elif step.each and other.each and step.each != other.each and not need.field:
        text = f"{name} has items of {step.each}, {need.step} of {other.each}: they never meet"
        report.error("E603", need.place, text, f"{need.step}[field of {step.each} with its id]")
    if need.settled and other.each and not _closes(workflow, other):
        text = f"{need.step}? of an item that never comes would wait for ever"
        hint = f"say closed_by: at {other.each}: the step after which no more of its items come"
        report.error("E614", need.place, text, hint)


def _closes(workflow: Workflow, step: Step) -> bool:
    file = workflow.file
    found = file.derive.get(step.each) or file.facts.get(step.each)
    return found is None or bool(found.closed_by)


def _check_labels(workflow: Workflow, report: Report) -> None:
    """Report labels that no instance ever has, and a workflow that never ends."""
    states = workflow.file.states
    for number, state in enumerate(states):
        if number and state.condition is None:
            text = f"{state.name} always holds: the labels before it are never seen"
            report.error("E603", state.place, text, "give it an if:")
    for name in _twice(workflow):
        state = next(one for one in reversed(states) if one.name == name)
        report.error("E603", state.place, f"label {name} a second time", "one entry each")
    if states[0].condition is not None:
        text = "the first label has an if: an instance may have none"
        report.error("E603", states[0].place, text, "- {is: begun}")


def _twice(workflow: Workflow) -> Iterator[str]:
    names = [one.name for one in workflow.file.states]
    return (one for one in dict.fromkeys(names) if names.count(one) > 1)
