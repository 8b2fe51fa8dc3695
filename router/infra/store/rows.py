"""Owns: the rows that are written and read, as values.
Imports: core.
Never: a statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from router.core.document import Json
from router.core.message import Message

#: what travels with a message of which the row could not be read: why
DAMAGED = "damaged"
#: what is known for good of an effect; partial: a part was taken, the rest refused
SETTLED = ("done", "refused", "partial")
#: what of it a person is asked about
DECLINED = ("refused", "partial")


def number_of(result: Any) -> int:
    """Return the number that an insert gave its row."""
    return int(result.inserted_primary_key[0])


@dataclass(slots=True, kw_only=True)
class Queued:
    """A message waiting for a consumer. `extra` travels with it (claims, a verdict, answers)."""

    lane: str
    consumer: str
    message: Message
    extra: Mapping[str, Any] | None = None
    id: int = 0

    @property
    def damage(self) -> str:
        """Return why the row could not be read, nothing when it could."""
        return "" if self.extra is None else str(self.extra.get(DAMAGED, ""))

    @property
    def identity(self) -> tuple[str, str]:
        """Return what tells it from every other row that waits: message and consumer."""
        return self.message.id, self.consumer


@dataclass(slots=True, kw_only=True)
class Entry:
    """One line of the journal."""

    at: datetime
    message: Message
    consumer: str
    word: str
    #: counted by it; "" counts the word alone
    reason: str = ""
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """A dead letter."""

    at: datetime
    queued: Queued
    reason: str
    detail: str
    step: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A call with an effect on a system, as recorded."""

    key: str
    operation: str
    state: str
    head: Mapping[str, Any]
    body: bytes
    reference: str
    sends: int
    first_at: datetime
    lease_until: datetime
    token: str
    their_reference: str | None = None
    #: what later calls of a sequence may read
    result: Json = None
    #: the effect that has taken its place
    successor: str | None = None
    #: a part of it was taken, and not all of it since
    in_part: bool = False

    @property
    def is_settled(self) -> bool:
        """Return whether it is known for good what became of it."""
        return self.state in SETTLED
