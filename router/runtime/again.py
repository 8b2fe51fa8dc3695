"""Owns: putting a message on its way again: unchanged from where it failed, or edited.
Imports: core, infra.store.
Never: loses a message: a letter is settled in the transaction that puts its message on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from router.core.document import Json
from router.core.message import Message, derived_id
from router.infra.store.rows import Entry, Queued
from router.infra.store.transaction import Transaction

#: under which a refused message keeps the key of the effect that was refused
REFUSED = "refused"


def retry_letter(
    transaction: Transaction,
    letter: tuple[str, str],
    now: datetime,
    reason: str,
    *,
    whole: bool = False,
) -> str:
    """Put the message of an open letter on its way again, unchanged, as its next attempt.

    Returns why not: settled; no_message: it stands for a delivery without records, or a day;
    partial: a part of it was taken, and not all is to go (`whole`).
    """
    message_id, consumer = letter
    row = transaction.letters.open_row(message_id, consumer)
    if row is None:
        return "settled"
    if transaction.letters.is_no_message(message_id, consumer):
        return "no_message"
    # of a sequence the call that was refused: it goes on there
    refused = (row.extra or {}).get(REFUSED, message_id)
    if not transaction.free_intent(refused, whole=whole):
        return "partial"
    again = replace(row, message=replace(row.message.again(), occurred_at=now), extra=fresh(row))
    transaction.enqueue([again])
    transaction.letters.settle(message_id, consumer, "retried", reason)
    note(transaction, again, now, "replayed", {"reason": reason})
    return ""


def edited(original: Message, payload: Json, seed: str, now: datetime) -> Message:
    """Return an edited message: a new id, caused by the original."""
    return replace(
        original,
        id=derived_id(original.id, seed),
        causationid=original.id,
        payload=payload,
        occurred_at=now,
        attempt=1,
    )


def fresh(row: Queued, *, edited: bool = False) -> Mapping[str, Any] | None:
    """Return what travels with a message that is decided anew: its claims, no verdict from before.

    The running configuration decides. An edited record is another record: it makes no claim of the
    original's.
    """
    if row.extra is None:
        return None
    left = {"revision", "replay", REFUSED} if edited else {"revision"}
    kept = {name: value for name, value in row.extra.items() if name not in left}
    claims = [] if edited else kept.get("claims", [])
    return {**kept, "claims": claims, "verdict": None}


def note(
    transaction: Transaction, row: Queued, now: datetime, word: str, detail: Mapping[str, Any]
) -> None:
    """Write a line of the journal about what a person asked for."""
    transaction.write(
        Entry(at=now, message=row.message, consumer=row.consumer, word=word, detail=detail)
    )
