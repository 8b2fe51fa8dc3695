"""Owns: an instance of a workflow and its turns as they are kept, and the words of their rows.
Imports: core.document.
Never: decides what comes of an input (engine.workflow does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: what wants the attention of workflows
TURN_LANE = "turns"
#: statuses of steps that are begun and not settled: what an instance waits for
WAITS = ("waiting", "asked", "held", "running", "failed", "undoing", "undo_failed")
#: how the consumer of a row for a workflow begins
WORKFLOW = "workflow:"
#: what travels with a row for a workflow: what comes (event, answer, timer, window, order,
#: migration), of an event its name, and of what is not one the instance
CAME, EVENT, INSTANCE = "came", "event", "instance"
#: what comes is that another definition decides from now on
MIGRATION = "migration"
#: an event that waited for its instance: by now it should be there
PARKED = "parked"
#: an event that several instances fit, since when a person is asked which
AMBIGUOUS = "ambiguous"
#: under which a command keeps whose effect it is: {"workflow", "instance", "effect"}
EFFECT = "effect"


def consumer_of(workflow: str) -> str:
    """Return the consumer that a workflow is."""
    return WORKFLOW + workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An instance as it is. `hash` is that of its state, `turns` how many it had."""

    id: str
    workflow: str
    key: str
    mark: str
    turns: int
    correlationid: str
    began_at: datetime
    at: datetime
    ended_at: datetime | None
    hash: str
    state: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLine:
    """One turn as it is kept: what came, what was decided, what came of it. Documents are JSON."""

    instance: str
    seq: int
    message_id: str
    at: datetime
    kind: str
    name: str
    mark: str
    actor: str
    input: Mapping[str, Any]
    decisions: Mapping[str, Any]
    effects: tuple[Mapping[str, Any], ...]
    outcome: str
    why: str
    label: str
    hash: str
