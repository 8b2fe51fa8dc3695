"""Owns: what a verdict writes: claims, journal, queue rows, due rows, dead letters.
Imports: core, infra.store, runtime.verdicts.
Never: decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from router.core.decision import (
    Call,
    Conflict,
    DeadLettered,
    Decision,
    Discarded,
    Duplicate,
    Produced,
    Redeliver,
    Routed,
    Signalled,
    word_of,
)
from router.core.document import Json
from router.core.instants import time_text
from router.infra.store.rows import Dead, Entry, Queued
from router.infra.store.transaction import Transaction
from router.runtime.again import note
from router.runtime.replayed import replay_of
from router.runtime.telling import tell_failed
from router.runtime.verdicts import Verdict


def record(transaction: Transaction, verdict: Verdict, now: datetime) -> None:
    """Write everything that follows from a verdict of the loop, and take its row away."""
    row, decision = verdict.work.row, verdict.decision
    if verdict.work.lost:
        note(transaction, row, now, "revision_lost", {"revision": verdict.work.lost})
    replay = replay_of(row)
    if replay is not None:  # what comes of it now is what counts: it may be buried again below
        transaction.letters.replayed(row.message.id, row.consumer, f"job {replay.job}")
    for kept in verdict.claims():
        transaction.claim(kept, now)
    for kept in verdict.objects():
        transaction.claim(kept, now)
    transaction.refer(verdict.work.references, row.message.correlationid)
    if isinstance(decision, Routed):
        _publish(transaction, decision, verdict)
        _note(transaction, row, decision, now, _routed(decision, verdict))
    else:
        record_ending(transaction, row, decision, now, verdict.stale)
    if row.id:
        transaction.settle((row.id,))
    for one in verdict.at_once:
        record(transaction, one, now)


def record_ending(
    transaction: Transaction,
    row: Queued,
    decision: Decision,
    now: datetime,
    stale: Sequence[tuple[Produced, str]] = (),
) -> None:
    """Write a decision that has no effects: journal, and the due row or the dead letter.

    `stale` are the objects that it would have published, each with the newer one.
    """
    left_out = {"stale": _left_out(stale)} if stale else {}
    told = {**_detail(decision), **left_out}
    if isinstance(decision, DeadLettered) and tell_failed(transaction, row, decision, now):
        _give_up(transaction, row, decision, now)
        return
    _note(transaction, row, decision, now, told)
    match decision:
        case Redeliver(at=at, reason=reason, counts=counts):
            extra = {"revision": transaction.revision, **(row.extra or {})}
            message = row.message.again() if counts else row.message
            again = Queued(lane=row.lane, consumer=row.consumer, message=message, extra=extra)
            transaction.postpone(again, at, reason)
        case DeadLettered():
            bury(transaction, row, decision, now)
        case Conflict(of=of):
            text = f"same identity as {of}, other content"
            letter = DeadLettered(reason="conflict", detail=text, step="identity")
            bury(transaction, row, letter, now)


def _give_up(transaction: Transaction, row: Queued, letter: DeadLettered, now: datetime) -> None:
    """Write the line of a command that its workflow was told of instead of a person."""
    transaction.write(
        Entry(
            at=now,
            message=row.message,
            consumer=row.consumer,
            word="given_up",
            reason=letter.reason,
            detail=_detail(letter),
        )
    )


def bury(transaction: Transaction, row: Queued, letter: DeadLettered, now: datetime) -> None:
    """Keep a message for a person; what is the effect of a workflow is told to that instead."""
    if tell_failed(transaction, row, letter, now):
        return
    transaction.bury(
        Dead(
            at=now,
            queued=row,
            reason=letter.reason,
            detail=letter.detail,
            step=letter.step,
            place=letter.place,
        )
    )


def record_answers(
    transaction: Transaction, row: Queued, answered: Iterable[tuple[Call, Json]], now: datetime
) -> None:
    """Write the answers that a message was decided with: a replay uses them."""
    for call, document in answered:
        detail = {
            "operation": call.operation,
            "arguments": dict(call.arguments),
            "answer": document,
        }
        transaction.write(
            Entry(
                at=now,
                message=row.message,
                consumer=row.consumer,
                word="enriched",
                reason=call.operation,
                detail=detail,
            )
        )


def _publish(transaction: Transaction, decision: Routed, verdict: Verdict) -> None:
    rows = verdict.rows()
    transaction.enqueue(rows)
    replay = replay_of(verdict.work.row)
    if replay is not None:
        keys = [one.identity for one in rows]
        transaction.jobs.follow(replay.job, replay.item, keys)
    for effect in decision.effects:
        if isinstance(effect, Produced):
            transaction.refer(effect.words[1:], effect.message.correlationid)
    for effect, _ in (*verdict.absorbed, *verdict.stale):
        transaction.refer(effect.words[1:], effect.message.correlationid)


def _reason(decision: Decision) -> str:
    match decision:
        case Discarded(reason=reason) | DeadLettered(reason=reason) | Redeliver(reason=reason):
            return reason
    return ""


def _note(
    transaction: Transaction,
    row: Queued,
    decision: Decision,
    now: datetime,
    detail: Mapping[str, Any],
) -> None:
    message = row.message
    if message.causationid is None and message.raw is not None:
        at = time_text(message.occurred_at)
        detail = {"received_at": at, "delivery": message.raw.delivery, **detail}
    transaction.write(
        Entry(
            at=now,
            message=message,
            consumer=row.consumer,
            word=word_of(decision),
            reason=_reason(decision),
            detail=detail,
        )
    )


def _detail(decision: Decision) -> Mapping[str, Any]:
    match decision:
        case Discarded(reason=reason):
            return {"reason": reason}
        case Duplicate(of=of) | Conflict(of=of):
            return {"of": of}
        case Redeliver():
            return {
                "reason": decision.reason,
                "detail": decision.detail,
                "at": decision.at.isoformat(),
                "after_s": decision.nominal.total_seconds(),
            }
        case DeadLettered():
            return {
                "reason": decision.reason,
                "detail": decision.detail,
                "step": decision.step,
                "place": decision.place,
            }
    return {}


def _routed(decision: Routed, verdict: Verdict) -> dict[str, Any]:
    """Return what came of a decision, as the journal has it; what is empty is left out."""
    produced, sent, signalled = [], [], []
    for effect in decision.effects:
        if isinstance(effect, Produced):
            told = {
                "object": str(effect.contract),
                "id": effect.message.id,
                "key": " ".join(effect.words[1:]),
                "to": effect.subscribers,
            }
            produced.append(told)
        elif isinstance(effect, Signalled):
            told = {"workflow": effect.workflow, "event": effect.event, "id": effect.message.id}
            signalled.append(told)
        else:
            sent.append({"operation": effect.operation, "id": effect.message.id})
    absorbed, stale = _left_out(verdict.absorbed), _left_out(verdict.stale)
    parts = (
        *(("produced", produced), ("sent", sent), ("signalled", signalled)),
        *(("absorbed", absorbed), ("stale", stale)),
    )
    made: dict[str, Any] = {name: value for name, value in parts if value}
    if decision.notes:
        made["notes"] = decision.notes
    return made


def _left_out(effects: Iterable[tuple[Produced, str]]) -> list[dict[str, str]]:
    """Return objects that were not published, each with the one that stands for it."""
    return [
        {"object": str(effect.contract), "key": " ".join(effect.words[1:]), "of": of}
        for effect, of in effects
    ]
