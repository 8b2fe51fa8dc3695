"""Owns: rows whose calls are under way, and what came of the calls.
Imports: core, engine.retry, infra.store.rows, runtime.answers, runtime.verdicts.
Never: decides a row, writes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import datetime

from router.core.decision import Call, DeadLettered, Needs, Redeliver
from router.core.document import Json
from router.core.outcome import Outcome
from router.engine import retry
from router.infra.store.rows import Queued
from router.runtime.answers import Answers, outcome_of
from router.runtime.replayed import counted
from router.runtime.verdicts import Judge, Work, open_row


@dataclass(slots=True)
class Asked:
    """A row whose calls are under way."""

    row: Queued
    calls: tuple[Call, ...]
    futures: tuple[Future[Outcome], ...]
    answers: dict[str, Json]
    asked: list[tuple[Call, Json]]


class Waiting:
    """Rows that wait for answers, by their ids. One thread (the loop) uses it."""

    def __init__(self, answers: Answers, judge: Judge, wake: Callable[[], None]) -> None:
        """`wake` is called when an answer is there, from any thread."""
        self._answers = answers
        self._judge = judge
        self._wake = wake
        self._rows: dict[int, Asked] = {}

    def __contains__(self, row: int) -> bool:
        return row in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> frozenset[int]:
        """Return the ids of what waits."""
        return frozenset(self._rows)

    def ready(self) -> list[Asked]:
        """Return what has all its answers."""
        return [one for one in self._rows.values() if all(f.done() for f in one.futures)]

    def stand_by(self, row: int) -> None:
        """Return when a row has all its answers."""
        wait(self._rows[row].futures)

    def asked(self, row: int) -> list[tuple[Call, Json]]:
        """Return what a row asked for so far, and the answers."""
        one = self._rows.get(row)
        return one.asked if one is not None else []

    def forget(self, row: int) -> None:
        """Let go of a row that is dealt with."""
        self._rows.pop(row, None)

    def ask(self, work: Work, needs: Needs) -> None:
        """Make the calls that a row needs and that it has no answer to."""
        calls = tuple(call for call in needs.calls if call.key not in work.answers)
        futures = tuple(self._answers.ask(call, self._wake) for call in calls)
        self._rows[work.row.id] = Asked(
            row=work.row,
            calls=calls,
            futures=futures,
            answers=dict(work.answers),
            asked=list(self.asked(work.row.id)),
        )
        if all(future.done() for future in futures):
            self._wake()

    def collect(self, one: Asked) -> Work:
        """Return the row with its answers, or decided when an answer is not to be had."""
        now = self._answers.clock.now()
        for call, future in zip(one.calls, one.futures, strict=True):
            outcome = outcome_of(future)
            if outcome.word != "done":
                decision = self._without(one.row, call, outcome, now)
                return replace(open_row(one.row, {}), decided=decision)
            self._answers.keep(call, outcome, now)
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
        how = retry.decide_held if outcome.held else retry.decide
        return how(counted(row), self._judge.policy(row), failure, now)
