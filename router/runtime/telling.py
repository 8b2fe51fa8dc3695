"""Owns: telling a workflow what became of a command that is its effect.
Imports: core, infra.store.
Never: leaves a workflow without a word of what has come to an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from router.core.decision import DeadLettered
from router.core.document import Json
from router.core.instance import CAME, EFFECT, INSTANCE, TURN_LANE, consumer_of
from router.core.instants import time_text
from router.infra.store.rows import Queued
from router.infra.store.transaction import Transaction

#: why a command is given up of which it is not known whether it had its effect
_UNSURE = frozenset({"unknown", "not_confirmed", "killer"})
_EXHAUSTED = "retries_exhausted"


def owner_of(row: Queued) -> Mapping[str, str] | None:
    """Return whose effect a command is (`workflow`, `instance`, `effect`), None = nobody's."""
    return None if row.extra is None else row.extra.get(EFFECT)


def tell(transaction: Transaction, row: Queued, now: datetime, outcome: str, **more: Any) -> bool:
    """Tell the workflow whose effect a command is what came of it; False when it is nobody's.

    `outcome` is done, accepted, refused or unknown; `more` may be code, reference, outputs.
    """
    owner = owner_of(row)
    if owner is None:
        return False
    payload: dict[str, Json] = {"key": owner["effect"], "outcome": outcome}
    payload |= {name: value for name, value in more.items() if value}
    seed = f"{outcome} {time_text(now)}"
    message = row.message.derive(payload=payload, contract=None, seed=seed)
    told = Queued(
        lane=TURN_LANE,
        consumer=consumer_of(owner["workflow"]),
        message=replace(message, occurred_at=now, order_key=""),
        extra={CAME: "answer", INSTANCE: owner["instance"]},
    )
    transaction.enqueue([told])
    return True


def tell_failed(transaction: Transaction, row: Queued, letter: DeadLettered, now: datetime) -> bool:
    """Tell the workflow whose effect a command is that it was given up; False when nobody's is."""
    if owner_of(row) is None:
        return False
    is_unsure = letter.reason in _UNSURE or (
        letter.reason == _EXHAUSTED and not transaction.never_left(row.message.id)
    )
    outcome = "unknown" if is_unsure else "refused"
    return tell(transaction, row, now, outcome, code=letter.reason)
