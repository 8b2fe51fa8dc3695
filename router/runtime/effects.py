"""Owns: one call with an effect: intent before it, result after it, look-up in between.
Imports: core, config, engine.retry, infra.store, runtime.exchange, runtime.results.
Never: sends a second time what may have arrived, unless the far side honours our key or says that
it is not there; changes the bytes of a repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from router.config.systems import Idempotency, Operation
from router.core.decision import DeadLettered
from router.core.errors import Held, MessageError
from router.core.outcome import Outcome
from router.core.ports import Clock
from router.engine import retry
from router.infra.store.rows import SETTLED, Intent, Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.admission import Ticket
from router.runtime.exchange import Exchange
from router.runtime.failpoints import reach
from router.runtime.fresh import fresh_token
from router.runtime.requests import Leg, prepare, reference_of
from router.runtime.results import (
    MARGIN,
    Job,
    record_decision,
    record_outcome,
    record_settled,
    step_back,
)

#: why a call waits that is under way in other hands
OTHER_HANDS = frozenset({"in_flight", "lease_lost"})


class Effects:
    """Makes calls. Safe for many threads: each command is in one thread's hands.

    Each step says whether the call is done and another follows it; otherwise the command's row is
    dealt with for now.
    """

    def __init__(self, store: Store, exchange: Exchange) -> None:
        self._store = store
        self._exchange = exchange
        self._clock: Clock = exchange.clock

    def carry(self, leg: Leg, intent: Intent | None) -> bool:
        """Carry one call as far as it goes: settled, or to come again.

        Raises Unavailable; Held, when the call may not leave as yet, or is under way in other
        hands: then nothing has happened.
        """
        if intent is None:
            with self._admit(leg) as ticket:
                intent = self._intend(leg)
                return intent is not None and self._call(Job(leg=leg, intent=intent), ticket)
        return self._repeat(Job(leg=leg, intent=intent))

    def _admit(self, leg: Leg) -> Ticket:
        return self._exchange.admit(leg.operation, {"payload": leg.row.message.payload})

    def _intend(self, leg: Leg) -> Intent | None:
        """Fix the exact request and commit it; None when the message cannot become one."""
        now = self._clock.now()
        made = self.fix(leg, now)
        if isinstance(made, DeadLettered):
            self._bury(leg.row, made)
            return None
        reach("worker.before_intent")
        if not self._store.write(lambda transaction: transaction.begin(made)):
            raise _in_other_hands(leg.operation, "in_flight", made.lease_until)
        reach("worker.after_intent")
        return made

    def lasts(self, operation: Operation) -> timedelta:
        """Return how long a call of an operation can take."""
        return self._exchange.adapter(operation).timeout + MARGIN

    def fix(self, leg: Leg, now: datetime) -> Intent | DeadLettered:
        """Return the intent of a call with its exact request, or why there can be none."""
        reach(f"worker.prepare.{leg.row.message.kind}")
        reference = reference_of(leg.key, leg.operation)
        try:
            prepared = prepare(self._exchange, leg, reference)
        except MessageError as error:
            return DeadLettered(
                reason=error.code,
                detail=leg.told(str(error)),
                step="request",
                place=str(error.place or ""),
            )
        return Intent(
            key=leg.key,
            operation=leg.operation.name,
            state="sending",
            head=prepared.head,
            body=prepared.body,
            reference=reference,
            sends=1,
            first_at=now,
            lease_until=self._lease_end(leg.operation, now),
            token=fresh_token(),
        )

    def _repeat(self, job: Job) -> bool:
        """Continue an effect that was begun before: by what is known of it."""
        now = self._clock.now()
        intent = job.intent
        if intent.is_settled:
            done = intent if intent.state == "done" else None
            self._store.write(lambda t: record_settled(t, job.row, now, done=done))
            return False
        if intent.state != "accepted" and intent.successor:
            self._store.write(lambda t: record_settled(t, job.row, now, done=None))
            return False
        if intent.state not in ("accepted", "waiting") and now < intent.lease_until:
            raise _in_other_hands(job.leg.operation, "in_flight", intent.lease_until)
        with self._admit(job.leg) as ticket:
            if intent.state == "accepted":
                return self._confirm(job, ticket, now)
            if intent.state == "waiting":
                return self._lease_and_call(job, ticket, now)
            return self._unsure(job, ticket, now)

    def _unsure(self, job: Job, ticket: Ticket, now: datetime) -> bool:
        """The effect may or may not exist, and no call of ours is under way."""
        idempotency = _idempotency(job.leg.operation)
        intent = job.intent
        if idempotency.kind in ("key", "conflict") and now < intent.first_at + idempotency.ttl:
            return self._lease_and_call(replace(job, unsure=True), ticket, now)
        if idempotency.kind != "lookup":
            text = job.leg.told("the effect may exist and the far side cannot be asked")
            return self._bury(job.row, DeadLettered(reason="unknown", detail=text, step="call"))
        found = self._find(job, ticket)
        settled = intent.lease_until + idempotency.settles_in
        if found.word in SETTLED:
            return self._settle(job, found)
        if found.word == "unknown":
            return self._store.write(self._after(job, found))
        if now >= settled:
            ticket.again()
            return self._lease_and_call(job, ticket, now)
        return self.later(job.row, settled, "settling")

    def _find(self, job: Job, ticket: Ticket, theirs: str = "") -> Outcome:
        places = {**job.leg.references, "reference": job.intent.reference, "theirs": theirs}
        return self._exchange.find(job.leg.operation, places, job.row.message.payload, ticket)

    def _lease_and_call(self, job: Job, ticket: Ticket, now: datetime) -> bool:
        token = fresh_token()
        until = self._lease_end(job.leg.operation, now)
        held = job.intent.token

        if not self._store.write(lambda t: t.lease(job.intent.key, token, until, held)):
            raise _in_other_hands(job.leg.operation, "lease_lost", job.intent.lease_until + MARGIN)
        with self._store.read() as reader:
            intent = reader.intent(job.intent.key)
        assert intent is not None, "it was leased a moment ago"
        return self._call(replace(job, intent=intent), ticket)

    def _call(self, job: Job, ticket: Ticket) -> bool:
        """Make the call while the lease lasts, and record what came of it."""
        operation = job.leg.operation
        adapter = self._exchange.adapter(operation)
        if self._clock.now() + adapter.timeout > job.intent.lease_until:
            return self.later(job.row, job.intent.lease_until, "lease_too_short")
        reach(f"worker.call.{job.row.message.kind}")
        outcome = self._exchange.call(operation, job.prepared, job.header, ticket)
        reach("worker.after_call")
        goes_on = self._store.write(self.ending(job, outcome))
        reach("worker.after_result")
        return goes_on

    def ending(self, job: Job, outcome: Outcome) -> Callable[[Transaction], bool]:
        """Return what records what came of a call, as of now; it says whether another follows."""
        if outcome.word in (*SETTLED, "accepted"):
            return self._settled(job, outcome)
        return self._after(job, outcome)

    def _confirm(self, job: Job, ticket: Ticket, now: datetime) -> bool:
        """Ask whether what was accepted is there by now."""
        confirmation = job.leg.operation.file.confirmation
        theirs = job.intent.their_reference or ""
        found = self._find(job, ticket, theirs)
        if found.word in SETTLED:
            return self._settle(job, replace(found, reference=found.reference or theirs))
        if now >= job.intent.first_at + confirmation.within:
            text = job.leg.told(found.detail)
            return self._bury(
                job.row, DeadLettered(reason="not_confirmed", detail=text, step="call")
            )
        pause = max(confirmation.every, found.after or timedelta(0))
        return self.later(job.row, now + pause, "accepted")

    def _settle(self, job: Job, outcome: Outcome) -> bool:
        return self._store.write(self._settled(job, outcome))

    def _settled(self, job: Job, outcome: Outcome) -> Callable[[Transaction], bool]:
        """Return what records an effect: done, or a person's, or taken for later."""
        now = self._clock.now()
        follows = outcome.word == "done" and not job.leg.is_last
        return lambda t: record_outcome(t, job, outcome, now) and follows

    def _after(self, job: Job, outcome: Outcome) -> Callable[[Transaction], bool]:
        """The call gave no result: it comes again by the policy, or is buried."""
        row, now = job.row, self._clock.now()
        text = job.leg.told(outcome.detail)
        failure = retry.Failure(reason=outcome.word, detail=text, after=outcome.after)
        decision = retry.decide(row.message, job.leg.command.policy, failure, now)
        state = "waiting" if outcome.word == "retry" and not job.unsure else "unknown"

        def write(transaction: Transaction) -> bool:
            if transaction.conclude(job.intent.key, job.intent.token, state):
                record_decision(transaction, row, decision, now)
            else:
                step_back(transaction, job)
            return False

        return write

    def later(self, row: Queued, at: datetime, reason: str) -> bool:
        """Let the row come again at a time, not counted as an attempt. Raises Unavailable."""

        def write(transaction: Transaction) -> None:
            transaction.settle((row.id,))
            transaction.postpone(row, at, reason)

        self._store.write(write)
        return False

    def _bury(self, row: Queued, decision: DeadLettered) -> bool:
        now = self._clock.now()
        self._store.write(lambda t: record_decision(t, row, decision, now))
        return False

    def _lease_end(self, operation: Operation, now: datetime) -> datetime:
        return now + self.lasts(operation)


def _in_other_hands(operation: Operation, why: str, until: datetime) -> Held:
    """Return what says that another call of the same effect is under way, until when at most."""
    return Held(operation.system, why, until=until, alone=True)


def _idempotency(operation: Operation) -> Idempotency:
    found = operation.file.idempotency
    assert found is not None, (
        "checked at load: an effect says how a repeat is kept from doubling it"
    )
    return found
