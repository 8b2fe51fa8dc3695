"""Owns: what is paused, drained or let go slowly, and which rows pass; what waits of one name.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: takes a message away (who resumes does).

A name is `channel:NAME`, `flow:NAME`, `system:NAME` or `workflow:NAME`. Paused: none of its rows
passes. Draining: those pass that were there when it began, by message and consumer, for a row that
comes again has another number. Slow: rows pass up to a number that moves on.

What is there of a workflow are its instances, not rows: a time-out that passes a fence before the
answer behind it would be wrong. While it drains its rows pass, and the turner begins no instance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from router.core.instance import TURN_LANE, WORKFLOW
from router.infra.store import tables
from router.infra.store.instancetables import instances
from router.infra.store.packing import unpack_row
from router.infra.store.rows import Queued
from router.infra.store.statements import module_of

PAUSED, DRAINING, SLOW = "paused", "draining", "slow"
#: a drain is about to begin: nothing new is taken, and nothing is held back as yet; never stored
CLOSING = "closing"
#: bound parameters of one statement
CHUNK = 500
#: where a message may wait
_PLACES = {"queue": tables.queue, "due": tables.due, "held_back": tables.held_back}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What holds the rows of one name back. `at` as the store writes times."""

    name: str
    at: str
    reason: str
    #: paused, draining, slow, closing
    mode: str = PAUSED
    #: slow: messages a minute
    rate: int = 0
    #: slow: queue rows up to this one pass
    goes_to: int = 0
    #: slow: the newest row that waited when it began; behind it everything passes
    ends_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that waits: where, and what decides whether it may go on."""

    #: queue, due, held_back
    place: str
    #: the number of its row; 0 for a due one
    row: int
    message_id: str
    consumer: str
    order_key: str
    #: when its message came to the router, or was put on its way by an operator
    since: datetime
    #: it is decided already (it could not be decoded) and only waits to be recorded
    decided: bool


def passes(pause: Pause) -> ColumnElement[bool]:
    """Return the condition that a queue row is not held back by a pause."""
    queue = tables.queue
    if pause.mode == CLOSING or (pause.mode == DRAINING and _is_workflow(pause.name)):
        return true()
    if pause.mode == DRAINING:
        beyond: ColumnElement[bool] = _fenced(queue, pause.name)
    else:
        beyond = queue.c.id <= pause.goes_to if pause.mode == SLOW else false()
    # the lane of a system has nothing but its rows: an index does the rest
    return beyond if pause.name.startswith("system:") else or_(~_of(queue, pause.name), beyond)


def moved_on(old: Sequence[Pause], new: Sequence[Pause]) -> list[tuple[int, int]] | None:
    """Return the ranges of rows (after, up to) that pass by now, when that is all that changed;
    None when rows anywhere may be concerned.
    """
    if [_but_place(one) for one in old] != [_but_place(one) for one in new]:
        return None
    return [
        (one.goes_to, other.goes_to)
        for one, other in zip(old, new, strict=True)
        if one.goes_to != other.goes_to
    ]


def closed_by(pauses: Sequence[Pause]) -> frozenset[str]:
    """Return the channels that take nothing new."""
    names = [one.name.partition(":") for one in pauses if one.mode in (CLOSING, DRAINING)]
    return frozenset(name for kind, _, name in names if kind == "channel")


def closed_workflows(pauses: Sequence[Pause]) -> frozenset[str]:
    """Return the workflows of which no instance begins."""
    names = [one.name for one in pauses if one.mode in (CLOSING, DRAINING)]
    return frozenset(one.removeprefix(WORKFLOW) for one in names if _is_workflow(one))


def standing_still(pauses: Sequence[Pause]) -> frozenset[str]:
    """Return the workflows for which rows about instances may wait."""
    names = [one.name for one in pauses if one.mode in (PAUSED, SLOW)]
    return frozenset(one.removeprefix(WORKFLOW) for one in names if _is_workflow(one))


class Pauses:
    """Pauses, fences and what waits, over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Pause, ...]:
        """Return everything that is held back in any way, by name."""
        table = tables.pauses
        rows = self._connection.execute(select(table).order_by(table.c.name))
        return tuple(Pause(**row) for row in rows.mappings())

    def get(self, name: str) -> Pause | None:
        """Return what holds a name back, None when nothing does."""
        return next((one for one in self.all() if one.name == name), None)

    def put(self, pause: Pause) -> None:
        """Hold a name back; what held it before does so no more. Draining sets its fence here."""
        self.lift(pause.name)
        values = {column.name: getattr(pause, column.name) for column in tables.pauses.c}
        self._connection.execute(tables.pauses.insert().values(values))
        if pause.mode == DRAINING and not _is_workflow(pause.name):
            self._fence(pause.name)

    def lift(self, name: str) -> None:
        """Hold a name back no more."""
        for table in (tables.pauses, tables.fences):
            self._connection.execute(delete(table).where(table.c.name == name))

    def keep(self, names: Sequence[str]) -> None:
        """Forget what is held back under any other name."""
        for one in self.all():
            if one.name not in names:
                self.lift(one.name)

    def let_go(self, name: str, size: int, in_hand: Sequence[int]) -> None:
        """Let the next rows of a slow name pass, not more than `size` beside those in hand.

        It ends when what waited at its beginning has passed.
        """
        pause = self.get(name)
        if pause is None or pause.mode != SLOW:
            return
        queue = tables.queue
        mine = and_(queue.c.lane == _lane(name), _of(queue, name))
        before = select(queue.c.id).where(mine, queue.c.id <= pause.goes_to)
        before = before.limit(size + len(in_hand))
        still = set(self._connection.execute(before).scalars()) - set(in_hand)
        following = self._connection.execute(
            select(queue.c.id)
            .where(mine, queue.c.id > pause.goes_to)
            .order_by(queue.c.id)
            .limit(max(0, size - len(still)))
        ).scalars()
        last = max(following, default=pause.goes_to)
        if last >= pause.ends_at or self._none_left(pause):
            self.lift(name)
            return
        table = tables.pauses
        self._connection.execute(update(table).where(table.c.name == name).values(goes_to=last))

    def heir(self, message_id: str, consumer: str, heir: str) -> None:
        """Let another message pass every fence that this one passes."""
        fence = tables.fences
        source = select(fence.c.name, literal(heir), fence.c.consumer).where(
            fence.c.message_id == message_id, fence.c.consumer == consumer
        )
        self._into_fence(source)

    def newest(self, name: str) -> int:
        """Return the number of the newest queue row of a name, 0 when none waits."""
        queue = tables.queue
        found = self._connection.execute(
            select(func.max(queue.c.id)).where(queue.c.lane == _lane(name), _of(queue, name))
        )
        return int(found.scalar() or 0)

    def left(self, pause: Pause) -> int:
        """Return how many messages are to be worked off before a drain or a slow resume ends; of
        a workflow that drains, how many instances.
        """
        if pause.mode == SLOW:
            return self._count(
                tables.queue,
                pause.name,
                tables.queue.c.id.between(pause.goes_to + 1, pause.ends_at),
            )
        if _is_workflow(pause.name):
            return self._going(pause.name)
        return sum(
            self._count(table, pause.name, _fenced(table, pause.name)) for table in _PLACES.values()
        )

    def behind(self, pause: Pause) -> int:
        """Return how many queue rows of its name a pause holds back; of a workflow that drains,
        those that are there: what goes on does not stay.
        """
        if pause.mode == DRAINING and _is_workflow(pause.name):
            return self._count(tables.queue, pause.name, true())
        return self._count(tables.queue, pause.name, ~passes(pause))

    def dead(self, name: str) -> int:
        """Return how many open dead letters a name has: a drain does not wait for them."""
        return self._count(tables.dead, name, tables.dead.c.state == "open")

    def waiting(self, name: str) -> Iterator[Waiting]:
        """Yield every message that waits for a name and that nothing lets pass as yet.

        What comes to a workflow at a time does not wait for it.
        """
        pause, is_workflow = self.get(name), _is_workflow(name)
        for place, table in _PLACES.items():
            if is_workflow and place != "queue":
                continue
            query = select(table).where(_of(table, name))
            if pause is not None and pause.mode == DRAINING and not is_workflow:
                query = query.where(~_fenced(table, name))
            if pause is not None and pause.mode == SLOW and place == "queue":
                query = query.where(table.c.id > pause.goes_to)
            for row in self._connection.execute(query.execution_options(yield_per=500)):
                yield _waiting(place, row)

    def rows(self, waiting: Sequence[Waiting]) -> list[Queued]:
        """Return the messages of one place whole, in the order asked for; a queue row's number."""
        made = []
        for one in waiting:
            table = _PLACES[one.place]
            where = (
                and_(table.c.message_id == one.message_id, table.c.consumer == one.consumer)
                if one.place == "due"
                else table.c.id == one.row
            )
            row = self._connection.execute(select(table.c.lane, table.c.body).where(where)).one()
            number = one.row if one.place == "queue" else 0
            identity = one.message_id, one.consumer
            made.append(unpack_row(identity, row.lane, row.body, number))
        return made

    def holders(self, name: str) -> dict[tuple[str, str], str]:
        """Return who is first, by (consumer, order key), among the consumers of a name."""
        gate = tables.gates
        rows = self._connection.execute(select(gate).where(_of(gate, name)))
        return {(row.consumer, row.order_key): row.holder for row in rows}

    def operations(self, system: str) -> list[str]:
        """Return the operations of a system of which a call was ever begun."""
        operation = tables.intents.c.operation
        mine = operation.startswith(f"{system}.", autoescape=True)
        return list(self._connection.execute(select(operation).where(mine).distinct()).scalars())

    def intended(self, keys: Sequence[str]) -> set[str]:
        """Return those effects that were begun."""
        table = tables.intents
        found: set[str] = set()
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            query = select(table.c.key).where(table.c.key.in_(part))
            found.update(self._connection.execute(query).scalars())
        return found

    def remove_held_back(self, rows: Sequence[int]) -> None:
        """Take messages away that wait behind another of their key."""
        table = tables.held_back
        for row in rows:
            self._connection.execute(delete(table).where(table.c.id == row))

    def _none_left(self, pause: Pause) -> bool:
        between = tables.queue.c.id.between(pause.goes_to + 1, pause.ends_at)
        return not self._count(tables.queue, pause.name, between)

    def _going(self, name: str) -> int:
        """Return how many instances of a workflow have not ended."""
        mine = instances.c.workflow == name.removeprefix(WORKFLOW)
        query = select(func.count()).where(mine, instances.c.final == 0)
        return int(self._connection.execute(query).scalar() or 0)

    def _fence(self, name: str) -> None:
        """Let everything pass that is there now; an open letter too, for it may be retried."""
        for table in (*_PLACES.values(), tables.dead):
            mine = [_of(table, name)]
            if table is tables.dead:
                mine.append(table.c.state == "open")
            self._into_fence(
                select(literal(name), table.c.message_id, table.c.consumer).where(*mine).distinct()
            )

    def _into_fence(self, source: Any) -> None:
        put = module_of(self._connection.dialect).insert(tables.fences)
        self._connection.execute(
            put.from_select(["name", "message_id", "consumer"], source).on_conflict_do_nothing()
        )

    def _count(self, table: Table, name: str, where: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(table).where(_of(table, name), where)
        if table is tables.queue:
            query = query.where(table.c.lane == _lane(name))
        return int(self._connection.execute(query).scalar() or 0)


def _lane(name: str) -> str:
    kind, _, rest = name.partition(":")
    if kind == "workflow":
        return TURN_LANE
    return f"sys.{rest}" if kind == "system" else "loop"


def _is_workflow(name: str) -> bool:
    return name.startswith(WORKFLOW)


def _of(table: Table, name: str) -> ColumnElement[bool]:
    """Return the condition that a row's consumer belongs to a name."""
    kind, _, rest = name.partition(":")
    if kind in ("flow", "workflow"):
        return table.c.consumer == name
    return table.c.consumer.startswith(rest + (":" if kind == "channel" else "."), autoescape=True)


def _fenced(table: Table, name: str) -> ColumnElement[bool]:
    fence = tables.fences
    return exists().where(
        fence.c.name == name,
        fence.c.message_id == table.c.message_id,
        fence.c.consumer == table.c.consumer,
    )


def _but_place(pause: Pause) -> tuple[Any, ...]:
    return (pause.name, pause.mode, pause.rate, pause.ends_at)


def _waiting(place: str, row: Any) -> Waiting:
    found = unpack_row((row.message_id, row.consumer), row.lane, row.body)
    return Waiting(
        place=place,
        row=0 if place == "due" else row.id,
        message_id=row.message_id,
        consumer=row.consumer,
        order_key=found.message.order_key,
        since=found.message.occurred_at,
        decided=bool(found.damage or (found.extra or {}).get("verdict")),
    )
