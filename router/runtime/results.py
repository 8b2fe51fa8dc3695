"""Owns: what the result of a call writes: its intent, the journal, and what becomes of the command.
Imports: core, config, infra.store, runtime.recording, runtime.requests.
Never: calls, decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from router.core.decision import DeadLettered, Redeliver
from router.core.document import Json
from router.core.outcome import Outcome
from router.core.ports import Prepared
from router.infra.store.rows import DECLINED, Entry, Intent, Queued
from router.infra.store.transaction import Transaction
from router.runtime.again import REFUSED
from router.runtime.recording import bury, record_ending
from router.runtime.requests import Leg, header_of
from router.runtime.telling import tell

#: a lease outlasts the call's time-out by this: a process that stands still between its check and
#: its first byte is the risk that remains
MARGIN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call with its recorded intent."""

    leg: Leg
    intent: Intent
    #: an earlier call may have arrived: one that did not leave makes it no surer
    unsure: bool = False

    @property
    def row(self) -> Queued:
        """Return the command's row."""
        return self.leg.row

    @property
    def header(self) -> dict[str, str]:
        """Return the header with the name of its effect: of one in another's place, its own."""
        return header_of(self.intent.key, self.leg.operation)

    @property
    def prepared(self) -> Prepared:
        """Return the request as it was fixed."""
        return Prepared(head=self.intent.head, body=self.intent.body)


def record_outcome(transaction: Transaction, job: Job, outcome: Outcome, now: datetime) -> bool:
    """Write that a call is settled or accepted; False when another call took it over.

    The command's row goes, unless the call is done and another follows it.
    """
    kept = None if job.leg.is_last else outcome.result
    theirs = outcome.reference or None
    intent = job.intent
    held = transaction.conclude(intent.key, intent.token, outcome.word, theirs, result=kept)
    _record(transaction, job, outcome, now, held=held)
    return held


def record_done(
    transaction: Transaction, ends: Sequence[tuple[Job, Outcome]], now: datetime
) -> None:
    """Write of many last calls that they are done, as `record_outcome` does of one."""
    held = transaction.conclude_done(
        [(job.intent.key, job.intent.token, outcome.reference or None) for job, outcome in ends]
    )
    for (job, outcome), mine in zip(ends, held, strict=True):
        _record(transaction, job, outcome, now, held=mine)


def _record(
    transaction: Transaction, job: Job, outcome: Outcome, now: datetime, *, held: bool
) -> None:
    """Write what came of a call whose lease was held to its end, or that another took it over."""
    if not held:
        step_back(transaction, job)
        return
    intent, row = job.intent, job.row
    words = [word for word in (intent.reference, outcome.reference) if word]
    transaction.refer(words, row.message.correlationid)
    _note(transaction, job, outcome, now)
    if outcome.word in DECLINED:
        _refused(transaction, job, outcome, now)
    elif outcome.word == "accepted":
        transaction.settle((row.id,))
        tell(transaction, row, now, "accepted", reference=outcome.reference)
        again = now + job.leg.operation.file.confirmation.every
        transaction.postpone(row, again, "accepted")
    elif job.leg.is_last:
        _end(transaction, job, outcome, now)


def record_settled(
    transaction: Transaction, row: Queued, now: datetime, *, done: Intent | None
) -> None:
    """Take away the row of a command that was settled before; `done` is its last call when it is
    done: then its gate is opened, and its workflow told once more.
    """
    transaction.settle((row.id,))
    if done is not None:
        told = {"reference": done.their_reference, "outputs": _outputs(done.result)}
        tell(transaction, row, now, "done", **told)
    if row.message.order_key and done is not None:
        transaction.open_gate(row, now)


def record_decision(
    transaction: Transaction, row: Queued, decision: Redeliver | DeadLettered, now: datetime
) -> None:
    """Write that a command comes again or waits for a person; its row goes."""
    record_ending(transaction, row, decision, now)
    transaction.settle((row.id,))


def step_back(transaction: Transaction, job: Job) -> None:
    """Another call took the effect over: look again when its lease is over."""
    transaction.settle((job.row.id,))
    transaction.postpone(job.row, job.intent.lease_until + MARGIN, "lease_lost")


def _refused(transaction: Transaction, job: Job, outcome: Outcome, now: datetime) -> None:
    """Keep the command for a person; a retry goes on at the call that was refused."""
    row = job.row
    transaction.settle((row.id,))
    text = f"{job.leg.operation.name} {outcome.detail}"
    if not job.leg.is_plain:
        row = replace(row, extra={**(row.extra or {}), REFUSED: job.intent.key})
        detail = {"call": job.leg.operation.name, "code": outcome.code, "detail": text}
        _write(transaction, job, outcome, detail, now)
    letter = DeadLettered(reason=outcome.code or outcome.word, detail=text, step="call")
    bury(transaction, row, letter, now)


def _end(transaction: Transaction, job: Job, outcome: Outcome, now: datetime) -> None:
    """Settle the command: its last call is done."""
    row = job.row
    transaction.settle((row.id,))
    told = {"reference": outcome.reference, "outputs": _outputs(outcome.result)}
    tell(transaction, row, now, "done", **told)
    if not job.leg.is_plain:
        detail: dict[str, object] = {"calls": [one.name for one in job.leg.command.calls]}
        if outcome.reference:
            detail["their_reference"] = outcome.reference
        _write(transaction, job, outcome, detail, now)
    if row.message.order_key:
        transaction.open_gate(row, now)


def _outputs(result: Json) -> dict[str, Json]:
    """Return what a call gave, as a workflow keeps it."""
    return result if isinstance(result, dict) else {}


def _write(
    transaction: Transaction,
    job: Job,
    outcome: Outcome,
    detail: Mapping[str, object],
    now: datetime,
) -> None:
    """Write the command's own line: what its calls came to."""
    row = job.row
    transaction.write(
        Entry(
            at=now,
            message=row.message,
            consumer=row.consumer,
            word=outcome.word,
            reason=outcome.code,
            detail=detail,
        )
    )


def _note(transaction: Transaction, job: Job, outcome: Outcome, now: datetime) -> None:
    """Write the line of one call; that of a plain operation is the command's own."""
    detail: dict[str, object] = {
        "reference": job.intent.reference,
        "request": job.prepared.summary(),
        "sends": job.intent.sends,
        "detail": outcome.detail,
    }
    if outcome.reference:
        detail["their_reference"] = outcome.reference
    if outcome.code:
        detail["code"] = outcome.code
    if outcome.left:
        detail["left"] = list(outcome.left)
    transaction.write(
        Entry(
            at=now,
            message=job.row.message,
            consumer=job.leg.operation.name,
            word=outcome.word,
            reason=outcome.code,
            detail=detail,
        )
    )
