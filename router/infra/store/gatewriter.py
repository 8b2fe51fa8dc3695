"""Owns: what a transaction writes about gates: of one order key one message at a time is first.
Imports: SQLAlchemy, infra.store.tables.
Never: lets two messages of a key be first, in one process or in several; commits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

from router.core.instants import time_text
from router.infra.store import tables
from router.infra.store.packing import pack_row
from router.infra.store.rows import Queued
from router.infra.store.statements import module_of


class GateWriter(ABC):
    """Gates as a transaction writes them."""

    #: lanes that got rows: who to wake after the commit
    woken: set[str]

    @property
    @abstractmethod
    def connection(self) -> Connection:
        """Return the connection, with everything sent that was collected."""

    @abstractmethod
    def settle(self, ids: Iterable[int]) -> None:
        """Take queue rows away."""

    @abstractmethod
    def enqueue(self, rows: Iterable[Queued]) -> None:
        """Publish messages."""

    @abstractmethod
    def _insert(self, table: Table, **row: Any) -> None:
        """Collect a row."""

    def hold_back(self, row: Queued, at: datetime) -> None:
        """Let a message wait behind the gate of its order key; its queue row goes.

        When the gate was opened meanwhile, the message becomes first and is published anew.
        """
        self.settle((row.id,))
        if self.enter_gate(row, at):
            self.enqueue((row,))
            return
        self._insert(
            tables.held_back,
            consumer=row.consumer,
            order_key=row.message.order_key,
            lane=row.lane,
            message_id=row.message.id,
            body=pack_row(row),
        )

    def close_gate(self, row: Queued, at: datetime) -> None:
        """Let a message be first: later ones of its key wait until it is settled."""
        put = (
            module_of(self.connection.dialect)
            .insert(tables.gates)
            .values(
                consumer=row.consumer,
                order_key=row.message.order_key,
                holder=row.message.id,
                since=time_text(at),
            )
        )
        self.connection.execute(put.on_conflict_do_nothing())

    def enter_gate(self, row: Queued, at: datetime) -> bool:
        """Become first unless somebody else is; return whether this message is first.

        Until the commit nobody opens the gate: who waits behind it is found by who does.
        """
        held = None
        while held is None:  # the gate that was in the way may have gone before it was looked at
            self.close_gate(row, at)
            held = self._holder(row)
        return bool(held == row.message.id)

    def _holder(self, row: Queued) -> str | None:
        """Return who is first, None when nobody is; another process waits until the commit."""
        gate = tables.gates
        found = select(gate.c.holder).where(
            gate.c.consumer == row.consumer, gate.c.order_key == row.message.order_key
        )
        held: str | None = self.connection.execute(found.with_for_update()).scalar()
        return held

    def pass_gate(self, row: Queued, heir: str) -> None:
        """Let another message take the place of the one that is first."""
        gate = tables.gates
        self.connection.execute(
            update(gate)
            .where(
                gate.c.consumer == row.consumer,
                gate.c.order_key == row.message.order_key,
                gate.c.holder == row.message.id,
            )
            .values(holder=heir)
        )

    def open_gate(self, row: Queued, at: datetime) -> None:
        """Settle the message that is first: the next one of its key becomes first and goes on."""
        gate, waiting = tables.gates, tables.held_back
        mine = (gate.c.consumer == row.consumer, gate.c.order_key == row.message.order_key)
        if self._holder(row) != row.message.id:
            return
        following = self.connection.execute(
            select(waiting)
            .where(
                waiting.c.consumer == row.consumer,
                waiting.c.order_key == row.message.order_key,
            )
            .order_by(waiting.c.id)
            .limit(1)
        ).first()
        if following is None:
            self.connection.execute(delete(gate).where(*mine))
            return
        self.connection.execute(
            update(gate).where(*mine).values(holder=following.message_id, since=time_text(at))
        )
        self.connection.execute(delete(waiting).where(waiting.c.id == following.id))
        self.woken.add(following.lane)
        self._insert(
            tables.queue,
            lane=following.lane,
            consumer=following.consumer,
            message_id=following.message_id,
            body=following.body,
        )
