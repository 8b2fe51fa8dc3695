"""Owns: the micro-batch: what has arrived is decided and recorded in one transaction.
Imports: core, engine, infra.store, runtime.
Never: waits for a call of a system; loses a row (it leaves the queue with its decision).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime

from router.core.claim import Held, Holding
from router.core.decision import Call, DeadLettered, Needs, Redeliver
from router.core.document import Json
from router.core.errors import Unavailable
from router.core.outcome import Outcome
from router.core.ports import Clock
from router.engine import retry
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.answers import Answers
from router.runtime.bell import Bell
from router.runtime.ingress import LOOP_LANE
from router.runtime.recording import record, record_answers
from router.runtime.verdicts import (
    Judge,
    Verdict,
    Work,
    claim_keys,
    holdings_after,
    open_row,
    produced_keys,
    reconsidered,
    settle_objects,
    verdict_of,
)

#: rows of one batch: large enough to share an fsync, small enough for a quick answer
BATCH = 256
#: rows that may wait for answers at once; the rest stays in the queue
MOST_WAITING = 512


@dataclass(slots=True)
class _Waiting:
    """A row whose calls are under way."""

    row: Queued
    calls: tuple[Call, ...]
    futures: tuple[Future[Outcome], ...]
    answers: dict[str, Json]
    asked: list[tuple[Call, Json]]


class Loop:
    """Takes rows of the loop's lane in order, decides them, records the decisions."""

    def __init__(
        self,
        store: Store,
        judge: Judge,
        answers: Answers,
        clock: Clock,
        observe: Callable[[Verdict], None] | None = None,
    ) -> None:
        """`observe` is told of every verdict once it is recorded."""
        self.bell = Bell()
        self._observe = observe
        self._store = store
        self._judge = judge
        self._answers = answers
        self._clock = clock
        self._cursor = 0
        self._waiting: dict[int, _Waiting] = {}
        store.wake(LOOP_LANE, self.bell.ring)

    def step(self) -> int:
        """Take one batch; return how many rows were taken or moved on. Raises Unavailable."""
        ready = [one for one in self._waiting.values() if all(f.done() for f in one.futures)]
        rows: list[Queued] = []
        if len(self._waiting) < MOST_WAITING:
            with self._store.read() as reader:
                rows = reader.queued(LOOP_LANE, self._cursor, BATCH)
        if not rows and not ready:
            return 0
        works = [open_row(row, {}) for row in rows]
        failed: list[Verdict] = []
        for one in ready:
            outcome = self._collect(one)
            if isinstance(outcome, Work):
                works.append(outcome)
            else:
                failed.append(outcome)
        try:
            self._batch(works, failed)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, it must not stop the others)
            self._bisect(works, failed, error)
        if rows:
            self._cursor = rows[-1].id
        return len(rows) + len(ready)

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an answer."""
        return not self._waiting

    def _batch(self, works: list[Work], failed: list[Verdict]) -> None:
        """Decide rows in order and record what can be recorded."""
        now = self._clock.now()
        with self._store.read() as reader:
            held = reader.holdings(claim_keys([*works, *(one.work for one in failed)]), now)
        verdicts = [reconsidered(one, held) for one in failed]
        needy: list[tuple[Work, Needs]] = []
        decided: list[Verdict] = []
        seen = dict(held)
        for verdict in verdicts:
            _remember(verdict, seen)
        for work in works:
            decision = self._judge.decide(work, seen)
            while isinstance(decision, Needs):
                answered = self._from_cache(decision, work, now)
                if answered is None:
                    break
                work = answered  # noqa: PLW2901 (the same work, knowing more)
                decision = self._judge.decide(work, seen)
            if isinstance(decision, Needs):
                needy.append((work, decision))
                continue
            decided.append(verdict_of(work, decision, seen))
            _remember(decided[-1], seen)
        with self._store.read() as reader:
            objects = reader.holdings(produced_keys(one.decision for one in decided), now)
        for one in decided:
            verdict = settle_objects(one, objects)
            _remember(verdict, objects)
            verdicts.append(verdict)
        self._store.write(lambda transaction: self._record(transaction, verdicts, now))
        for verdict in verdicts:
            self._waiting.pop(verdict.work.row.id, None)
            if self._observe is not None:
                self._observe(verdict)
        for work, needs in needy:
            self._ask(work, needs)

    def _record(self, transaction: Transaction, verdicts: list[Verdict], now: datetime) -> None:
        for verdict in verdicts:
            row = verdict.work.row
            waited = self._waiting.get(row.id)
            if waited is not None:
                record_answers(transaction, row, waited.asked, now)
            record(transaction, verdict, now)

    def _from_cache(self, needs: Needs, work: Work, now: datetime) -> Work | None:
        found: dict[str, Json] = {}
        for call in needs.calls:
            known, document = self._answers.cached(call, now)
            if not known:
                return None
            found[call.key] = document
        return open_row(work.row, {**work.answers, **found})

    def _ask(self, work: Work, needs: Needs) -> None:
        calls = tuple(call for call in needs.calls if call.key not in work.answers)
        futures = tuple(self._answers.ask(call, self.bell.ring) for call in calls)
        earlier = self._waiting.get(work.row.id)
        self._waiting[work.row.id] = _Waiting(
            row=work.row,
            calls=calls,
            futures=futures,
            answers=dict(work.answers),
            asked=list(earlier.asked) if earlier else [],
        )
        if all(future.done() for future in futures):
            self.bell.ring()

    def _collect(self, one: _Waiting) -> Work | Verdict:
        """Return the row with its answers, or the verdict when an answer is not to be had."""
        now = self._clock.now()
        for call, future in zip(one.calls, one.futures, strict=True):
            outcome = future.result()
            if outcome.word != "done":
                decision = self._without(one.row, call, outcome, now)
                return verdict_of(open_row(one.row, {}), decision, {})
            self._answers.keep(call, outcome.result, now)
            if call.key not in one.answers:
                one.asked.append((call, outcome.result))
            one.answers[call.key] = outcome.result
        return open_row(one.row, one.answers)

    def _without(
        self, row: Queued, call: Call, outcome: Outcome, now: datetime
    ) -> Redeliver | DeadLettered:
        if outcome.word == "refused":
            detail = f"{call.operation} {outcome.detail}"
            return DeadLettered(reason=outcome.code or "refused", detail=detail, step="enrich")
        failure = retry.Failure(
            reason="enrich", detail=f"{call.operation} {outcome.detail}", after=outcome.after
        )
        return retry.decide(row.message, self._judge.policy(row), failure, now)

    def _bisect(self, works: list[Work], failed: list[Verdict], error: Exception) -> None:
        """Find the row that cannot be decided or recorded, and bury it alone."""
        if len(works) + len(failed) > 1:
            parts: tuple[tuple[list[Work], list[Verdict]], ...]
            if works and failed:
                parts = (([], failed), (works, []))
            else:
                half, rest = len(works) // 2, len(failed) // 2
                parts = ((works[:half], failed[:rest]), (works[half:], failed[rest:]))
            for some, lost in parts:
                try:
                    self._batch(some, lost)
                except Unavailable:
                    raise
                except Exception as inner:  # noqa: BLE001
                    self._bisect(some, lost, inner)
            return
        for work in (*works, *(verdict.work for verdict in failed)):
            decision = DeadLettered(reason="poison", detail=f"{type(error).__name__}", step="loop")
            # without its claims: they may be what cannot be recorded
            verdict = verdict_of(replace(work, claims=(), references=()), decision, {})
            self._store.write(lambda t, v=verdict: record(t, v, self._clock.now()))  # type: ignore[misc]
            self._waiting.pop(work.row.id, None)


def _remember(verdict: Verdict, held: dict[bytes, Holding]) -> None:
    """Let the rest of the batch see what a verdict claims."""
    for claim, holder, state in holdings_after(verdict):
        held[claim.key] = Holding(
            key=claim.key,
            message_id=holder,
            state=Held(state),
            compare=claim.compare,
            body=claim.body,
            version=claim.version,
        )
