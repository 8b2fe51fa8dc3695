"""Owns: the closing of a window: what it holds is let go, piece by piece.
Imports: core, engine.workflow, infra.store, runtime.
Never: sends what was withdrawn; lets an instance not know that its command has left.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

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
from router.runtime.turning import Turning
from router.runtime.turnrecords import record_instance
from router.runtime.verdicts import lane_of

#: commands that one transaction lets go
PIECE = 256


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
        going = [one for one in (self._let_go(row, one, some, now) for one in held) if one]

        def job(transaction: Transaction) -> None:
            transaction.settle((row.id,))
            for command, _, _ in held:
                transaction.release_item(command.message.id)
            for one in some.values():
                if one.lines:
                    record_instance(transaction, one)
            transaction.enqueue(going)
            if len(held) == PIECE:
                transaction.enqueue([replace(row, id=0)])
            for command in going:
                _note(transaction, row, command, now)

        reach("turns.before_window")
        self._store.write(job)

    def _let_go(
        self,
        row: Queued,
        held: tuple[Queued, str, str],
        some: dict[str, Instance],
        now: datetime,
    ) -> Queued | None:
        """Tell an instance that its command leaves; return it, None when it is not wanted."""
        command, number, effect = held
        one = some.get(number)
        if one is None:
            return None
        cause = replace(
            row,
            message=replace(
                command.message,
                id=derived_id(command.message.id, "closed"),
                causationid=command.message.id,
                payload={"key": effect},
            ),
        )
        made = self._turning.take(one, cause, WindowClosed(key=effect), now)
        if made.outcome != APPLIED:
            return None
        return replace(command, lane=lane_of(command.consumer))


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
