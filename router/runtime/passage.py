"""Owns: messages that pass through without a record: decided, and carried to every system, at once.
Imports: core, config, engine, infra.store, runtime.exchange, runtime.ingress, runtime.requests.
Never: lets go of a message before every system has what came of it, or it is on disk; writes what
goes well.

What does not go well is nobody's special case: a message that becomes no commands goes the way of
all that is recorded, and so does a command that its system refuses.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias, cast

from router.config.channels import Channel, Route
from router.config.project import Project
from router.config.systems import Operation
from router.core.decision import DeadLettered, Needs, word_of
from router.core.errors import MessageError, Unavailable
from router.core.outcome import Outcome
from router.core.ports import Overlapping, Prepared
from router.engine.arrival import Delivery
from router.engine.pipeline import Outcome as Decided
from router.engine.pipeline import follow, run_flow, run_route
from router.engine.token import Context
from router.infra.store.pending import Pending
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.exchange import Exchange
from router.runtime.failpoints import reach
from router.runtime.fresh import fresh_id
from router.runtime.ingress import Receipt, arrivals
from router.runtime.requests import Leg, header_of, prepare, reference_of
from router.runtime.verdicts import rows_of

if TYPE_CHECKING:
    from router.infra.amqp.parcel import Parcel

#: told that a message may be let go of
Settled: TypeAlias = "Callable[[Parcel], None]"
#: records rows of a delivery, with its bytes
Keep: TypeAlias = "Callable[[Delivery, bytes, list[Queued]], Pending[Receipt]]"
#: seconds before a call comes again that was not taken, at first and at most
SOON, LATE = 0.2, 5.0
#: seconds between two times that counts are written
COUNTS = 1.0


@dataclass(slots=True)
class _Flight:
    """A message whose commands are under way. All of it belongs to who holds the lock."""

    parcel: Parcel
    delivery: Delivery
    left: int = 0
    #: commands that their systems refuse
    refused: list[Queued] = field(default_factory=list)


@dataclass(slots=True)
class _Command:
    """One call that is made until its system has it."""

    flight: _Flight
    operation: Operation
    row: Queued
    prepared: Prepared
    key: Mapping[str, str]
    tries: int = 0


@dataclass(slots=True)
class _Plan:
    """What becomes of a message: its commands, and the words that are counted."""

    commands: list[_Command] = field(default_factory=list)
    words: list[tuple[str, str]] = field(default_factory=list)


class _Recorded(Exception):
    """The message has to be recorded: something of it does not go well."""


class Passage:
    """Carries the messages of one channel that have no record. One thread calls `carry`, `step`."""

    def __init__(
        self, channel: Channel, project: Project, by: tuple[Store, Exchange], keep: Keep
    ) -> None:
        self._channel, self._project, self._keep = channel, project, keep
        self._store, self._exchange = by
        self._by = (project.contracts, self._exchange.env)
        self._context = Context(
            subscribers=project.subscribers, env=self._exchange.env, follow=follow
        )
        self._lock = threading.Lock()
        #: calls that come again, each with its time
        self._again: list[tuple[float, _Command]] = []
        #: messages of which a command has to be recorded, each with its time
        self._owed: list[tuple[float, _Flight]] = []
        #: adapters with calls that have not left, by system
        self._begun: dict[str, Overlapping] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._next_count = 0.0
        self._held = False
        self.settled: Settled = lambda _: None
        #: what keeps systems from taking, in words; empty = nothing does
        self.trouble = ""

    @property
    def rest(self) -> float:
        """Return for how many seconds there is nothing to do for `step`."""
        with self._lock:
            times = [at for at, _ in self._again] + [at for at, _ in self._owed]
        if self._counts:
            times.append(self._next_count)
        return max(0.0, min(times, default=monotonic() + LATE) - monotonic())

    def hold(self, held: bool) -> None:  # noqa: FBT001 (what it is set to)
        """Let everything be recorded, because a flow or a system is held back; or go on."""
        self._held = held

    def carry(self, parcel: Parcel) -> bool:
        """Begin everything that comes of a message; False when it has to be recorded instead."""
        if self._held:
            return False
        now = self._exchange.clock.now()
        delivery = Delivery(
            id=fresh_id(now),
            headers=parcel.headers,
            received_at=now,
            sha256=hashlib.sha256(parcel.body).hexdigest(),
        )
        flight = _Flight(parcel, delivery)
        try:
            plan = self._plan(flight)
        except (_Recorded, MessageError):
            return False
        flight.left = len(plan.commands)
        self._count(plan.words)
        for command in plan.commands:
            self._begin(command)
        if not plan.commands:
            self.settled(parcel)
        return True

    def step(self) -> None:
        """Begin again what was not taken, record what was refused, write counts, each in time."""
        now = monotonic()
        with self._lock:
            due = [one for at, one in self._again if at <= now]
            owed = [one for at, one in self._owed if at <= now]
            self._again = [one for one in self._again if one[0] > now]
            self._owed = [one for one in self._owed if one[0] > now]
        for command in due:
            self._begin(command)
        self.flush()
        for flight in owed:
            self._record(flight)
        if now >= self._next_count:
            self.write_counts()

    def flush(self) -> None:
        """Let everything leave that was begun."""
        for adapter in self._begun.values():
            adapter.flush()
        self._begun.clear()

    def write_counts(self) -> None:
        """Hand what was counted to the store; while it is away, it is kept."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._next_count = monotonic() + COUNTS
        if not counts:
            return

        def job(transaction: Transaction) -> None:
            for (consumer, word), number in counts.items():
                transaction.count(consumer, word, number)

        try:
            pending = self._store.submit(job)
            pending.when_done(partial(self._written, pending, counts))
        except Unavailable:
            self._put_back(counts)

    def _written(self, pending: Pending[None], counts: Counter[tuple[str, str]]) -> None:
        if pending.exception() is not None:
            self._put_back(counts)

    def _put_back(self, counts: Counter[tuple[str, str]]) -> None:
        with self._lock:
            self._counts.update(counts)

    def _count(self, words: list[tuple[str, str]]) -> None:
        with self._lock:
            self._counts.update(words)

    def _plan(self, flight: _Flight) -> _Plan:
        """Return what becomes of a message. Raises _Recorded, MessageError."""
        parcel = flight.parcel
        records = arrivals(self._channel, flight.delivery, parcel.body, self._by)
        arrival = records[0]
        plan = _Plan()
        route = self._channel.routes.get(arrival.message.kind)
        if isinstance(arrival.verdict, DeadLettered) or len(records) > 1:
            raise _Recorded
        if isinstance(route, Route) and not route.recorded:
            decision = run_route(route, arrival.message, self._context)
            row = Queued(lane="", consumer=route.name, message=arrival.message)
            self._follow(row, decision, (flight, plan))
            return plan
        raise _Recorded

    def _follow(self, row: Queued, decision: Decided, into: tuple[_Flight, _Plan]) -> None:
        """Take in a decision and all that follows from it. Raises _Recorded, MessageError."""
        flight, plan = into
        if isinstance(decision, DeadLettered | Needs):
            raise _Recorded
        plan.words.append((row.consumer, word_of(decision)))
        for one in rows_of(decision, row):
            flow = self._project.flows.get(one.consumer)
            if flow is None:
                plan.commands.append(self._command(flight, one))
            else:
                self._follow(one, run_flow(flow, one.message, self._context), into)

    def _command(self, flight: _Flight, row: Queued) -> _Command:
        """Return the exact call of a command. Raises MessageError."""
        operation = cast("Operation", self._exchange.operations[row.consumer])
        leg = Leg(row=row, command=operation, operation=operation)
        return _Command(
            flight=flight,
            operation=operation,
            row=row,
            prepared=prepare(self._exchange, leg, reference_of(leg.key, operation)),
            key=header_of(leg.key, operation),
        )

    def _begin(self, command: _Command) -> None:
        operation = command.operation
        self._begun[operation.system] = cast("Overlapping", self._exchange.adapter(operation))
        then = partial(self._came, command)
        self._exchange.begin(operation, command.prepared, command.key, then)

    def _came(self, command: _Command, outcome: Outcome) -> None:
        """Take in what came of a call, on any thread."""
        name = command.operation.name
        reach("passage.after_call")
        flight = command.flight
        with self._lock:
            if outcome.word in ("retry", "unknown"):
                pause = min(SOON * 2**command.tries, LATE)
                command.tries = min(command.tries + 1, 16)
                self._again.append((monotonic() + pause, command))
                self.trouble = f"{name}: {outcome.detail}"
                return
            if outcome.word == "done":
                self._counts[name, "done"] += 1
                self.trouble = self.trouble if self._again else ""
            else:
                flight.refused.append(command.row)
            flight.left -= 1
            over = not flight.left
            if over and flight.refused:
                self._owed.append((0.0, flight))
                return
        if over:
            self.settled(flight.parcel)

    def _record(self, flight: _Flight) -> None:
        """Record the commands that were refused: they are carried like all others, or buried."""
        try:
            pending = self._keep(flight.delivery, flight.parcel.body, flight.refused)
        except Unavailable:
            self._owe(flight)
            return
        pending.when_done(partial(self._kept, flight, pending))

    def _kept(self, flight: _Flight, pending: Pending[Receipt]) -> None:
        if pending.exception() is None:
            self.settled(flight.parcel)
        else:
            self._owe(flight)

    def _owe(self, flight: _Flight) -> None:
        with self._lock:
            self._owed.append((monotonic() + LATE, flight))


def is_unrecorded(channel: Channel) -> bool:
    """Return whether a channel has a route without a record."""
    routes: Iterator[Route] = (one for one in channel.routes.values() if isinstance(one, Route))
    return any(not one.recorded for one in routes)
