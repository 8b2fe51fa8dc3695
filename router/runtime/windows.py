"""Owns: the closing of a window: what it holds is let go, piece by piece.
Imports: core, engine.workflow, infra.store, runtime.
Never: sends what was withdrawn; lets an instance not know that its command has left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from router.core.decision import DeadLettered
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


class Windows:
    """Closes windows. One thread calls it."""

    def __init__(self, store: Store, definitions: Definitions, turning: Turning) -> None:
        self._store = store
        self._definitions = definitions
        self._turning = turning

    def close(self, row: Queued, now: datetime) -> None:
        """Let go what a window holds; where there is much, the row comes again for the rest.

        Raises Unavailable.
        """
        workflow = row.consumer.removeprefix(WORKFLOW)
        told = row.message.payload
        assert isinstance(told, dict), "it was written by us"
        closes_at = time_of(str(told["closes_at"]))
        with self._store.read() as reader:
            held = reader.instances.held(workflow, str(told["window"]), closes_at, PIECE)
            known = reader.instances.get({instance for _, instance, _ in held})
            some: dict[str, Instance] = {}
            for kept in known.values():
                definition = self._definitions.by_mark(kept.mark, workflow, reader)
                if definition is not None:
                    some[kept.id] = opened(definition, kept)
        going, lost = self._let_go(row, held, some, now)

        def job(transaction: Transaction) -> None:
            transaction.settle((row.id,))
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
            if len(held) == PIECE:
                transaction.enqueue([replace(row, id=0)])

        reach("turns.before_window")
        self._store.write(job)

    def _let_go(
        self,
        row: Queued,
        held: Sequence[tuple[Queued, str, str]],
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
            id=derived_id(command.message.id, "closed"),
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
