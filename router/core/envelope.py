"""Owns: a message as a plain document and back, for queues and due rows.
Imports: core.message, core.claim, core.instants.
Never: loses a field: what `pack` writes, `unpack` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from router.core.claim import Claim
from router.core.instants import time_of, time_text
from router.core.message import ContractRef, Message, RawRef


def pack(message: Message) -> dict[str, Any]:
    """Return the message as a document of JSON values; what is not there is left out."""
    contract, raw = message.contract, message.raw
    made = {
        "id": message.id,
        "correlationid": message.correlationid,
        "channel": message.channel,
        "kind": message.kind,
        "occurred_at": time_text(message.occurred_at),
        "headers": message.headers,
        "stamp": message.stamp,
        "payload": message.payload,
        "order_key": message.order_key,
        "attempt": message.attempt,
    }
    if message.causationid is not None:
        made["causationid"] = message.causationid
    if contract is not None:
        made["contract"] = [contract.name, contract.version]
    if raw is not None:
        made["raw"] = [raw.delivery, raw.sha256]
    return made


def unpack(document: Mapping[str, Any]) -> Message:
    """Return the message that `pack` wrote."""
    contract, raw = document.get("contract"), document.get("raw")
    return Message(
        id=document["id"],
        correlationid=document["correlationid"],
        causationid=document.get("causationid"),
        channel=document["channel"],
        kind=document["kind"],
        contract=ContractRef(*contract) if contract else None,
        occurred_at=time_of(document["occurred_at"]),
        headers=document["headers"],
        stamp=document["stamp"],
        payload=document["payload"],
        raw=RawRef(*raw) if raw else None,
        order_key=document["order_key"],
        attempt=document["attempt"],
    )


def pack_claim(claim: Claim) -> dict[str, Any]:
    """Return a claim as a document of JSON values."""
    made: dict[str, Any] = {
        "key": claim.key.hex(),
        "words": claim.words,
        "compare": claim.compare.hex(),
    }
    if claim.version is not None:
        made["version"] = claim.version
    if claim.keep is not None:
        made["keep"] = claim.keep.total_seconds()
    return made


def unpack_claim(document: Mapping[str, Any]) -> Claim:
    """Return the claim that `pack_claim` wrote."""
    keep = document.get("keep")
    return Claim(
        key=bytes.fromhex(document["key"]),
        words=tuple(document["words"]),
        compare=bytes.fromhex(document["compare"]),
        version=document.get("version"),
        keep=None if keep is None else timedelta(seconds=keep),
    )
