"""Owns: what is read of instances of workflows: states, turns, names, what they wait for.
Imports: SQLAlchemy, core.instance, infra.store.instancetables.
Never: writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from router.core.instance import PARKED, TURN_LANE, Snapshot, TurnLine, consumer_of
from router.core.instants import time_of, time_text
from router.infra.codecs import decode_trusted
from router.infra.store import instancetables as tables
from router.infra.store.keyed import rows_for, rows_for_pairs
from router.infra.store.packing import unpack_row
from router.infra.store.rows import Queued
from router.infra.store.tables import due

#: an alias: kind, value
Name = tuple[str, str]


class Instances:
    """Instances over one connection; what it returns are values."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def named(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Snapshot]:
        """Return instances by (workflow, key)."""
        table = tables.instances
        by = (table.c.workflow, table.c.key)
        rows = rows_for_pairs(self._connection, select(table), by, keys)
        found = (_snapshot(row) for row in rows)
        return {(one.workflow, one.key): one for one in found}

    def get(self, ids: Iterable[str]) -> dict[str, Snapshot]:
        """Return instances by id."""
        table = tables.instances
        rows = rows_for(self._connection, select(table), table.c.id, ids)
        found = (_snapshot(row) for row in rows)
        return {one.id: one for one in found}

    def find(self, workflow: str, limit: int = 100) -> list[Snapshot]:
        """Return instances of a workflow, those that began first, first."""
        table = tables.instances
        query = select(table).where(table.c.workflow == workflow).order_by(table.c.id).limit(limit)
        return [_snapshot(row) for row in self._connection.execute(query)]

    def going(self, workflow: str, after: str, limit: int, label: str = "") -> list[Snapshot]:
        """Return the next instances of a workflow that have not ended, ordered by id."""
        table = tables.instances
        query = select(table).where(
            table.c.workflow == workflow, table.c.final == 0, table.c.id > after
        )
        if label:
            query = query.where(table.c.label == label)
        found = self._connection.execute(query.order_by(table.c.id).limit(limit))
        return [_snapshot(row) for row in found]

    def definitions(self, workflow: str) -> list[tuple[str, int]]:
        """Return marks and versions of definitions that instances went by, the newest first."""
        table = tables.definitions
        query = select(table.c.mark, table.c.version).where(table.c.workflow == workflow)
        rows = self._connection.execute(query.order_by(table.c.at.desc(), table.c.version.desc()))
        return [(row.mark, row.version) for row in rows]

    def outcomes(self, message_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return what came of messages that had a turn: (outcome, why)."""
        table = tables.turns
        query = select(table.c.message_id, table.c.outcome, table.c.why)
        rows = rows_for(self._connection, query, table.c.message_id, message_ids)
        return {row.message_id: (row.outcome, row.why) for row in rows}

    def by_alias(self, workflow: str, names: Iterable[Name]) -> dict[Name, list[str]]:
        """Return the ids of the instances that go by each name."""
        table = tables.aliases
        query = select(table).where(table.c.workflow == workflow)
        found: defaultdict[Name, list[str]] = defaultdict(list)
        by = (table.c.kind, table.c.value)
        for row in rows_for_pairs(self._connection, query, by, _cut(names)):
            found[row.kind, row.value].append(row.instance)
        return found

    def taken(self, message_ids: Iterable[str]) -> set[tuple[str, str]]:
        """Return which of some messages had a turn: (message, instance)."""
        table = tables.turns
        query = select(table.c.message_id, table.c.instance)
        return {
            (row.message_id, row.instance)
            for row in rows_for(self._connection, query, table.c.message_id, message_ids)
        }

    def forgotten(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the last labels of instances that were forgotten, by (workflow, key)."""
        table = tables.tombstones
        by = (table.c.workflow, table.c.key)
        rows = rows_for_pairs(self._connection, select(table), by, keys)
        return {(row.workflow, row.key): row.label for row in rows}

    def parked(self, workflow: str, names: Iterable[Name]) -> list[str]:
        """Return the messages that wait for an instance by one of these names, in their order."""
        table = tables.parked
        query = select(table.c.message_id).where(table.c.workflow == workflow)
        rows = rows_for_pairs(self._connection, query, (table.c.kind, table.c.value), _cut(names))
        return sorted({row.message_id for row in rows})

    def parked_events(self, workflow: str) -> int:
        """Return how many events wait for their instance."""
        table = due
        query = select(func.count()).where(
            table.c.lane == TURN_LANE,
            table.c.consumer == consumer_of(workflow),
            table.c.reason == PARKED,
        )
        return int(self._connection.execute(query).scalar() or 0)

    def waiting_events(self, message_ids: Iterable[str]) -> list[Queued]:
        """Return events that wait for their instance, as they were parked."""
        table = due
        query = select(table).where(table.c.lane == TURN_LANE)
        return [
            unpack_row((row.message_id, row.consumer), row.lane, row.body)
            for row in rows_for(self._connection, query, table.c.message_id, message_ids)
        ]

    def revision_of(self, mark: str) -> str:
        """Return a configuration that has a definition, an empty text when none is known."""
        table = tables.definitions
        query = select(table.c.revision).where(table.c.mark == mark)
        return str(self._connection.execute(query).scalar() or "")

    def held(
        self, workflow: str, window: str, closes_at: datetime, limit: int
    ) -> list[tuple[Queued, str, str]]:
        """Return the next commands that a window holds: each with its instance and its effect."""
        table = tables.held_items
        query = (
            select(table)
            .where(
                table.c.workflow == workflow,
                table.c.window == window,
                table.c.closes_at == time_text(closes_at),
            )
            .order_by(table.c.group, table.c.message_id)
            .limit(limit)
        )
        return [
            (
                unpack_row((row.message_id, row.consumer), "", row.body),
                str(row.instance),
                str(row.effect),
            )
            for row in self._connection.execute(query)
        ]

    def ended(self, workflow: str, before: datetime, limit: int) -> list[Snapshot]:
        """Return instances that ended before a time, those that ended first, first."""
        table = tables.instances
        query = (
            select(table)
            .where(table.c.workflow == workflow, table.c.ended_at < time_text(before))
            .order_by(table.c.ended_at)
            .limit(limit)
        )
        return [_snapshot(row) for row in self._connection.execute(query)]

    def closings(self, workflow: str, window: str) -> list[tuple[datetime, int]]:
        """Return when a window closes that holds something of a workflow, and how much it holds."""
        table = tables.held_items
        query = (
            select(table.c.closes_at, func.count())
            .where(table.c.workflow == workflow, table.c.window == window)
            .group_by(table.c.closes_at)
            .order_by(table.c.closes_at)
        )
        return [(time_of(at), int(number)) for at, number in self._connection.execute(query)]

    def turns(self, instance: str) -> Iterator[TurnLine]:
        """Yield the turns of an instance in order."""
        table = tables.turns
        query = select(table).where(table.c.instance == instance).order_by(table.c.seq)
        return (_line(row) for row in self._connection.execute(query))


def _cut(names: Iterable[Name]) -> list[Name]:
    return [(kind, value[:256]) for kind, value in names]


def _snapshot(row: Any) -> Snapshot:
    return Snapshot(
        id=row.id,
        workflow=row.workflow,
        key=row.key,
        mark=row.mark,
        turns=row.turns,
        correlationid=row.correlationid,
        began_at=time_of(row.began_at),
        at=time_of(row.at),
        ended_at=time_of(row.ended_at) if row.ended_at else None,
        hash=row.hash,
        state=decode_trusted(row.state),
    )


def _line(row: Any) -> TurnLine:
    return TurnLine(
        instance=row.instance,
        seq=row.seq,
        message_id=row.message_id,
        at=time_of(row.at),
        kind=row.kind,
        name=row.name,
        mark=row.mark,
        actor=row.actor,
        input=decode_trusted(row.input.encode()),
        decisions=decode_trusted(row.decisions.encode()),
        effects=tuple(decode_trusted(row.effects.encode())),
        outcome=row.outcome,
        why=row.why,
        label=row.label,
        hash=row.hash,
    )
