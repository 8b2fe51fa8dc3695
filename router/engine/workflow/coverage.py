"""Owns: which statuses each step of a workflow can have, and which of them were seen.
Imports: config.workflow, engine.workflow.
Never: runs anything: who has played scenarios or explored says what was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from router.config.workflow.steps import Step
from router.config.workflow.workflow import Workflow
from router.engine.workflow.state import State


@dataclass(frozen=True, slots=True)
class Covered:
    """A step: the statuses that it can have, and those that were seen of them."""

    step: str
    possible: tuple[str, ...]
    seen: frozenset[str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the statuses that nothing has shown, in the order of a step's life."""
        return tuple(one for one in self.possible if one not in self.seen)


def coverage(workflow: Workflow, seen: Iterable[Mapping[str, set[str]]]) -> list[Covered]:
    """Return what was seen of each step, in the order of the file; `seen` are statuses by step."""
    together: dict[str, set[str]] = {}
    for one in seen:
        for name, statuses in one.items():
            together.setdefault(name, set()).update(statuses)
    return [
        Covered(name, possible, frozenset(together.get(name, ())) & set(possible))
        for name, step in workflow.steps.items()
        if (possible := tuple(statuses_of(step)))
    ]


def seen_in(states: Iterable[State]) -> dict[str, set[str]]:
    """Return the statuses by step that states show."""
    found: dict[str, set[str]] = {}
    for state in states:
        for name, records in state["steps"].items():
            found.setdefault(name, set()).update(one["status"] for one in records.values())
    return found


def statuses_of(step: Step) -> Iterator[str]:
    """Yield the statuses that a step can have by what it says, in the order of its life."""
    if step.awaits is not None:
        yield "waiting"
    if step.ask is not None:
        yield "asked"
    if step.hold is not None:
        yield "held"
    if step.sendings:
        yield from ("running", "failed")
    yield "done"
    if step.needs or step.when is not None:
        yield "skipped"
    if step.ask is not None or step.decide is not None or _refuses(step):
        yield "refused"
    if step.undo is not None and step.undo.sending is not None:
        yield from ("undoing", "undone", "undo_failed")


def _refuses(step: Step) -> bool:
    said = list(step.on_fail.values())
    said += [step.timeout.do] if step.timeout is not None else []
    return any(one.word in ("refuse", "abort") for one in said)
