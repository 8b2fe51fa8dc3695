"""Owns: what comes into a turn of a workflow, and what comes of it: frozen values.
Imports: core.
Never: holds an instance (engine.workflow.state does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from router.core.document import Json

Document: TypeAlias = Mapping[str, Json]


# ---- inputs: each is journaled with its id, and decided once


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCame:
    """An event about the instance; its body has been held against its contract.

    `effect` is the effect that it answers, where who brings it knows which that is.
    """

    name: str
    body: Document
    effect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a worker knows of an effect. `outcome`: done, accepted, refused or unknown.

    The worker owns retries: what comes here is the end of them.
    """

    key: str
    outcome: str
    code: str = ""
    reference: str = ""
    outputs: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerCame:
    """A timer that was armed; one with another generation than the armed one is stale."""

    name: str
    gen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowClosed:
    """The window closed in which the effect with this key was held: it has been sent."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What an operator orders; `approver` is the second person where money moves."""

    verb: str
    actor: str
    reason: str
    approver: str = ""
    step: str = ""
    item: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """Another definition decides from now on; both by their marks, `map` from old steps to new."""

    source: str
    target: str
    actor: str
    reason: str
    map: Mapping[str, str] = field(default_factory=dict)


#: what a definition decides
Input: TypeAlias = EventCame | Answered | TimerCame | WindowClosed | Ordered
AnyInput: TypeAlias = Input | Migrated


# ---- effects: written in the transaction of the turn, carried out after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A command to an operation. The same key again is the same effect again."""

    step: str
    item: str
    operation: str
    key: str
    payload: Json
    is_undo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldItem:
    """A command that waits for its window, to be sent with those of its group."""

    step: str
    item: str
    operation: str
    key: str
    payload: Json
    window: str
    period: str
    closes_at: datetime
    group: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawItem:
    """What was held is not to be sent."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTimer:
    """Come back at `due_at`; replaces the timer of this name."""

    name: str
    gen: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTimer:
    """The timer of this name is not wanted any more."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTask:
    """A person of this role is asked; the task that is open for the same item is replaced."""

    step: str
    item: str
    role: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseTask:
    """Nobody needs to answer any more."""

    step: str
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remind:
    """Whoever waits for it is told that it has not come yet."""

    step: str
    item: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenException:
    """Something that a person has to look at; `name` is its identity in the instance."""

    name: str
    step: str
    item: str
    code: str
    category: str
    severity: str
    owner: str
    due_at: datetime
    by: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseException:
    """It is over."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterAlias:
    """The instance is also known by this."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """An event that others are told."""

    event: str
    document: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a table decided: recorded, so that a replay does not decide anew."""

    step: str
    item: str
    table: str
    mark: str
    verdict: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Relabelled:
    """The label changed: the lifecycle event `workflow.label`."""

    old: str
    new: str
    final: bool


Effect: TypeAlias = (
    Send
    | HoldItem
    | WithdrawItem
    | ArmTimer
    | DropTimer
    | OpenTask
    | CloseTask
    | Remind
    | OpenException
    | CloseException
    | RegisterAlias
    | Emit
    | Decided
    | Relabelled
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What came of an input. `outcome`: applied, noted, stale, or refused with `why`.

    `state` is a new value; the one that was given is unchanged.
    """

    state: dict[str, Any]
    effects: tuple[Effect, ...]
    outcome: str
    why: str = ""
    #: what tables decided, by step and item, of a turn that was refused as well: a replay of the
    #: input is given it
    decisions: Mapping[str, Document] = field(default_factory=dict)


def path_of(step: str, item: str) -> str:
    """Return the name of a step's item within its instance: `step`, `step/item`."""
    return f"{step}/{item}" if item else step
