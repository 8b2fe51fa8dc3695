"""Owns: the immutable message, its identity, its contract reference, and deterministic ids.
Imports: core.document, core.value.
Never: mutated; never holds bytes (the original lies in the store, `raw` points at it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from router.core.document import Json
from router.core.value import value

#: hex digits of an id, and how many of them are the time of its birth: milliseconds since 1970
_DIGITS = 32
BORN = 12
#: bytes of a business key that are written as they are
_NEAR = 12


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


def derived_id(parent: str, *seeds: str) -> str:
    """Return 32 hex digits that depend on the parent, every seed and on where one ends.

    It begins with the time that the parent's begins with: what belongs together lies together in
    every index.
    """
    return (parent[:BORN] + digest_of(parent, *seeds))[:_DIGITS]


def digest_of(*parts: str) -> str:
    """Return 32 hex digits that depend on every part and on where one part ends."""
    return blake2b(_framed(parts), digest_size=16).hexdigest()


def key_digest(space: tuple[str, ...], parts: Sequence[str | int]) -> bytes:
    """Return 32 bytes for a business key within a space; text "1" and the number 1 give two keys.

    128 bits say which key it is. Before them stand the space and the longest part as it is written,
    so that numbers which follow each other lie together: a key at a random place costs a page each.
    """
    where, framed = _space(space)
    longest = ""
    for part in parts:
        told = f"i{part}" if isinstance(part, int) else "t" + part
        raw = told.encode()
        framed += len(raw).to_bytes(4, "big") + raw
        if len(told) > len(longest):
            longest = told
    near = longest[1 : _NEAR + 1].encode()[:_NEAR].ljust(_NEAR, b"\0")
    return where + near + blake2b(framed, digest_size=16).digest()


@lru_cache(1024)  # one for each kind of each channel
def _space(space: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return 4 bytes for a space, and its parts framed."""
    framed = _framed(space)
    return blake2b(framed, digest_size=4).digest(), framed


def _framed(parts: Iterable[str]) -> bytes:
    """Return the parts one after the other, each behind its length."""
    made = b""
    for part in parts:
        raw = part.encode()
        made += len(raw).to_bytes(4, "big") + raw
    return made
