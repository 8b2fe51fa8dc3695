"""Owns: what a person is asked about an event that several instances fit.
Imports: core, config.workflow, engine.workflow (draft, state).
Never: chooses one; changes an instance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.engine.workflow.draft import Draft
from router.engine.workflow.state import State

#: the code by which exception classes know it
AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """What an ambiguous event is by the exception classes of its workflow."""

    category: str
    severity: str
    owner: str
    due_at: datetime
    #: the words by which exceptions are told apart, as far as all candidates agree
    by: dict[str, Json]


def unclear(
    workflow: Workflow, candidates: Sequence[tuple[Workflow, State]], at: datetime
) -> Unclear:
    """Return whose an event is that may mean any of some instances, each with its definition.

    It is due when the first of their calendars says so. Raises MessageError.
    """
    drafts = [Draft(one, state, at, {}) for one, state in candidates]
    by = _shared([one.by for one in drafts])
    rule = workflow.file.exceptions.classes.classify("", AMBIGUOUS, by)
    return Unclear(
        category=rule.category,
        severity=rule.severity,
        owner=rule.owner,
        due_at=min(one.later(rule.sla) for one in drafts),
        by=by,
    )


def _shared(some: Sequence[dict[str, Json]]) -> dict[str, Json]:
    """Return the words of the first; null where another says something else."""
    first = some[0]
    return {
        word: value if all(one.get(word) == value for one in some) else None
        for word, value in first.items()
    }
