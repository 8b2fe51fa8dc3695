"""Owns: the protocols between floors: adapters, the clock, the source of secrets, the shelf.
Imports: core.
Never: an implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from router.core.decision import Call
from router.core.document import Json
from router.core.errors import Retryable, Unknown
from router.core.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The exact request: what an intent stores and every repeat sends. `head` is the adapter's own
    (method, address, headers ...) and must hold JSON values only.
    """

    head: Mapping[str, Json]
    body: bytes

    def summary(self) -> str:
        """Return a line for people: method or verb, and where to."""
        return " ".join(str(self.head[key]) for key in ("verb", "target") if key in self.head)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. `body` is the decoded document, null when it is none; `raw` the bytes."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether a system can be reached, and what it said."""

    ok: bool
    text: str = ""


class Adapter(Protocol):
    """A protocol made callable for one system. Built from its Settings, used by many threads."""

    #: no call lasts longer; a lease must outlast it
    timeout: timedelta

    def prepare(self, request: Any, values: Mapping[str, Json], document: Json) -> Prepared:
        """Return the exact request; pure. `values` fill its places. Raises MessageError."""

    def call(self, prepared: Prepared, key: Mapping[str, str]) -> Answer:
        """Make the call; `key` holds headers that carry our idempotency key.

        Raises Retryable when it never left, Unknown when it may have arrived.
        """

    def check(self) -> Health:
        """Ask whether the system can be reached, without an effect."""

    def close(self) -> None:
        """Let go of connections."""


class Overlapping(Adapter, Protocol):
    """An adapter whose calls overlap: one is begun, and what came of it is told later."""

    def begin(
        self,
        prepared: Prepared,
        key: Mapping[str, str],
        then: Callable[[Answer | Retryable | Unknown], None],
    ) -> None:
        """Begin a call; `then` is told the answer, or what `call` would raise, on any thread.

        It must not wait. Raises Retryable when nothing can be begun: then it is told nothing. The
        call may stay until `flush`.
        """

    def flush(self) -> None:
        """Let everything leave that was begun."""


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime."""


class Secrets(Protocol):
    """Where secrets come from."""

    def get(self, reference: str) -> str:
        """Return the secret that `env:NAME` or `file:NAME` means. Raises LookupError."""


class Shelf(Protocol):
    """Answers that processes share. Nothing on it is needed: what is not there is asked for."""

    def find(self, call: Call) -> Outcome | None:
        """Return an answer that is not older than a call allows."""

    def put(self, call: Call, document: Json) -> None:
        """Keep a good answer as long as a call allows."""
