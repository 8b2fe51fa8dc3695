"""Owns: what people ask about many instances of workflows: lists, questions, exceptions, counts.
Imports: SQLAlchemy, core, infra.store.instancetables.
Never: writes; walks along the turns of instances. What is open is few, and has its tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from router.core.instance import PARKED, TURN_LANE, consumer_of
from router.core.instants import time_text
from router.infra.codecs import decode_trusted
from router.infra.store import instancetables as tables
from router.infra.store.packing import unpack_row
from router.infra.store.rows import Queued
from router.infra.store.tables import due

#: what an exception about an event has of those about instances: it is of none
_OF_EVENT = {
    **dict.fromkeys(("key", "label", "instance"), None),
    **dict.fromkeys(("step", "item"), ""),
    **dict.fromkeys(("name", "code"), "ambiguous"),
}
#: what an instance as a whole may be, beside the statuses of the steps that it waits in
WHOLE = ("going", "ended", "suspended")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceQuery:
    """Which instances; what is empty does not narrow. Times are those of their beginning.

    `waits` is a step that it is in, `status` one of `WHOLE`, or what such a step is.
    """

    workflow: str = ""
    label: str = ""
    waits: str = ""
    status: str = ""
    task_of: str = ""
    exception: str = ""
    owner: str = ""
    since: str = ""
    until: str = ""

    @property
    def is_all(self) -> bool:
        """Whether it means every instance of its workflow."""
        return self == InstanceQuery(workflow=self.workflow)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionQuery:
    """Which exceptions; what is empty does not narrow."""

    workflow: str = ""
    category: str = ""
    owner: str = ""
    severity: str = ""
    closed: bool = False
    limit: int = 50


class Overview:
    """Questions over one connection; what it returns are documents."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def instances(self, query: InstanceQuery, limit: int) -> list[dict[str, Any]]:
        """Return the first instances that a query finds, without their states."""
        table = tables.instances
        columns = [one for one in table.c if one.name not in ("state", "hash", "mark")]
        found = narrowed(select(*columns), query).order_by(table.c.workflow, table.c.key)
        return [dict(row) for row in self._connection.execute(found.limit(limit)).mappings()]

    def ids(self, query: InstanceQuery) -> list[str]:
        """Return the ids of all instances that a query finds, by key."""
        table = tables.instances
        found = narrowed(select(table.c.id), query).order_by(table.c.workflow, table.c.key)
        return list(self._connection.execute(found).scalars())

    def marks(self, query: InstanceQuery) -> list[str]:
        """Return the definitions by which the instances go that a query finds."""
        found = narrowed(select(tables.instances.c.mark).distinct(), query)
        return sorted(self._connection.execute(found).scalars())

    def items(self, instance: str, step: str, status: str) -> list[str]:
        """Return the items of a step of an instance that are begun and not settled."""
        table = tables.waits
        query = select(table.c.item).where(table.c.instance == instance, table.c.step == step)
        if status:
            query = query.where(table.c.status == status)
        return list(self._connection.execute(query.order_by(table.c.item)).scalars())

    def count(self, query: InstanceQuery) -> int:
        """Return how many instances a query finds."""
        found = narrowed(select(func.count()).select_from(tables.instances), query)
        return int(self._connection.execute(found).scalar() or 0)

    def tasks(self, workflow: str, role: str, limit: int) -> list[dict[str, Any]]:
        """Return the questions that are open, the first to be answered first."""
        table, of = tables.tasks, tables.instances
        query = select(of.c.workflow, of.c.key, of.c.label, table).join(
            of, of.c.id == table.c.instance
        )
        if workflow:
            query = query.where(of.c.workflow == workflow)
        if role:
            query = query.where(table.c.role == role)
        rows = self._connection.execute(query.order_by(table.c.due_at).limit(limit))
        return [dict(row) for row in rows.mappings()]

    def exceptions(self, query: ExceptionQuery) -> list[dict[str, Any]]:
        """Return exceptions, of instances and of events that several of them fit: open ones by due
        time, else those that are over, the last first.
        """
        found = [*self._of_instances(query), *self._of_events(query)]
        time = "closed_at" if query.closed else "due_at"
        return sorted(found, key=lambda one: one[time], reverse=query.closed)[: query.limit]

    def _of_instances(self, query: ExceptionQuery) -> list[dict[str, Any]]:
        table, of = tables.exceptions, tables.instances
        found = select(of.c.workflow, of.c.key, of.c.label, table).join(
            of, of.c.id == table.c.instance
        )
        if query.workflow:
            found = found.where(of.c.workflow == query.workflow)
        rows = self._connection.execute(_excepted(found, table, query)).mappings()
        return [{**row, "by": decode_trusted(row["by"].encode())} for row in rows]

    def _of_events(self, query: ExceptionQuery) -> list[dict[str, Any]]:
        table, found = tables.ambiguities, select(tables.ambiguities)
        if query.workflow:
            found = found.where(table.c.workflow == query.workflow)
        rows = self._connection.execute(_excepted(found, table, query)).mappings()
        return [{**_OF_EVENT, **_decoded(row)} for row in rows]

    def unclear(self, workflow: str, key: str) -> list[dict[str, Any]]:
        """Return the events that an instance fits, and others: a person is asked which is meant."""
        table = tables.ambiguities
        query = select(table).where(table.c.workflow == workflow, table.c.closed_at.is_(None))
        rows = self._connection.execute(query.order_by(table.c.message_id)).mappings()
        return [told for told in map(_decoded, rows) if key in told["candidates"]]

    def about(self, instance: str, turns: int) -> dict[str, Any]:
        """Return what stands beside an instance: other names, held commands, its last turns."""
        names, held, told = tables.aliases, tables.held_items, tables.turns
        columns = (held.c.effect, held.c.consumer, held.c.window, held.c.group, held.c.closes_at)
        lines = ("seq", "at", "kind", "name", "actor", "outcome", "why", "label", "message_id")
        return {
            "names": self._all(
                select(names.c.kind, names.c.value)
                .where(names.c.instance == instance)
                .order_by(names.c.kind, names.c.value)
            ),
            "held": self._all(
                select(*columns).where(held.c.instance == instance).order_by(held.c.effect)
            ),
            "turns": self._all(
                select(*(told.c[one] for one in lines))
                .where(told.c.instance == instance)
                .order_by(told.c.seq.desc())
                .limit(turns)
            )[::-1],
        }

    def turned(self, message_id: str) -> list[dict[str, Any]]:
        """Return the turns that a message made: instance, outcome, why, label."""
        table = tables.turns
        columns = (table.c.instance, table.c.outcome, table.c.why, table.c.label)
        return self._all(select(*columns).where(table.c.message_id == message_id))

    def parked(self, workflow: str, limit: int) -> list[dict[str, Any]]:
        """Return events that wait for their instance, with the names that they wait by, and which
        instances they fit where these are several.
        """
        names, unclear = tables.parked, tables.ambiguities
        query = (
            select(names.c.message_id, names.c.kind, names.c.value, due.c.due_at, due.c.body)
            .add_columns(unclear.c.candidates)
            .join(due, _row_of(workflow, names.c.message_id))
            .outerjoin(unclear, _asked(workflow, names.c.message_id))
            .where(names.c.workflow == workflow)
            .order_by(names.c.message_id, names.c.kind, names.c.value)
        )
        made: dict[str, dict[str, Any]] = {}
        for row in self._connection.execute(query):
            one = made.setdefault(row.message_id, _parked(workflow, row))
            one["names"].append({"kind": row.kind, "value": row.value})
            if len(made) > limit:
                del made[row.message_id]
                break
        return list(made.values())

    def parked_row(self, message_id: str) -> Queued | None:
        """Return an event that waits for its instance, None when it does not."""
        query = select(due).where(
            due.c.message_id == message_id, due.c.lane == TURN_LANE, due.c.reason == PARKED
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return unpack_row((row.message_id, row.consumer), row.lane, row.body)

    # ---- counts, each over what is open

    def going(self) -> dict[tuple[str, ...], int]:
        """Return how many instances go on, by workflow and label."""
        table = tables.instances
        query = (
            select(table.c.workflow, table.c.label, func.count())
            .where(table.c.final == 0)
            .group_by(table.c.workflow, table.c.label)
        )
        return {(row[0], row[1]): int(row[2]) for row in self._connection.execute(query)}

    def open_tasks(self) -> dict[tuple[str, ...], int]:
        """Return how many questions are open, by workflow and role."""
        return self._by(tables.tasks, "role")

    def open_exceptions(self) -> dict[tuple[str, ...], int]:
        """Return how many exceptions are open, by workflow and category."""
        found = self._by(tables.exceptions, "category", tables.exceptions.c.closed_at.is_(None))
        counts = Counter(found)
        for key, number in self._ambiguous().items():
            counts[key] += number
        return dict(counts)

    def oldest_waits(self) -> dict[str, str]:
        """Return since when the oldest of the steps that are begun waits, by workflow."""
        table, of = tables.waits, tables.instances
        query = (
            select(of.c.workflow, func.min(table.c.since))
            .join(of, of.c.id == table.c.instance)
            .group_by(of.c.workflow)
        )
        return {row[0]: str(row[1]) for row in self._connection.execute(query)}

    def parked_by_workflow(self) -> dict[str, int]:
        """Return how many events wait for their instance."""
        table = tables.parked
        query = select(table.c.workflow, func.count(table.c.message_id.distinct())).group_by(
            table.c.workflow
        )
        return {row[0]: int(row[1]) for row in self._connection.execute(query)}

    def ambiguous_by_workflow(self) -> dict[str, int]:
        """Return about how many events a person is asked which instance they mean."""
        counts: Counter[str] = Counter()
        for (workflow, _), number in self._ambiguous().items():
            counts[workflow] += number
        return dict(counts)

    def _ambiguous(self) -> dict[tuple[str, ...], int]:
        table = tables.ambiguities
        query = select(table.c.workflow, table.c.category, func.count())
        query = query.where(table.c.closed_at.is_(None))
        rows = self._connection.execute(query.group_by(table.c.workflow, table.c.category))
        return {(row[0], row[1]): int(row[2]) for row in rows}

    def _by(self, table: Any, word: str, *only: Any) -> dict[tuple[str, ...], int]:
        of = tables.instances
        query = (
            select(of.c.workflow, table.c[word], func.count())
            .select_from(table.join(of, of.c.id == table.c.instance))
            .where(*only)
            .group_by(of.c.workflow, table.c[word])
        )
        return {(row[0], row[1]): int(row[2]) for row in self._connection.execute(query)}

    def _all(self, query: Select[Any]) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(query).mappings()]


def narrowed(found: Select[Any], query: InstanceQuery) -> Select[Any]:
    """Return a query over instances with the conditions of another."""
    return found.where(*_conditions(query))


def since_until(since: datetime | None, until: datetime | None) -> dict[str, str]:
    """Return the times of a query as texts."""
    times = {"since": since, "until": until}
    return {name: time_text(at) for name, at in times.items() if at is not None}


def _conditions(query: InstanceQuery) -> Iterator[Any]:
    table, step, status = tables.instances, query.waits, query.status
    for name, wanted in (("workflow", query.workflow), ("label", query.label)):
        if wanted:
            yield table.c[name] == wanted
    if status in WHOLE:
        yield {
            "going": table.c.final == 0,
            "ended": table.c.final == 1,
            "suspended": and_(table.c.final == 0, table.c.suspended != ""),
        }[status]
        status = ""
    if step or status:
        yield _has(tables.waits, step=step, status=status)
    if query.task_of:
        yield _has(tables.tasks, role=query.task_of)
    if query.exception or query.owner:
        yield _has(tables.exceptions, category=query.exception, owner=query.owner)
    if query.since:
        yield table.c.began_at >= query.since
    if query.until:
        yield table.c.began_at < query.until


def _has(table: Any, **wanted: str) -> Any:
    """Return the condition that an instance has an open row with these values."""
    same = [table.c[name] == value for name, value in wanted.items() if value]
    if "closed_at" in table.c:
        same.append(table.c.closed_at.is_(None))
    return tables.instances.c.id.in_(select(table.c.instance).where(*same))


def _row_of(workflow: str, message_id: Any) -> Any:
    return and_(
        due.c.message_id == message_id,
        due.c.consumer == consumer_of(workflow),
        due.c.reason == PARKED,
    )


def _asked(workflow: str, message_id: Any) -> Any:
    table = tables.ambiguities
    return and_(
        table.c.workflow == workflow,
        table.c.message_id == message_id,
        table.c.closed_at.is_(None),
    )


def _excepted(found: Select[Any], table: Any, query: ExceptionQuery) -> Select[Any]:
    """Return a query over exceptions with the conditions and the order of another."""
    for name in ("category", "owner", "severity"):
        if wanted := getattr(query, name):
            found = found.where(table.c[name] == wanted)
    if query.closed:
        found = found.where(table.c.closed_at.is_not(None)).order_by(table.c.closed_at.desc())
    else:
        found = found.where(table.c.closed_at.is_(None)).order_by(table.c.due_at)
    return found.limit(query.limit)


def _decoded(row: Any) -> dict[str, Any]:
    """Return a row about an ambiguous event with its documents."""
    documents = {name: decode_trusted(row[name].encode()) for name in ("candidates", "by")}
    return {**row, **documents}


def _parked(workflow: str, row: Any) -> dict[str, Any]:
    extra = unpack_row((row.message_id, consumer_of(workflow)), TURN_LANE, row.body).extra or {}
    return {
        "workflow": workflow,
        "message_id": row.message_id,
        "event": extra.get("event", ""),
        "since": extra.get(PARKED),
        "until": row.due_at,
        "names": [],
        "candidates": decode_trusted((row.candidates or "[]").encode()),
    }
