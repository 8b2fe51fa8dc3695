"""Owns: that nothing waits for ever: time-outs, service levels, ends.
Imports: config.workflow.
Never: counts business days by a calendar: as many days at least.
"""

from __future__ import annotations

from datetime import timedelta

from router.config.workflow.names import sendings_of
from router.config.workflow.naming import uses_of
from router.config.workflow.steps import Ask, Step
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Report
from router.core.units import duration_text

#: beyond the policy's own span, a worker may still be about its last attempt
_GRACE = timedelta(hours=1)


def check_waiting(workflow: Workflow, report: Report) -> None:
    """Report waits without an end (E604, E605, E607, E612), and ends that come too early."""
    for name, step in workflow.steps.items():
        _check_timeout(workflow, name, step, report)
        if step.ask is not None:
            _check_ask(name, step.ask, report)
        if step.undo is not None and step.undo.sending is not None:
            _check_undo(workflow, name, step, report)
        _check_deadline(workflow, name, step, report)
    if not any(one.final for one in workflow.file.states):
        text = f"{workflow.name} has no final state: its instances never end"
        report.error("E612", workflow.file.states[-1].place, text, "final: true")


def _check_timeout(workflow: Workflow, name: str, step: Step, report: Report) -> None:
    waits = bool(step.sendings) or step.awaits is not None
    if waits and workflow.timeout(step) is None:
        text = f"{name} may wait for ever"
        hint = "timeout: {after: 4h, do: exception}, or one under defaults.step"
        report.error("E604", step.place, text, hint)
    if step.hold is not None and step.hold.timeout is None:
        text = f"{name} may be held for ever"
        report.error("E604", step.hold.place, text, "timeout: {after: 26h, do: exception}")
    timeout = workflow.timeout(step)
    if timeout is None:
        return
    for sending in step.sendings:
        span = _span_of(sending.operation)
        if timeout.after.least < span + _GRACE:
            text = (
                f"{name} gives up after {timeout.after}, {sending.operation.name} is tried "
                f"for {duration_text(span)}"
            )
            hint = f"after: {duration_text(span + _GRACE)}, or a policy with a shorter within:"
            report.warn("W604", timeout.place, text, hint)


def _span_of(operation: object) -> timedelta:
    policy = getattr(operation, "policy", None)
    within: timedelta = policy.retry.within if policy is not None else timedelta(0)
    return within


def _check_ask(name: str, ask: Ask, report: Report) -> None:
    if ask.sla is None:
        hint = "sla: 1bd"
        report.error("E604", ask.place, f"{name} may be left unanswered for ever", hint)
    for key, value in (("role", ask.role), ("escalate", ask.escalate)):
        if not value:
            text = f"{name} does not say {'who is asked' if key == 'role' else 'who comes after'}"
            report.error("E605", ask.place, text, f"{key}: name_of_a_role")


def _check_undo(workflow: Workflow, name: str, step: Step, report: Report) -> None:
    assert step.undo is not None, "who calls has looked"
    if step.undo.timeout is None and workflow.file.defaults.undo.timeout is None:
        text = f"what takes {name} back may fail unseen"
        hint = "timeout: {after: 24h, do: exception}, or one under defaults.undo"
        report.error("E607", step.undo.place, text, hint)


def _check_deadline(workflow: Workflow, name: str, step: Step, report: Report) -> None:
    """Warn of a step whose own time and that of what it waits for is longer than it has."""
    if step.deadline is None:
        return
    longest = _longest(workflow, name, ())
    if longest > step.deadline.within.least:
        text = (
            f"{name} may take {duration_text(longest)} with what it needs, and has "
            f"{step.deadline.within}"
        )
        hint = "shorten the time-outs and service levels along its needs"
        report.warn("W602", step.deadline.place, text, hint)


def _longest(workflow: Workflow, name: str, path: tuple[str, ...]) -> timedelta:
    """Return what a step may take from the step at which its deadline begins, at least."""
    step = workflow.steps[name]
    own = timedelta(0)
    if step.ask is not None and step.ask.sla is not None:
        own += step.ask.sla.least
    timeout = workflow.timeout(step)
    if timeout is not None and (list(sendings_of(step)) or step.awaits is not None):
        own += timeout.after.least
    before = [
        _longest(workflow, need.step, (*path, name))
        for need in step.needs
        if need.step in workflow.steps
        and need.step not in path
        and not need.settled
        and need.step not in _starts(workflow, path, name)
    ]
    return own + max(before, default=timedelta(0))


def _starts(workflow: Workflow, path: tuple[str, ...], name: str) -> frozenset[str]:
    """Return the steps from which the deadline counts: they and what is before them are over."""
    first = workflow.steps[path[0] if path else name]
    if first.deadline is None:
        return frozenset()
    uses = uses_of(first.deadline.start)
    counted = {one.name for one in uses if one.name in workflow.steps}
    return frozenset(counted).union(*(workflow.above[one] for one in counted))
