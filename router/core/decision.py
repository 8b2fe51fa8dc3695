"""Owns: the ways in which the decision about one message can come out, and the effects it has.
Imports: core.claim, core.document, core.message, core.value.
Never: decides (engine does) or records (infra does).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from router.core.claim import Claim
from router.core.document import Json
from router.core.message import ContractRef, Message
from router.core.value import value


@value(frozen=True, slots=True, kw_only=True)
class Produced:
    """A canonical object for whoever subscribes. `key` is its business identity (32 bytes),
    `compare` a digest of what makes a repeat a conflict. With a `rank` it is published only when
    nothing newer of the same thing was, with `after` only when the object of that key was.
    """

    message: Message
    contract: ContractRef
    key: bytes
    compare: bytes
    #: the key in words, for traces: `object 123/abc`
    words: tuple[str, ...]
    subscribers: tuple[str, ...]
    rank: Claim | None = None
    after: bytes = b""


@value(frozen=True, slots=True, kw_only=True)
class Sent:
    """A command for one operation of a system."""

    message: Message
    operation: str


@value(frozen=True, slots=True, kw_only=True)
class Signalled:
    """An event for an instance of a workflow."""

    message: Message
    workflow: str
    event: str


Effect: TypeAlias = Produced | Sent | Signalled


@value(frozen=True, slots=True, kw_only=True)
class Routed:
    """The message had effects. `notes` are the reasons of branches that had none."""

    effects: tuple[Effect, ...]
    notes: tuple[str, ...] = ()


@value(frozen=True, slots=True, kw_only=True)
class Discarded:
    """The message was dropped on purpose, for a declared reason.

    `stale`: a newer state of the same object was handled before.
    """

    reason: str
    stale: bool = False


@value(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """The message repeats `of`, which was or is being handled."""

    of: str


@value(frozen=True, slots=True, kw_only=True)
class Conflict:
    """The message has the identity of `of` and says something else: an incident."""

    of: str


@value(frozen=True, slots=True, kw_only=True)
class Redeliver:
    """The message comes again at `at`; `nominal` is the declared delay without its jitter.

    `counts`: as its next attempt. What only waited for a limit of ours was none.
    """

    at: datetime
    nominal: timedelta
    reason: str
    detail: str = ""
    counts: bool = True


@value(frozen=True, slots=True, kw_only=True)
class DeadLettered:
    """The message needs a person. `step` and `place` say what refused it."""

    reason: str
    detail: str = ""
    step: str = ""
    place: str = ""


Decision: TypeAlias = Routed | Discarded | Duplicate | Conflict | Redeliver | DeadLettered

#: The journal's word for each decision.
WORDS: Mapping[type, str] = {
    Routed: "routed",
    Discarded: "discarded",
    Duplicate: "duplicate",
    Conflict: "conflict",
    Redeliver: "retry",
    DeadLettered: "dead_lettered",
}


def word_of(decision: Decision) -> str:
    """Return the journal's word for a decision."""
    return WORDS[type(decision)]


@value(frozen=True, slots=True, kw_only=True)
class Call:
    """An enrich answer that the pipeline needs: `operation` with its arguments."""

    operation: str
    arguments: Mapping[str, Json]
    #: identifies the answer within its message and in the cache
    key: str
    cache: timedelta | None = None


@value(frozen=True, slots=True, kw_only=True)
class Needs:
    """The pipeline cannot decide before these calls are answered."""

    calls: tuple[Call, ...]
