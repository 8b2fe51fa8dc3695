"""Owns: the micro-batch: what has arrived is decided and recorded in one transaction.
Imports: core, engine, infra.store, runtime.
Never: waits for a call of a system; loses a row (it leaves the queue with its decision).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from router.core.claim import Holding
from router.core.decision import (
    Conflict,
    DeadLettered,
    Decision,
    Needs,
    Routed,
)
from router.core.document import Json
from router.core.ports import Clock
from router.infra.store.pauses import Pause
from router.infra.store.reader import Reader
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.answers import Answers
from router.runtime.bell import Bell
from router.runtime.caution import Caution, Suspects, killer
from router.runtime.failpoints import reach
from router.runtime.gates import Gates
from router.runtime.halving import in_halves
from router.runtime.ingress import LOOP_LANE
from router.runtime.lane import Lane
from router.runtime.recording import record, record_answers
from router.runtime.replay import answers_for
from router.runtime.replayed import replay_of
from router.runtime.settling import produced_keys, settle_objects
from router.runtime.verdicts import (
    Judge,
    Verdict,
    Work,
    claim_keys,
    ends_here,
    gate_keys,
    open_row,
    remember,
    verdict_of,
)
from router.runtime.waiting import Asked, Waiting

#: rows of one batch: large enough to share an fsync, small enough for a quick answer
BATCH = 256
#: rows that can be in hand at once: of a batch, and those that wait for answers
MOST_IN_HAND = 1024
#: rows that may wait for answers at once; the rest stays in the queue
MOST_WAITING = 512
#: what may be held back of its lane
_HELD = ("channel:", "flow:")


@dataclass(slots=True)
class _Batch:
    """What comes of a batch."""

    gates: Gates
    verdicts: list[Verdict] = field(default_factory=list)
    needy: list[tuple[Work, Needs]] = field(default_factory=list)


class Loop:
    """Takes rows of the loop's lane in order, decides them, records the decisions."""

    def __init__(
        self,
        store: Store,
        judge: Judge,
        answers: Answers,
        observe: Callable[[Verdict], None] | None = None,
    ) -> None:
        """`observe` is told of every verdict once it is recorded."""
        self._caution: Caution | None = None
        self._suspects = Suspects(0, 0)
        self.bell = Bell()
        self._observe = observe
        self._store = store
        self._judge = judge
        self._answers = answers
        self._clock: Clock = answers.clock
        self._lane = Lane(store, LOOP_LANE, BATCH)
        self._waiting = Waiting(answers, judge, self.bell.ring)
        store.wake(LOOP_LANE, self.bell.ring)

    def take_care(self, caution: Caution) -> None:
        """Let what may have killed the last process go alone. Called before the first step."""
        self._caution = caution
        self._suspects = caution.suspects(MOST_IN_HAND)

    def step(self) -> int:
        """Take one batch; return how many rows were taken or moved on. Raises Unavailable."""
        ready = self._waiting.ready()
        self._lane.begin()
        try:
            return self._step(ready)
        except Exception:
            self._lane.start_over()
            raise
        finally:
            self._lane.keep(self._waiting.rows)

    def has_more(self) -> bool:
        """Whether there may be rows for which the bell does not ring."""
        return self._lane.has_more()

    def look_again(self) -> None:
        """Read from further back: a row of another process may be new behind the cursor."""
        self._lane.look_again()

    def _step(self, ready: list[Asked]) -> int:
        until = self._suspects.until
        suspects = [one for one in ready if one.row.id <= until][:1]
        rows = [] if suspects else self._lane.take(until, room=self._has_room)
        if suspects or (rows and rows[0].id <= until):
            ready = suspects
        elif self._caution is not None:
            self._caution.loop_done.set()
        works = [self._open(row) for row in rows if row.id not in self._waiting]
        works += [self._waiting.collect(one) for one in ready]
        if len(works) == 1 and works[0].row.id <= until:
            self._alone(works[0])
        elif works:
            self._safely(works)
        return len(works)

    def _open(self, row: Queued) -> Work:
        """Return a row as work; a replayed one has the answers that it was decided with before."""
        if replay_of(row) is None:
            return open_row(row, {})
        with self._store.read() as reader:
            return open_row(row, answers_for(reader, row))

    @property
    def _has_room(self) -> bool:
        return len(self._waiting) < MOST_WAITING

    def _read(self, *, whole: bool) -> AbstractContextManager[Reader]:
        """Return a reader; where several queries have to be of one moment, a `whole` one."""
        return self._store.read() if whole else self._store.glance()

    def _alone(self, work: Work) -> None:
        """Handle a row from before an unclean end, marked while it is in hand, with its calls."""
        assert self._caution is not None, "only it says that a row is handled alone"
        row = work.row.id
        answers = f"answers:{row}"
        self._suspects.take(row)
        with self._caution.alone(f"row:{row}") as verdict:
            if verdict != "go":
                self._bury_killer(work, killer("loop"))
            elif self._caution.judge(answers) != "go":
                self._bury_killer(work, killer("enrich"))
            else:
                self._safely([work], at_once=False)
        if row in self._waiting:
            with self._caution.alone(answers):
                self._waiting.stand_by(row)

    def pause(self, pauses: Sequence[Pause]) -> None:
        """Leave rows that are held back in the queue; when they pass they are looked at again."""
        if self._lane.hold([one for one in pauses if one.name.startswith(_HELD)]):
            self.bell.ring()

    @property
    def in_hand(self) -> frozenset[int]:
        """Return the rows that are under way. After `pause` has returned, none of what it holds
        back is added.
        """
        return self._lane.in_hand

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an answer."""
        return not self._waiting

    def _safely(self, works: Sequence[Work], *, at_once: bool = True) -> None:
        """Handle a batch; where it fails, the row at fault is found and buried.

        The last try is the row without what follows from it: a flow may be at fault, not the row.
        """
        last = self._without_flows if at_once else self._poisoned
        in_halves(works, partial(self._batch, at_once=at_once), last)

    def _without_flows(self, work: Work, _error: Exception) -> None:
        self._safely([work], at_once=False)

    def _poisoned(self, work: Work, error: Exception) -> None:
        self._bury(
            replace(work, claims=(), references=()),  # they may be what cannot be recorded
            DeadLettered(reason="poison", detail=type(error).__name__, step="loop"),
            {},
        )

    def _batch(self, works: Sequence[Work], *, at_once: bool = True) -> None:
        """Decide rows in order and record what can be recorded.

        With `at_once` flows are decided together with the row that produced their object, where
        nothing stands against it: no order by key, no pause, no answer that is not there.
        """
        now = self._clock.now()
        keys = gate_keys(works)
        with self._read(whole=bool(keys)) as reader:
            seen = reader.holdings(claim_keys(works), now)
            gates = Gates(reader.gates(keys))
        batch = _Batch(gates=gates)
        for work in works:
            if gates.holds_back(work.row):
                continue
            known, decision = self._decide(work, seen, now)
            gates.pass_on(work.row, decision)
            if isinstance(decision, Needs):
                batch.needy.append((known, decision))
                continue
            verdict = verdict_of(known, decision, seen)
            remember(verdict.claims(), seen)
            batch.verdicts.append(verdict)
        cut = self._settle(batch, works, now)
        if cut:
            self._batch(works[:cut], at_once=at_once)
            self._batch(works[cut:], at_once=at_once)
            return
        if at_once:
            batch.verdicts = [self._with_flows(verdict, now) for verdict in batch.verdicts]
        reach("loop.before_record")
        self._store.write(lambda transaction: self._record(transaction, batch, now))
        reach("loop.after_record")
        for verdict in batch.verdicts:
            self._waiting.forget(verdict.work.row.id)
            for one in (verdict, *verdict.at_once):
                if self._observe is not None:
                    self._observe(one)
        for work, needs in batch.needy:
            self._waiting.ask(work, needs)

    def _settle(self, batch: _Batch, works: Sequence[Work], now: datetime) -> int:
        """Absorb the objects that are there already.

        Returns where the batch has to be cut, 0 = nowhere: a row that turns out to be a conflict
        ends a part when later ones were judged as if it had been routed.
        """
        with self._store.glance() as reader:
            objects = reader.holdings(produced_keys(one.decision for one in batch.verdicts), now)
        for index, one in enumerate(batch.verdicts):
            settled = batch.verdicts[index] = settle_objects(one, objects)
            if settled.decision is not one.decision and isinstance(settled.decision, Conflict):
                cut = 1 + next(n for n, work in enumerate(works) if work.row.id == one.work.row.id)
                if set(claim_keys(works[:cut])) & set(claim_keys(works[cut:])):
                    return cut
            remember(settled.objects(), objects)
        return 0

    def _with_flows(self, verdict: Verdict, now: datetime) -> Verdict:
        """Return the verdict with those of the flows that can be decided with it."""
        decision = verdict.decision
        row = verdict.work.row
        if not isinstance(decision, Routed) or self._lane.pauses or replay_of(row) is not None:
            return verdict
        decided, left = [], []
        for one in verdict.rows():
            if one.lane == LOOP_LANE and not one.message.order_key:
                work, follows = self._decide(open_row(one, {}), {}, now)
                if ends_here(follows):
                    decided.append(verdict_of(work, follows, {}))
                    continue
            left.append(one)
        verdict.decide_at_once(tuple(decided), left)
        return verdict

    def _decide(
        self, work: Work, seen: dict[bytes, Holding], now: datetime
    ) -> tuple[Work, Decision | Needs]:
        """Return the decision about a row, having used the answers that are kept."""
        decision = self._judge.decide(work, seen)
        while isinstance(decision, Needs):
            answered = self._from_cache(decision, work, now)
            if answered is None:
                break
            work = answered
            decision = self._judge.decide(work, seen)
        lost = self._judge.lost(work.row)
        return (replace(work, lost=lost) if lost else work), decision

    def _record(self, transaction: Transaction, batch: _Batch, now: datetime) -> None:
        change = {
            "close": transaction.close_gate,
            "hold": transaction.hold_back,
            "open": transaction.open_gate,
        }
        for what, row in batch.gates.changes:  # in order: who closes a gate may have found it open
            change[what](row, now)
        for verdict in batch.verdicts:
            row = verdict.work.row
            record_answers(transaction, row, self._waiting.asked(row.id), now)
            record(transaction, verdict, now)

    def _bury_killer(self, work: Work, decision: DeadLettered) -> None:
        """Keep a row for a person. It claims its identity: who sends it again, because its answer
        was lost with the process, does not end the process again.
        """
        with self._store.read() as reader:
            held = reader.holdings(claim_keys([work]), self._clock.now())
        self._bury(work, decision, held)

    def _bury(self, work: Work, decision: DeadLettered, held: Mapping[bytes, Holding]) -> None:
        """Keep a row for a person without looking at it any further."""
        now = self._clock.now()
        verdict = verdict_of(work, decision, held)

        def job(transaction: Transaction) -> None:
            if work.row.message.order_key:
                transaction.close_gate(work.row, now)
            record(transaction, verdict, now)

        self._store.write(job)
        self._waiting.forget(work.row.id)

    def _from_cache(self, needs: Needs, work: Work, now: datetime) -> Work | None:
        found: dict[str, Json] = {}
        for call in needs.calls:
            known, document = self._answers.cached(call, now)
            if not known:
                return None
            found[call.key] = document
        return open_row(work.row, {**work.answers, **found})
