"""Owns: a message as a plain document and back, for queues and due rows.
Imports: core.message, core.claim.
Never: loses a field: what `pack` writes, `unpack` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from router.core.claim import Claim
from router.core.message import ContractRef, Message, RawRef


def pack(message: Message) -> dict[str, Any]:
    """Return the message as a document of JSON values."""
    contract, raw = message.contract, message.raw
    return {
        "id": message.id,
        "correlationid": message.correlationid,
        "causationid": message.causationid,
        "channel": message.channel,
        "kind": message.kind,
        "contract": [contract.name, contract.version] if contract else None,
        "occurred_at": message.occurred_at.isoformat(),
        "headers": dict(message.headers),
        "stamp": dict(message.stamp),
        "payload": message.payload,
        "raw": [raw.delivery, raw.sha256] if raw else None,
        "order_key": message.order_key,
        "attempt": message.attempt,
    }


def unpack(document: Mapping[str, Any]) -> Message:
    """Return the message that `pack` wrote."""
    contract, raw = document["contract"], document["raw"]
    return Message(
        id=document["id"],
        correlationid=document["correlationid"],
        causationid=document["causationid"],
        channel=document["channel"],
        kind=document["kind"],
        contract=ContractRef(*contract) if contract else None,
        occurred_at=datetime.fromisoformat(document["occurred_at"]),
        headers=document["headers"],
        stamp=document["stamp"],
        payload=document["payload"],
        raw=RawRef(*raw) if raw else None,
        order_key=document["order_key"],
        attempt=document["attempt"],
    )


def pack_claim(claim: Claim) -> dict[str, Any]:
    """Return a claim as a document of JSON values."""
    return {
        "key": claim.key.hex(),
        "words": list(claim.words),
        "compare": claim.compare.hex(),
        "body": claim.body.hex(),
        "version": claim.version,
        "keep": None if claim.keep is None else claim.keep.total_seconds(),
    }


def unpack_claim(document: Mapping[str, Any]) -> Claim:
    """Return the claim that `pack_claim` wrote."""
    keep = document["keep"]
    return Claim(
        key=bytes.fromhex(document["key"]),
        words=tuple(document["words"]),
        compare=bytes.fromhex(document["compare"]),
        body=bytes.fromhex(document["body"]),
        version=document["version"],
        keep=None if keep is None else timedelta(seconds=keep),
    )
