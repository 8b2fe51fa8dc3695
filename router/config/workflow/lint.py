"""Owns: what must hold between the parts of a workflow: all its checks, in order.
Imports: config.workflow.
Never: tells what follows from a name that was told: checks go on where names are known.
"""

from __future__ import annotations

from router.config.components import Context
from router.config.workflow.names import check_names
from router.config.workflow.order import check_order
from router.config.workflow.reading import check_reading
from router.config.workflow.recovery import check_recovery
from router.config.workflow.waiting import check_waiting
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Report


def check_workflow(workflow: Workflow, context: Context) -> None:
    """Report everything that is wrong between the parts of a workflow."""
    found = Report()
    check_names(workflow, found)
    check_calendar(workflow, found)
    check_order(workflow, found)
    if not found.has_errors:
        check_waiting(workflow, found)
        check_recovery(workflow, found)
        check_reading(workflow, context.library, found)
    context.report.extend(found.found)


def check_calendar(workflow: Workflow, report: Report) -> None:
    """Report a choice of calendars that leaves instances without one."""
    *first, last = workflow.file.calendar
    if last.condition is not None:
        text = "the last calendar has an if: some instances would have none"
        report.error("E610", last.place, text, "- {use: calendar}")
    for rule in first:
        if rule.condition is None:
            text = "this calendar holds always: those after it are never used"
            report.error("E610", rule.place, text, "give it an if:")
