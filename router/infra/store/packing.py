"""Owns: a message that waits, as the bytes of its row, and back.
Imports: core, infra.codecs, infra.store.rows.
Never: loses what travels with a message.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from router.core.envelope import pack, pack_claim, unpack, unpack_claim
from router.core.errors import DecodeError
from router.core.message import Message
from router.infra.codecs import decode_trusted, encode_json
from router.infra.store.rows import DAMAGED, Queued

#: what of `extra` is no plain document: the claims of a record
CLAIMS = "claims"
#: when a message came that cannot say it
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)


def pack_row(row: Queued) -> bytes:
    """Return the message and what travels with it as bytes."""
    document: dict[str, Any] = {"message": pack(row.message)}
    extra = row.extra
    if extra is not None:
        if extra.get(CLAIMS):
            extra = {**extra, CLAIMS: [pack_claim(one) for one in extra[CLAIMS]]}
        document["extra"] = extra
    return encode_json(document)


def unpack_row(identity: tuple[str, str], lane: str, body: bytes, number: int = 0) -> Queued:
    """Return what `pack_row` wrote; `identity` is message and consumer, `number` the row's own.

    One damaged row must not stop those behind it: what cannot be read comes back as a message that
    says so (`damage`), with its bytes.
    """
    message_id, consumer = identity
    try:
        document = decode_trusted(body)
        message, extra = _message(document["message"], message_id), document.get("extra")
        if extra is not None and extra.get(CLAIMS):
            extra[CLAIMS] = tuple(unpack_claim(one) for one in extra[CLAIMS])
    except (DecodeError, LookupError, AttributeError, TypeError, ValueError) as error:
        message = Message(id=message_id, correlationid=message_id, occurred_at=_UNKNOWN)
        kept = base64.b64encode(body).decode()
        extra = {DAMAGED: f"the row cannot be read: {type(error).__name__}", "bytes": kept}
    return Queued(lane=lane, consumer=consumer, message=message, extra=extra, id=number)


def _message(document: dict[str, Any], message_id: str) -> Message:
    """Return the message of a row. Raises ValueError when it is another one's."""
    message = unpack(document)
    if message.id != message_id:
        raise ValueError("it is the row of another message")
    return message
