"""Owns: that there is a way on from every failure, and a way back before the point of no return.
Imports: config.workflow.
Never: runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.config.transforms.expressions import Expression
from router.config.workflow.actions import Action
from router.config.workflow.naming import uses_of
from router.config.workflow.scope import Definition
from router.config.workflow.steps import Sending, Step
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Report, nearest


def check_recovery(workflow: Workflow, report: Report) -> None:
    """Report E606, E608, E610, E611, E616, and W601."""
    for name, step in workflow.steps.items():
        _check_shape(name, step, report)
        _check_undo(workflow, name, step, report)
        _check_verdicts(name, step, report)
        _check_failures(workflow, name, step, report)
        for sending in step.sendings if step.money else ():
            _check_money(name, sending, report)
    _check_aborts(workflow, report)


def _check_shape(name: str, step: Step, report: Report) -> None:
    """Report a step that has two effects, none, or something that belongs to another kind."""
    effects = [key for key in ("compute", "await", "send", "ways") if key in step.keys]
    if len(effects) > 1:
        text = f"{name}: {' and '.join(effects)}: a step has one effect"
        report.error("E610", step.keys[effects[1]], text, "make it two steps")
    if not effects and step.decide is None and step.ask is None:
        hint = "compute:, decide:, ask:, await:, send: or ways:"
        report.error("E610", step.place, f"{name} does nothing", hint)
    for key, wants in (("hold", step.sendings), ("undo", step.sendings), ("pivot", step.sendings)):
        if key in step.keys and not wants:
            hint = f"{key}: belongs to a step with send: or ways:"
            report.error("E610", step.keys[key], f"{name} sends nothing", hint)


def _check_undo(workflow: Workflow, name: str, step: Step, report: Report) -> None:
    """Report a send before the point of no return that nothing takes back."""
    undo = step.undo
    if undo is not None and undo.none and undo.sending is not None:
        report.error("E606", undo.place, f"{name}: none: beside operation:", "write one of them")
    if not step.sendings or step.pivot or _is_after_pivot(workflow, name):
        return
    if undo is None or (not undo.none and undo.sending is None):
        text = f"{name} can be aborted after it was sent, and nothing takes it back"
        hint = "undo: {operation:, view:, transform:}, or undo: {none: why nothing has to}"
        report.error("E606", undo.place if undo is not None else step.place, text, hint)


def _is_after_pivot(workflow: Workflow, name: str) -> bool:
    return any(workflow.steps[one].pivot for one in workflow.above[name] if one in workflow.steps)


def _check_verdicts(name: str, step: Step, report: Report) -> None:
    """Report a table that asks for a person where nobody is asked."""
    if step.decide is None or step.ask is not None:
        return
    for rule in step.decide.rules:
        if rule.then.verdict == "review":
            text = f"{name}: rule {rule.id} of {step.decide.name} says review, and nobody is asked"
            report.error("E610", step.keys["decide"], text, "ask: {role:, sla:, escalate:}")
            return


def _check_failures(workflow: Workflow, name: str, step: Step, report: Report) -> None:
    """Report categories that no failure has, and ways that do not lead on."""
    known = workflow.file.exceptions.classes.categories
    for category, action in step.on_fail.items():
        if category not in known:
            text = f"{name}: no class of {workflow.file.exceptions.classes.name} is {category}"
            report.error("E611", action.place, text, nearest(category, known))
        wrong = _leads_nowhere(step, action)
        if wrong:
            report.error("E611", action.place, f"{name}: {wrong}", "write exception")
        if action.word in ("skip", "refuse") and _is_after_pivot(workflow, name):
            text = f"{name} gives up quietly after the point of no return"
            report.warn("W601", action.place, text, "ways:, or exception: a person goes on")
    if step.on_fail and not step.sendings:
        report.error("E611", step.keys["on_fail"], f"{name} sends nothing that could fail", "")


def _leads_nowhere(step: Step, action: Action) -> str:
    if action.word == "next_way" and len(step.ways) < 2:
        return "next_way, and there is one way"
    if action.word == "hold_again" and step.hold is None:
        return "hold_again, and it is not held"
    return ""


def _check_money(name: str, sending: Sending, report: Report) -> None:
    """Report an operation that could move money twice."""
    for call in sending.operation.calls:
        found = call.file.idempotency
        if found is None or found.kind == "none":
            text = f"{name} moves money, and {call.name} has no way to tell a repeat"
            report.error("E608", sending.place, text, "idempotency: of kind key, conflict, lookup")
            continue
        within = call.policy.retry.within
        if found.header and found.ttl < within and call.file.lookup is None:
            text = f"{name} moves money: {call.name} is tried longer than its keys live"
            hint = "a lookup: there, or a policy whose within: is shorter than ttl:"
            report.error("E608", sending.place, text, hint)


def _check_aborts(workflow: Workflow, report: Report) -> None:
    """Report an abort that may begin when the point of no return is behind."""
    pivots = [name for name, step in workflow.steps.items() if step.pivot]
    for name, abort in workflow.file.aborts.items():
        if not abort.event:
            continue
        asked = set(_steps_asked(workflow, abort.condition)) if abort.condition else set()
        for pivot in pivots:
            if pivot not in asked:
                text = f"abort {name} may begin after {pivot}, from where there is no way back"
                report.error("E616", abort.place, text, f"if: \"=!any_with('{pivot}', 'done')\"")


def _steps_asked(workflow: Workflow, expression: Expression) -> Iterator[str]:
    """Yield the steps that an expression asks about, through definitions too."""
    waiting, seen = [expression], set[str]()
    while waiting:
        one = waiting.pop()
        yield from (use.name for use in uses_of(one) if use.noun == "step")
        for name in one.calls & workflow.file.define.keys() - seen:
            seen.add(name)
            definition: Definition = workflow.file.define[name]
            if definition.expression is not None:
                waiting.append(definition.expression)
