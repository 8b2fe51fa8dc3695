"""Owns: a command: its calls in order, from the first that is not done.
Imports: core, config, engine.retry, infra.store, runtime.effects, runtime.exchange.
Never: makes a call a second time that is done; goes on to a call before those before it are done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import chain

from router.config.systems import AnyOperation, Operation
from router.core.decision import DeadLettered
from router.core.errors import Held
from router.core.ports import Clock
from router.engine import retry
from router.infra.store.rows import Intent, Queued
from router.infra.store.store import Store
from router.runtime.caution import killer
from router.runtime.effects import Effects
from router.runtime.exchange import Exchange
from router.runtime.failpoints import reach
from router.runtime.former import FormerCalls, first_of, told
from router.runtime.replayed import replay_of
from router.runtime.requests import Gave, Leg, effect_key
from router.runtime.results import record_decision, record_settled
from router.runtime.verdicts import damaged


class Commands:
    """Carries commands. Safe for many threads: each row is in one thread's hands."""

    def __init__(
        self,
        store: Store,
        exchange: Exchange,
        operation_of: Callable[[Queued], AnyOperation | None],
        former: FormerCalls,
    ) -> None:
        """`operation_of` says by which operation a command is carried; `former` finds its past."""
        self._store = store
        self._exchange = exchange
        self._operation_of = operation_of
        #: makes their calls
        self.effects = Effects(store, exchange)
        self._former = former
        self._clock: Clock = exchange.clock

    def carry(self, row: Queued) -> None:
        """Carry one command as far as it goes: settled, or to come again. Raises Unavailable.

        After each call the store says which is next: a later call sees what is on disk, so that it
        sees the same after a crash. Raises Held, when its next call may not leave as yet.
        """
        if row.damage:
            self._bury(row, damaged(row))
            return
        command = self._operation_of(row)
        if command is None:
            detail = f"{row.consumer} is not declared"
            self._bury(row, DeadLettered(reason="no_consumer", detail=detail))
            return
        while self._step(row, command):
            reach("worker.between_calls")

    def _step(self, row: Queued, command: AnyOperation) -> bool:
        """Carry the first call that is not done; return whether another follows it."""
        intents, former = self._begun(row, command)
        leg = open_leg(row, command, intents)
        if leg is None:
            now = self._clock.now()
            last = intents[effect_key(row, command, command.calls[-1])]
            self._store.write(lambda t: record_settled(t, row, now, done=last))
            return False
        if former is not None and leg.key not in intents:
            self._bury(row, DeadLettered(reason="unknown", detail=told(former, command)))
            return False
        return self.effects.carry(leg, intents.get(leg.key))

    def fresh(self, rows: Sequence[Queued]) -> tuple[list[Leg], list[Queued]]:
        """Return the calls of those commands that are one call, of which nothing has begun so far;
        and the other commands. Raises Unavailable.
        """
        plain = [leg for row in rows if (leg := self._plain(row)) is not None]
        keys = {leg.row.id: [leg.key, *self._former.keys(leg.row, leg.command)] for leg in plain}
        with self._store.glance() as reader:  # each call is by itself, and all are this thread's
            begun = reader.intents(list(chain.from_iterable(keys.values())))
        legs = [leg for leg in plain if begun.keys().isdisjoint(keys[leg.row.id])]
        taken = {leg.row.id for leg in legs}
        return legs, [row for row in rows if row.id not in taken]

    def _plain(self, row: Queued) -> Leg | None:
        """Return the call of a command that is one call, None for any other and for a replay's."""
        command = None if row.damage or replay_of(row) else self._operation_of(row)
        if not isinstance(command, Operation):
            return None
        return Leg(row=row, command=command, operation=command)

    def _begun(self, row: Queued, command: AnyOperation) -> tuple[dict[str, Intent], Intent | None]:
        """Return what stands for a command's calls, and what calls of before have begun.

        What took the place of a command of one call is a command of its own.
        """
        keys = [effect_key(row, command, one) for one in command.calls]
        former = self._former.keys(row, command)
        with self._store.glance() as reader:  # each call is by itself, and all are this thread's
            found = reader.intents([row.message.id, *former])
            begun = found if keys == [row.message.id] else {**found, **reader.standing(keys)}
        return begun, first_of(former, found)

    def lasts(self, row: Queued) -> timedelta:
        """Return how long a command can take: its calls, and a look-up for each."""
        command = self._operation_of(row)
        calls = command.calls if command is not None else ()
        return sum((2 * self.effects.lasts(one) for one in calls), timedelta(0))

    def leave_alone(self, row: Queued, lasts: timedelta) -> None:
        """Let a command come again after a while, untouched. Raises Unavailable."""
        self.effects.later(row, self._clock.now() + lasts, "suspected")

    def wait_in_line(self, row: Queued, held: Held) -> None:
        """Let a command come again when its limit lets it, not counted as an attempt.

        Raises Unavailable.
        """
        self.effects.later(row, held.until, held.why[:64])

    def bury_killer(self, row: Queued) -> None:
        """Keep a command that ends the process for a person. Raises Unavailable."""
        command = self._operation_of(row)
        begun = self._begun(row, command)[0] if command is not None else {}
        under_way = any(not one.is_settled for one in begun.values())
        self._bury(row, killer("call" if under_way else "request"))

    def failed(self, row: Queued, error: Exception) -> bool:
        """Treat an unknown error as retryable up to the limit; False when that failed as well."""
        now = self._clock.now()
        failure = retry.Failure(reason="error", detail=f"{type(error).__name__} in the worker")
        try:
            command = self._operation_of(row)
            assert command is not None, "one that is not declared is buried"
            decision = retry.decide(row.message, command.policy, failure, now)
            self._store.write(lambda t: record_decision(t, row, decision, now))
        except Exception:  # noqa: BLE001 (the row stays in the queue)
            return False
        return True

    def _bury(self, row: Queued, decision: DeadLettered) -> None:
        now = self._clock.now()
        self._store.write(lambda t: record_decision(t, row, decision, now))


def open_leg(row: Queued, command: AnyOperation, intents: Mapping[str, Intent]) -> Leg | None:
    """Return the first call of a command that is not done, None when all are."""
    before: dict[str, Gave] = {}
    for operation in command.calls:
        leg = Leg(row=row, command=command, operation=operation, before=before)
        intent = intents.get(leg.key)
        if intent is None or intent.state != "done":
            return leg
        before[operation.word] = Gave(intent.their_reference, intent.result)
    return None
