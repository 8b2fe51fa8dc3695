"""Owns: calls of one system that leave together: begun in one write, their ends told in one write.
Imports: core, infra.store, runtime.
Never: begins a call that is not on disk; carries what has begun before (that goes one by one).

A call by itself costs a question, a transaction before it and one after it. Where the adapter can
begin a call and be told of it later, one question and one transaction are for all that wait: it
says what came of the calls before, and which are begun next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias, cast

from router.core.errors import Unavailable
from router.core.outcome import Outcome
from router.core.ports import Overlapping
from router.infra.store.rows import Intent, Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.commands import Commands
from router.runtime.exchange import Exchange
from router.runtime.failpoints import reach
from router.runtime.requests import Leg
from router.runtime.results import Job, record_done

#: calls of one system under way at once
MOST = 128
#: ends that are worth a write while other calls are under way
MANY = 64

_End: TypeAlias = tuple[Job, Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """Who has the rows of a volley in hand."""

    #: told of rows that are settled
    over: Callable[[Iterable[Queued]], None]
    #: told of rows that come again
    again: Callable[[Iterable[Queued]], None]
    #: called when there are ends to be recorded
    wake: Callable[[], None]


class Volley:
    """Carries commands that are one call each. One thread calls `fire`; ends come on any."""

    def __init__(self, by: tuple[Store, Exchange, Commands], system: str, hands: Hands) -> None:
        self._store, self._exchange, self._commands = by
        self._adapter = cast("Overlapping", self._exchange.adapters[system])
        self._hands = hands
        self._state = threading.Condition()
        self._flying = 0
        self._ended: list[_End] = []

    @property
    def ended(self) -> int:
        """Return how many calls have ended of which no record says so."""
        return len(self._ended)

    def fire(self, rows: Sequence[Queued]) -> list[Queued]:
        """Record what came of earlier calls and begin those of commands; return the commands that
        go one by one.

        Raises Unavailable: then all of them come again, and those whose end was not recorded.
        """
        jobs, others = self._jobs_of(rows)
        with self._state:
            ended, self._ended = self._ended, []
        try:
            begun = self._recorded(ended, jobs)
        except Unavailable:
            self._hands.again([*(one.row for one, _ in ended), *rows])
            raise
        at = self._exchange.clock.now() + self._adapter.timeout
        for job, mine in zip(jobs, begun, strict=True):
            if mine and at <= job.intent.lease_until:
                self._begin(job)
            else:
                others.append(job.row)
        self._adapter.flush()
        return others

    def close(self, grace: timedelta) -> None:
        """Wait for the calls under way, at most `grace`, and record what came of them."""
        with self._state:
            self._state.wait_for(lambda: not self._flying, grace.total_seconds())
        try:
            self.fire(())
        except Unavailable:
            return  # what is not recorded is repeated safely

    def _jobs_of(self, rows: Sequence[Queued]) -> tuple[list[Job], list[Queued]]:
        """Return the calls of commands with their exact requests, and what goes one by one."""
        if not rows:
            return [], []
        try:
            legs, others = self._commands.fresh(rows)
        except Unavailable:
            self._hands.again(rows)
            raise
        except Exception:  # noqa: BLE001 (one is at fault: which, is found out one by one)
            return [], list(rows)
        now = self._exchange.clock.now()
        jobs = []
        for leg in legs:
            made = self._fixed(leg, now)
            if made is None:
                others.append(leg.row)
            else:
                jobs.append(Job(leg=leg, intent=made))
        return jobs, others

    def _fixed(self, leg: Leg, now: datetime) -> Intent | None:
        """Return the intent of a call; None where there is none: by itself it is told why."""
        try:
            made = self._commands.effects.fix(leg, now)
        except Exception:  # noqa: BLE001 (one must not stop the others)
            return None
        return made if isinstance(made, Intent) else None

    def _recorded(self, ended: Sequence[_End], jobs: Sequence[Job]) -> list[bool]:
        """Write ends and beginnings; return of which calls no other hands have begun the effect."""
        if not ended and not jobs:
            return []
        reach("worker.before_intent")
        begun = [False] * len(jobs)  # where they cannot be written they go one by one
        try:
            begun = self._store.write(self._record_of(ended, [one.intent for one in jobs]))
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 (one is at fault: which, is found out one by one)
            self._apart(ended)
        else:
            self._hands.over([one.row for one, _ in ended])
        reach("worker.after_intent")
        if ended:
            reach("worker.after_result")
        return begun

    def _record_of(
        self, ended: Sequence[_End], intents: Sequence[Intent]
    ) -> Callable[[Transaction], list[bool]]:
        now = self._exchange.clock.now()
        done = [one for one in ended if one[1].word == "done"]
        rest = [self._commands.effects.ending(*one) for one in ended if one[1].word != "done"]

        def job(transaction: Transaction) -> list[bool]:
            record_done(transaction, done, now)
            for write in rest:
                write(transaction)
            return transaction.begin_all(intents)

        return job

    def _apart(self, ended: Sequence[_End]) -> None:
        """Record ends one by one; one that cannot be recorded is as a call that failed."""
        for job, outcome in ended:
            left = self._hands.over
            try:
                self._store.write(self._commands.effects.ending(job, outcome))
            except Unavailable:
                left = self._hands.again
            except Exception as error:  # noqa: BLE001 (whatever it is, the others go on)
                if not self._commands.failed(job.row, error):
                    left = self._hands.again
            left([job.row])

    def _begin(self, job: Job) -> None:
        with self._state:
            self._flying += 1
        reach(f"worker.call.{job.row.message.kind}")
        came = partial(self._came, job)
        try:
            self._exchange.begin(job.leg.operation, job.prepared, job.header, came)
        except Exception as error:  # noqa: BLE001 (the others are begun all the same)
            came(Outcome(word="unknown", detail=f"{type(error).__name__} in the adapter"))

    def _came(self, job: Job, outcome: Outcome) -> None:
        """Take in what came of a call, on any thread."""
        reach("worker.after_call")
        with self._state:
            self._ended.append((job, outcome))
            self._flying -= 1
            quiet = not self._flying
            if quiet:
                self._state.notify_all()
            wakes = quiet or len(self._ended) == MANY
        if wakes:
            self._hands.wake()


def flies(exchange: Exchange, system: str) -> bool:
    """Return whether calls of a system can leave together: they overlap, nothing bounds them."""
    adapter = exchange.adapters.get(system)  # an environment may leave out a system
    return hasattr(adapter, "begin") and system not in exchange.admissions
