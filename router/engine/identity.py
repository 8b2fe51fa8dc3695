"""Owns: identity: the claims of a message, and the verdict over them.
Imports: core, config.channels.
Never: makes a key of a null, compares whole bodies of live claims, reads a clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from router.config.channels import Route
from router.config.references import Value
from router.config.transforms.expressions import Expression
from router.core.claim import Claim, Held, Holding
from router.core.decision import Conflict, Discarded, Duplicate
from router.core.diagnostics import Place
from router.core.document import Json, type_name
from router.core.errors import Unroutable
from router.core.message import Message, key_digest

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: what a column of the store holds
_VERSIONS = range(-(2**63), 2**63)

#: made once: `json.dumps` makes one a call
_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def claims_of(route: Route, scope: Mapping[str, Json]) -> tuple[Claim, ...]:
    """Return what a record of this route claims.

    Raises Unroutable(no_identity) when a part is null, TransformError when an expression fails.
    """
    identity = route.identity
    compare = compare_digest(identity.compare, scope)
    made = []
    if identity.delivery:
        made.append(_claim("delivery", identity.delivery, route, (scope, compare)))
    if identity.object:
        version = None if identity.version is None else version_of(identity.version, scope)
        made.append(_claim("object", identity.object, route, (scope, compare), version))
    return tuple(made)


def judge(
    claims: Sequence[Claim], held: Mapping[bytes, Holding], message: Message
) -> Duplicate | Conflict | Discarded | None:
    """Return why the message must not be handled, or None when it may.

    A claim that the message holds itself (a retry, a redelivery) passes. A claim of a dead message
    binds only the same bytes: a corrected resend goes on.
    """
    for claim in claims:
        holding = held.get(claim.key)
        if holding is None or holding.message_id == message.id:
            continue
        verdict = _verdict(claim, holding, message)
        if verdict is not None:
            return verdict
    return None


def words_of(values: Iterable[Value], scope: Mapping[str, Json], what: str) -> tuple[str, ...]:
    """Return key parts as texts. Raises Unroutable when one is null."""
    return tuple(str(part(value(scope), what, getattr(value, "place", None))) for value in values)


def searchable(values: Sequence[Value], words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that come from the message: a literal part names nothing to search by."""
    return tuple(
        word for value, word in zip(values, words, strict=True) if isinstance(value, Expression)
    )


def part(value: Json, what: str, place: Place | None) -> str | int:
    """Return a key part. Raises Unroutable(no_identity) when it is not a text or an integer."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    told = "empty" if value == "" else type_name(value)
    raise Unroutable(
        f"a part of the identity of {what} is {told}: a text or an integer is wanted",
        place=place,
        code="no_identity",
    )


def version_of(version: Expression, scope: Mapping[str, Json]) -> int:
    """Return the version as an integer that orders: itself, or microseconds of an instant.

    Raises Unroutable(no_identity) for anything else.
    """
    value = version(scope)
    if isinstance(value, int) and not isinstance(value, bool) and value in _VERSIONS:
        return value
    if isinstance(value, str):
        if value.isdecimal() and len(value) <= 18:
            return int(value)
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None and at.tzinfo is not None:
            return (at - _EPOCH) // _MICROSECOND
    raise Unroutable(
        f"the version is {type_name(value)}: a 64-bit integer or a time with an offset is wanted",
        place=version.place,
        code="no_identity",
    )


def object_key(subject: str, words: Sequence[str | int]) -> bytes:
    """Return the key of a produced object's business identity."""
    return key_digest(("produced", subject), words)


def rank_of(subject: str, words: Sequence[str | int], version: int) -> Claim:
    """Return what orders the objects of one contract that tell of one thing."""
    return Claim(key=key_digest(("latest", subject), words), words=(), compare=b"", version=version)


def compare_digest(values: Iterable[Expression], scope: Mapping[str, Json]) -> bytes:
    """Return a digest of what makes a repeat a conflict; empty when nothing does."""
    found = [value(scope) for value in values]
    return document_digest(found) if found else b""


def document_digest(document: Json) -> bytes:
    """Return a digest of a document that does not depend on the order of keys."""
    return hashlib.blake2b(_SORTED.encode(document).encode(), digest_size=16).digest()


def field_at(document: Json, path: str) -> Json:
    """Return the field at a dotted path, null where it ends nowhere."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _claim(
    what: str,
    values: tuple[Value, ...],
    route: Route,
    seen: tuple[Mapping[str, Json], bytes],
    version: int | None = None,
) -> Claim:
    scope, compare = seen
    parts = [part(value(scope), route.name, getattr(value, "place", None)) for value in values]
    return Claim(
        key=key_digest((what, route.channel, route.kind), parts),
        words=searchable(values, [str(one) for one in parts]),
        compare=compare,
        version=version,
        keep=route.identity.keep,
    )


def _verdict(
    claim: Claim, holding: Holding, message: Message
) -> Duplicate | Conflict | Discarded | None:
    if holding.state is Held.DEAD:
        same = holding.body == document_digest(message.payload)
        return Duplicate(of=holding.message_id) if same else None
    if claim.version is not None and holding.version is not None:
        if claim.version > holding.version:
            return None
        if claim.version < holding.version:
            return Discarded(reason="stale", stale=True)
    if claim.compare != holding.compare:
        return Conflict(of=holding.message_id)
    return Duplicate(of=holding.message_id)
