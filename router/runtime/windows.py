"""Owns: the closing of a window: what it holds is let go, piece by piece.
Imports: core, engine.workflow, infra.store, runtime.
Never: sends what was withdrawn; lets an instance not know that its command has left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeAlias

from router.core.decision import DeadLettered
from router.core.errors import MessageError
from router.core.instance import WORKFLOW
from router.core.instants import time_of
from router.core.message import derived_id
from router.engine.workflow.answers import APPLIED
from router.engine.workflow.values import WindowClosed
from router.infra.store.rows import Entry, Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.definitions import Definitions
from router.runtime.failpoints import reach
from router.runtime.halving import in_halves
from router.runtime.instance import Instance, opened
from router.runtime.recording import record_ending
from router.runtime.turning import Turning
from router.runtime.turnrecords import record_instance
from router.runtime.verdicts import lane_of

#: commands that one transaction lets go
PIECE = 256
_LOST = DeadLettered(
    reason="definition_lost", detail="the definition of its workflow does not load any more"
)
#: a command with its instance and its effect
Held: TypeAlias = tuple[Queued, str, str]


class Windows:
    """Closes windows. One thread calls it."""

    def __init__(self, store: Store, definitions: Definitions, turning: Turning) -> None:
        self._store = store
        self._definitions = definitions
        self._turning = turning

    def close(self, row: Queued, now: datetime) -> None:
        """Let go what a window holds; where there is much, the row comes again for the rest.

        A command that cannot be let go is given up alone. Raises Unavailable.
        """
        told = row.message.payload
        assert isinstance(told, dict), "it was written by us"
        closes_at = time_of(str(told["closes_at"]))
        workflow = row.consumer.removeprefix(WORKFLOW)
        with self._store.read() as reader:
            held = reader.instances.held(workflow, str(told["window"]), closes_at, PIECE)
        if held:
            give_up = partial(self._give_up, now)
            in_halves(held, partial(self._piece, row, now), give_up)

        def job(transaction: Transaction) -> None:
            transaction.settle((row.id,))
            if len(held) == PIECE:
                transaction.enqueue([replace(row, id=0)])

        self._store.write(job)

    def _piece(self, row: Queued, now: datetime, held: Sequence[Held]) -> None:
        """Let commands go together with what their instances make of it."""
        workflow = row.consumer.removeprefix(WORKFLOW)
        some: dict[str, Instance] = {}
        with self._store.read() as reader:
            known = reader.instances.get({instance for _, instance, _ in held})
            for kept in known.values():
                definition = self._definitions.by_mark(kept.mark, workflow, reader)
                if definition is not None:
                    some[kept.id] = opened(definition, kept)
        going, lost = self._let_go(row, held, some, now)

        def job(transaction: Transaction) -> None:
            for command, _, _ in held:
                transaction.release_item(command.message.id)
            for one in some.values():
                if one.lines:
                    record_instance(transaction, one)
            transaction.enqueue(going)
            for command in going:
                _note(transaction, row, command, now)
            for command in lost:
                record_ending(transaction, command, _LOST, now)

        reach("turns.before_window")
        self._store.write(job)

    def _give_up(self, now: datetime, held: Held, error: Exception) -> None:
        command, _, _ = held

        def job(transaction: Transaction) -> None:
            transaction.release_item(command.message.id)
            record_ending(transaction, command, poison(error), now)

        self._store.write(job)

    def _let_go(
        self,
        row: Queued,
        held: Sequence[Held],
        some: Mapping[str, Instance],
        now: datetime,
    ) -> tuple[list[Queued], list[Queued]]:
        """Tell instances that their commands leave; return those that do, and those of which the
        instance cannot be told. What was withdrawn meanwhile is neither.
        """
        going, lost = [], []
        for command, number, effect in held:
            one = some.get(number)
            if one is None:
                lost.append(command)
            elif self._leaves(one, row, (command, effect), now):
                going.append(replace(command, lane=lane_of(command.consumer)))
        return going, lost

    def _leaves(self, one: Instance, row: Queued, held: tuple[Queued, str], now: datetime) -> bool:
        """Tell an instance that its command leaves; return whether it is wanted."""
        command, effect = held
        message = replace(
            command.message,
            id=derived_id(command.message.id, "closed", row.message.id),  # it may be held again
            causationid=command.message.id,
            payload={"key": effect},
        )
        came = WindowClosed(key=effect)
        made = self._turning.take(one, replace(row, message=message), came, now)
        return made.outcome == APPLIED


def _note(transaction: Transaction, row: Queued, command: Queued, now: datetime) -> None:
    transaction.write(
        Entry(
            at=now,
            message=command.message,
            consumer=row.consumer,
            word="released",
            detail={"operation": command.consumer},
        )
    )


def poison(error: Exception) -> DeadLettered:
    """Return the dead letter of what makes a turn fail."""
    code = error.code if isinstance(error, MessageError) else "poison"
    return DeadLettered(reason=code, detail=f"{type(error).__name__}: {error}", step="turn")
