"""Owns: one effect on a system: intent before the call, result after it, look-up in between.
Imports: core, config, engine.retry, infra.store, runtime.exchange.
Never: sends a second time what may have arrived, unless the far side honours our key or says that
it is not there; changes the bytes of a repeat.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from router.config.systems import Idempotency, Operation
from router.core.decision import DeadLettered, Redeliver
from router.core.errors import MessageError
from router.core.outcome import Outcome
from router.core.ports import Clock, Prepared
from router.engine import retry
from router.infra.store.rows import Entry, Intent, Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.exchange import Exchange
from router.runtime.failpoints import reach
from router.runtime.recording import bury, record_ending

#: a lease outlasts the call's time-out by this: a process that stands still between its check and
#: its first byte is the risk that remains
MARGIN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One command with its recorded intent."""

    row: Queued
    operation: Operation
    intent: Intent
    #: an earlier call may have arrived: one that did not leave makes it no surer
    unsure: bool = False

    @property
    def prepared(self) -> Prepared:
        return Prepared(head=self.intent.head, body=self.intent.body)


class Effects:
    """Carries commands. Safe for many threads: each row is in one thread's hands."""

    def __init__(self, store: Store, exchange: Exchange) -> None:
        self._store = store
        self._exchange = exchange
        self._clock: Clock = exchange.clock

    def carry(self, row: Queued) -> None:
        """Carry one command as far as it goes: settled, or to come again. Raises Unavailable."""
        operation = self._exchange.operations.get(row.consumer)
        if operation is None:
            self._bury(row, "no_consumer", f"{row.consumer} is not declared")
            return
        with self._store.read() as reader:
            intent = reader.intent(row.message.id)
        if intent is None:
            job = self._intend(row, operation)
            if job is not None:
                self._call(job)
            return
        self._repeat(_Job(row=row, operation=operation, intent=intent))

    def _intend(self, row: Queued, operation: Operation) -> _Job | None:
        """Fix the exact request and commit it; None when the message cannot become one."""
        reference = reference_of(row.message.id, operation)
        try:
            prepared = prepare(self._exchange, operation, row, reference)
        except MessageError as error:
            self._bury(row, error.code, str(error), step="request", place=str(error.place or ""))
            return None
        now = self._clock.now()
        intent = Intent(
            key=row.message.id,
            operation=operation.name,
            state="sending",
            head=prepared.head,
            body=prepared.body,
            reference=reference,
            sends=1,
            first_at=now,
            lease_until=self._lease_end(operation, now),
            token=secrets.token_hex(8),
        )
        reach("worker.before_intent")
        self._store.write(lambda transaction: transaction.intend(intent))
        reach("worker.after_intent")
        return _Job(row=row, operation=operation, intent=intent)

    def _repeat(self, job: _Job) -> None:
        """Continue an effect that was begun before: by what is known of it."""
        now = self._clock.now()
        intent = job.intent
        if intent.state in ("done", "refused"):
            self._store.write(lambda transaction: _settled(transaction, job, now))
        elif intent.state == "accepted":
            self._confirm(job, now)
        elif intent.state == "waiting":
            self._lease_and_call(job, now)
        elif now < intent.lease_until:
            self._later(job.row, intent.lease_until, "in_flight")
        else:
            self._unsure(job, now)

    def _unsure(self, job: _Job, now: datetime) -> None:
        """The effect may or may not exist, and no call of ours is under way."""
        idempotency = _idempotency(job.operation)
        intent = job.intent
        if idempotency.kind in ("key", "conflict") and now < intent.first_at + idempotency.ttl:
            self._lease_and_call(replace(job, unsure=True), now)
            return
        if idempotency.kind != "lookup":
            self._bury(
                job.row,
                "unknown",
                "the effect may exist and the far side cannot be asked",
                step="call",
            )
            return
        found = self._exchange.find(job.operation, intent.reference)
        settled = intent.lease_until + idempotency.settles_in
        if found.word == "done":
            self._conclude(job, found)
        elif found.word == "unknown":
            self._after(job, found)
        elif now >= settled:
            self._lease_and_call(job, now)
        else:
            self._later(job.row, settled, "settling")

    def _lease_and_call(self, job: _Job, now: datetime) -> None:
        token = secrets.token_hex(8)
        until = self._lease_end(job.operation, now)
        held = job.intent.token

        def take(transaction: Transaction) -> bool:
            if transaction.lease(job.intent.key, token, until, held):
                return True
            _step_back(transaction, job)
            return False

        if not self._store.write(take):
            return
        with self._store.read() as reader:
            intent = reader.intent(job.intent.key)
        assert intent is not None, "it was leased a moment ago"
        self._call(replace(job, intent=intent))

    def _call(self, job: _Job) -> None:
        """Make the call while the lease lasts, and record what came of it."""
        adapter = self._exchange.adapter(job.operation)
        if self._clock.now() + adapter.timeout > job.intent.lease_until:
            self._later(job.row, job.intent.lease_until, "lease_too_short")
            return
        idempotency = _idempotency(job.operation)
        key = {idempotency.header: job.intent.key} if idempotency.header else {}
        outcome = self._exchange.call(job.operation, job.prepared, key)
        reach("worker.after_call")
        self._conclude(job, outcome)
        reach("worker.after_result")

    def _conclude(self, job: _Job, outcome: Outcome) -> None:
        if outcome.word in ("done", "refused", "accepted"):
            self._settle(job, outcome)
        else:
            self._after(job, outcome)

    def _confirm(self, job: _Job, now: datetime) -> None:
        """Ask whether what was accepted is there by now."""
        confirmation = job.operation.file.confirmation
        theirs = job.intent.their_reference or ""
        found = self._exchange.find(job.operation, job.intent.reference, theirs)
        if found.word == "done":
            self._settle(job, replace(found, reference=found.reference or theirs))
        elif now >= job.intent.first_at + confirmation.within:
            self._bury(job.row, "not_confirmed", found.detail, step="call")
        else:
            self._later(job.row, now + confirmation.every, "accepted")

    def _settle(self, job: _Job, outcome: Outcome) -> None:
        """Record what came of the effect: done, refused (for a person), or taken for later."""
        row, now = job.row, self._clock.now()
        theirs = outcome.reference or None

        def job_(transaction: Transaction) -> None:
            if not transaction.conclude(job.intent.key, job.intent.token, outcome.word, theirs):
                _step_back(transaction, job)
                return
            transaction.settle((row.id,))
            words = [word for word in (job.intent.reference, outcome.reference) if word]
            transaction.refer(words, row.message.correlationid)
            transaction.write(
                Entry(
                    at=now,
                    message=row.message,
                    consumer=row.consumer,
                    word=outcome.word,
                    reason=outcome.code,
                    detail=_detail(job, outcome),
                )
            )
            if outcome.word == "refused":
                text = f"{job.operation.name} {outcome.detail}"
                letter = DeadLettered(reason=outcome.code or "refused", detail=text, step="call")
                bury(transaction, row, letter, now)
            elif outcome.word == "accepted":
                again = now + job.operation.file.confirmation.every
                transaction.postpone(row, again, "accepted")
            elif row.message.order_key:
                transaction.open_gate(row, now)

        self._store.write(job_)

    def _after(self, job: _Job, outcome: Outcome) -> None:
        """The call gave no result: it comes again by the policy, or is buried."""
        row, now = job.row, self._clock.now()
        failure = retry.Failure(reason=outcome.word, detail=outcome.detail, after=outcome.after)
        decision = retry.decide(row.message, job.operation.policy, failure, now)
        state = "waiting" if outcome.word == "retry" and not job.unsure else "unknown"

        def job_(transaction: Transaction) -> None:
            if transaction.conclude(job.intent.key, job.intent.token, state):
                _decided(transaction, row, decision, now)
            else:
                _step_back(transaction, job)

        self._store.write(job_)

    def failed(self, row: Queued, error: Exception) -> bool:
        """Treat an unknown error as retryable up to the limit; False when that failed as well."""
        now = self._clock.now()
        failure = retry.Failure(reason="error", detail=f"{type(error).__name__} in the worker")
        try:
            policy = self._exchange.operations[row.consumer].policy
            decision = retry.decide(row.message, policy, failure, now)
            self._store.write(lambda transaction: _decided(transaction, row, decision, now))
        except Exception:  # noqa: BLE001 (the row stays in the queue)
            return False
        return True

    def _later(self, row: Queued, at: datetime, reason: str) -> None:
        """Let the row come again at a time without counting an attempt."""

        def job(transaction: Transaction) -> None:
            transaction.settle((row.id,))
            transaction.postpone(row, at, reason)

        self._store.write(job)

    def _bury(
        self, row: Queued, reason: str, detail: str, *, step: str = "", place: str = ""
    ) -> None:
        decision = DeadLettered(reason=reason, detail=detail, step=step, place=place)
        now = self._clock.now()
        self._store.write(lambda transaction: _decided(transaction, row, decision, now))

    def _lease_end(self, operation: Operation, now: datetime) -> datetime:
        return now + self._exchange.adapter(operation).timeout + MARGIN


def reference_of(effect: str, operation: Operation) -> str:
    """Return our name for an effect, as long as the far side can hold."""
    return hashlib.sha256(effect.encode()).hexdigest()[: operation.file.reference.length]


def prepare(exchange: Exchange, operation: Operation, row: Queued, reference: str) -> Prepared:
    """Return the exact request for a command. Raises MessageError."""
    payload = row.message.payload
    document = payload
    transform = operation.file.transform
    if transform is not None:
        scope = {
            "payload": payload,
            "reference": reference,
            "stamp": row.message.stamp,
            "env": exchange.env,
            "headers": {},
        }
        document = transform(scope)
    request = operation.file.request
    if request.contract is not None:
        request.contract.ensure(document, f"the request of {operation.name}")
    values = {"reference": reference}
    return exchange.adapter(operation).prepare(request, values, document)


def _detail(job: _Job, outcome: Outcome) -> dict[str, object]:
    """Return the journal's line about an effect."""
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
    return detail


def _idempotency(operation: Operation) -> Idempotency:
    found = operation.file.idempotency
    assert found is not None, (
        "checked at load: an effect says how a repeat is kept from doubling it"
    )
    return found


def _settled(transaction: Transaction, job: _Job, now: datetime) -> None:
    """The effect was settled before: its row goes, and so does its gate."""
    transaction.settle((job.row.id,))
    if job.row.message.order_key and job.intent.state == "done":
        transaction.open_gate(job.row, now)


def _step_back(transaction: Transaction, job: _Job) -> None:
    """Another call took the effect over: look again when its lease is over."""
    transaction.settle((job.row.id,))
    transaction.postpone(job.row, job.intent.lease_until + MARGIN, "lease_lost")


def _decided(
    transaction: Transaction, row: Queued, decision: Redeliver | DeadLettered, now: datetime
) -> None:
    record_ending(transaction, row, decision, now)
    transaction.settle((row.id,))
