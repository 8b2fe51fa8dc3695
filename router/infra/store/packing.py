"""Owns: a message that waits, as the bytes of its row, and back.
Imports: core.envelope, infra.codecs, infra.store.rows.
Never: loses what travels with a message.
"""

from __future__ import annotations

from typing import Any

from router.core.envelope import pack, pack_claim, unpack, unpack_claim
from router.infra.codecs import decode_trusted, encode_json
from router.infra.store.rows import Queued

#: what of `extra` is no plain document: the claims of a record
CLAIMS = "claims"


def pack_row(row: Queued) -> bytes:
    """Return the message and what travels with it as bytes."""
    document: dict[str, Any] = {"message": pack(row.message)}
    extra = row.extra
    if extra is not None:
        if extra.get(CLAIMS):
            extra = {**extra, CLAIMS: [pack_claim(one) for one in extra[CLAIMS]]}
        document["extra"] = extra
    return encode_json(document)


def unpack_row(lane: str, consumer: str, body: bytes, number: int = 0) -> Queued:
    """Return what `pack_row` wrote; `number` is the row's own in the queue."""
    document = decode_trusted(body)
    extra = document.get("extra")
    if extra is not None and extra.get(CLAIMS):
        extra[CLAIMS] = tuple(unpack_claim(one) for one in extra[CLAIMS])
    return Queued(
        lane=lane,
        consumer=consumer,
        message=unpack(document["message"]),
        extra=extra,
        id=number,
    )
