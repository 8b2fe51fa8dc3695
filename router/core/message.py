"""Owns: the immutable message, its identity, its contract reference, and deterministic ids.
Imports: core.document, core.value.
Never: mutated; never holds bytes (the original lies in the store, `raw` points at it).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime

from router.core.document import Json
from router.core.value import value


@value(frozen=True, slots=True, order=True)
class ContractRef:
    """A contract with the version that was resolved at load: `name@major.minor.patch`."""

    name: str
    version: str

    @property
    def major(self) -> str:
        """Return the major version as text."""
        return self.version.split(".", 1)[0]

    @property
    def subject(self) -> str:
        """Return `name@major`: what subscribers and routes are matched by."""
        return f"{self.name}@{self.major}"

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@value(frozen=True, slots=True)
class RawRef:
    """Points at the original bytes of a delivery in the store."""

    delivery: str
    sha256: str


@value(frozen=True, slots=True, kw_only=True)
class Message:
    """One business message on its way; times are aware UTC datetimes.

    `key` is the business identity of a produced object (digest), `""` for an inbound record.
    `enriched` holds answers that a retried message brings along.
    """

    id: str
    correlationid: str
    causationid: str | None = None
    #: channel that it came in by and the name of its kind there; inherited by what derives from it
    channel: str = ""
    kind: str = ""
    contract: ContractRef | None = None
    occurred_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    stamp: Mapping[str, str] = field(default_factory=dict)
    payload: Json = None
    raw: RawRef | None = None
    #: messages with one key are handled in order by each consumer; "" = no order
    order_key: str = ""
    attempt: int = 1

    def derive(self, *, payload: Json, contract: ContractRef | None, seed: str) -> Message:
        """Return a child: same correlation, this message as cause, an id that only parent and
        seed decide, so that a redelivery derives the same one. Inbound headers stay behind.
        """
        return Message(
            id=derived_id(self.id, seed),
            correlationid=self.correlationid,
            causationid=self.id,
            channel=self.channel,
            kind=self.kind,
            contract=contract,
            occurred_at=self.occurred_at,
            stamp=self.stamp,
            payload=payload,
            raw=self.raw,
            order_key=self.order_key,
        )

    def again(self) -> Message:
        """Return the same message for its next attempt."""
        return replace(self, attempt=self.attempt + 1)


def derived_id(*parts: str) -> str:
    """Return 32 hex digits that depend on every part and on where one part ends."""
    return hashlib.blake2b(_framed(parts), digest_size=16).hexdigest()


def key_digest(*parts: str | int) -> bytes:
    """Return 32 bytes for a business key; text "1" and the number 1 give different keys."""
    told = [f"i{part}" if isinstance(part, int) else f"t{part}" for part in parts]
    return hashlib.blake2b(_framed(told), digest_size=32).digest()


def _framed(parts: Iterable[str]) -> bytes:
    """Return the parts one after the other, each behind its length."""
    raw = [part.encode() for part in parts]
    return b"".join([len(one).to_bytes(4, "big") + one for one in raw])
