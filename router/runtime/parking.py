"""Owns: events that wait: for their instance, or for a person who says which of several it is.
Imports: core, engine.workflow.unclear, infra.store, runtime.instance.
Never: decides whether one waits (runtime.turns does).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from router.config.workflow.workflow import Workflow
from router.core.instance import AMBIGUOUS, EVENT, PARKED, WORKFLOW
from router.core.instants import time_of, time_text
from router.engine.workflow.unclear import unclear
from router.infra.codecs import encode_json
from router.infra.store.rows import Entry, Queued
from router.infra.store.transaction import Transaction
from router.runtime.instance import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Why an event waits, and until when."""

    workflow: Workflow
    until: datetime
    #: what its instance may come to be known by: (kind, value)
    names: tuple[tuple[str, str], ...]
    #: the instances that it fits, where these are several
    candidates: tuple[Instance, ...] = ()


def park(transaction: Transaction, row: Queued, waits: Waits, now: datetime) -> None:
    """Let an event come again at a time, or when one comes to be known by a name of it."""
    if not waits.candidates:
        wait_no_more(transaction, row, now)
    since = str((row.extra or {}).get(AMBIGUOUS, "")) or time_text(now)
    marks = {PARKED: time_text(now)} | ({AMBIGUOUS: since} if waits.candidates else {})
    kept = replace(row, extra={**_unmarked(row), **marks})
    transaction.postpone(kept, waits.until, PARKED)
    for kind, value in waits.names:
        transaction.park(waits.workflow.name, kind, value, row.message.id)
    transaction.refer((value for _, value in waits.names), row.message.correlationid)
    if waits.candidates:
        _ask(transaction, row, waits, since)
    _note(transaction, row, waits, now)


def _ask(transaction: Transaction, row: Queued, waits: Waits, since: str) -> None:
    """Ask a person which instance an event means; who was asked before has as long as before."""
    fits = [(one.workflow, one.state) for one in waits.candidates]
    found = unclear(waits.workflow, fits, time_of(since))
    told = {
        "opened_at": since,
        "event": (row.extra or {})[EVENT],
        "candidates": encode_json(_keys(waits)).decode(),
        "category": found.category,
        "severity": found.severity,
        "owner": found.owner,
        "by": encode_json(found.by).decode(),
        "due_at": time_text(found.due_at),
    }
    transaction.open_ambiguity((waits.workflow.name, row.message.id), told)


def _note(transaction: Transaction, row: Queued, waits: Waits, now: datetime) -> None:
    names = [f"{kind} {value}".strip() for kind, value in waits.names]
    detail: dict[str, Any] = {
        "event": (row.extra or {})[EVENT],
        "until": time_text(waits.until),
        "names": names,
    }
    if waits.candidates:
        detail |= {"reason": AMBIGUOUS, "candidates": _keys(waits)}
    transaction.write(
        Entry(
            at=now,
            message=row.message,
            consumer=row.consumer,
            word="parked",
            reason=detail.get("reason", ""),
            detail=detail,
        )
    )


def release(transaction: Transaction, row: Queued) -> Queued:
    """Put an event that waited on its way again, and return it; it may wait anew."""
    transaction.forget_due(row.message.id, row.consumer)
    transaction.unpark(row.message.id)
    extra = {name: value for name, value in (row.extra or {}).items() if name != PARKED}
    again = replace(row, id=0, extra=extra)
    transaction.enqueue([again])
    return again


def wait_no_more(transaction: Transaction, row: Queued, now: datetime) -> Queued:
    """Forget that an event waited, and ask nobody about it any more; return it without marks.

    What never waited is returned as it is.
    """
    marks = row.extra or {}
    if PARKED in marks:
        transaction.unpark(row.message.id)
    if AMBIGUOUS in marks:
        workflow = row.consumer.removeprefix(WORKFLOW)
        transaction.close_ambiguity((workflow, row.message.id), now)
    return replace(row, extra=_unmarked(row)) if {PARKED, AMBIGUOUS} & marks.keys() else row


def _keys(waits: Waits) -> list[str]:
    return sorted(one.key for one in waits.candidates)


def _unmarked(row: Queued) -> dict[str, Any]:
    marks = (PARKED, AMBIGUOUS)
    return {name: value for name, value in (row.extra or {}).items() if name not in marks}
