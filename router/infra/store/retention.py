"""Owns: walking along the tables and taking away what has ended, in small pieces.
Imports: SQLAlchemy, infra.store.tables, infra.store.endings.
Never: decides what has ended; reads or takes more rows for one piece than it is told.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Table,
    delete,
    func,
    literal,
    select,
    tuple_,
)

from router.core.instants import time_text
from router.infra.store import endings, tables
from router.infra.store.endings import Bounds, Condition, birth_of, birth_text, job_time

#: where a walk along a table is: the key of a row, () before the first
Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The next rows along a table: up to which key, which of them go, whether it is the end."""

    up_to: Key
    going: tuple[Key, ...] = ()
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How one table is walked, and which of its rows go. `bound` names what decides their age.

    Rows lie in the order of their `stamp`: the walk ends at the first that is too young. A table
    that lies in no order of time has none and is walked to its end.
    """

    table: Table
    bound: str
    goes: Condition
    stamp: ColumnElement[str] | None = None
    #: how a time is written there
    written: Callable[[datetime], str] = time_text

    @property
    def name(self) -> str:
        """Return the name of the table."""
        return str(self.table.name)  # SQLAlchemy has a text of its own

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """Return the columns of its primary key: the order of the walk."""
        return list(self.table.primary_key)

    def age_of(self, bounds: Bounds) -> datetime | None:
        """Return before when its rows may go."""
        found: datetime | None = getattr(bounds, self.bound)
        return found

    def key_of(self, texts: Sequence[Any]) -> Key:
        """Return the key that `texts_of` wrote."""
        binary = [isinstance(one.type, LargeBinary) for one in self.columns]
        pairs = zip(texts, binary, strict=False)
        return tuple(bytes.fromhex(one) if is_binary else one for one, is_binary in pairs)


def texts_of(key: Key) -> tuple[Any, ...]:
    """Return a key as values that can be kept as JSON."""
    return tuple(one.hex() if isinstance(one, bytes) else one for one in key)


def walks_for(bounds: Bounds) -> Iterator[Walk]:
    """Yield the walks that a bound asks for, in their order.

    Claims are always walked: there are those with a time of their own.
    """
    for walk in WALKS:
        if walk.table is tables.claims or walk.age_of(bounds) is not None:
            yield walk


class Retention:
    """Forgetting over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def look(self, walk: Walk, bounds: Bounds, after: Key, most: tuple[int, int]) -> Piece:
        """Return the next piece of a walk; `most` says how many rows are looked at, how many go."""
        looked, goes = most
        rows = self._rows(walk, after, looked)
        ready = _old_enough(walk, bounds, rows)
        if not ready:
            return Piece(up_to=after, is_last=True)
        up_to = tuple(ready[-1][:-1])
        found = self._connection.execute(
            select(*walk.columns)
            .where(*_within(walk, after, up_to), self._condition(walk, bounds))
            .order_by(*walk.columns)
            .limit(goes + 1)
        ).all()
        going = tuple(tuple(row) for row in found[:goes])
        if len(found) > goes:
            return Piece(up_to=going[-1], going=going, is_last=False)
        return Piece(up_to=up_to, going=going, is_last=len(ready) < looked)

    def forget(self, walk: Walk, bounds: Bounds, going: Sequence[Key]) -> int:
        """Take away those rows that may still go at this moment; return how many there were."""
        if not going:
            return 0
        keys = [one[0] for one in going] if len(walk.columns) == 1 else going
        mine = delete(walk.table).where(_key(walk).in_(keys), self._condition(walk, bounds))
        return int(self._connection.execute(mine).rowcount)

    def count(self, walk: Walk, bounds: Bounds) -> int:
        """Return how many rows of a table may go at this moment."""
        goes = [self._condition(walk, bounds)]
        at = walk.age_of(bounds)
        if walk.stamp is not None and at is not None:
            goes.append(walk.stamp < walk.written(at))
        counted = select(func.count()).select_from(walk.table).where(*goes)
        return int(self._connection.execute(counted).scalar() or 0)

    def _condition(self, walk: Walk, bounds: Bounds) -> ColumnElement[bool]:
        if walk.table is tables.revisions:
            now = endings.oldest(self._connection, bounds.now)
            bounds = dataclasses.replace(bounds, oldest=now)
        return _condition(walk.name, bounds)

    def _rows(self, walk: Walk, after: Key, limit: int) -> Sequence[Any]:
        stamp = literal("") if walk.stamp is None else walk.stamp
        query = select(*walk.columns, stamp).where(*_beyond(walk, after))
        return self._connection.execute(query.order_by(*walk.columns).limit(limit)).all()


def _old_enough(walk: Walk, bounds: Bounds, rows: Sequence[Any]) -> Sequence[Any]:
    """Return the rows up to the first that is too young."""
    at = walk.age_of(bounds)
    if walk.stamp is None or at is None:
        return rows
    until = walk.written(at)
    young = (n for n, row in enumerate(rows) if row[-1] is not None and row[-1] >= until)
    return rows[: next(young, len(rows))]


@functools.lru_cache(2 * 12)  # of the pass that is under way, and of the one before
def _condition(name: str, bounds: Bounds) -> ColumnElement[bool]:
    """Return which rows of a table go: to write that down takes longer than to ask for a piece."""
    return next(one for one in WALKS if one.name == name).goes(bounds)


def _within(walk: Walk, after: Key, up_to: Key) -> list[ColumnElement[bool]]:
    key = _key(walk)
    return [*_beyond(walk, after), key <= _values(walk, up_to)]


def _beyond(walk: Walk, after: Key) -> list[ColumnElement[bool]]:
    return [_key(walk) > _values(walk, after)] if after else []


def _key(walk: Walk) -> ColumnElement[Any]:
    return walk.columns[0] if len(walk.columns) == 1 else tuple_(*walk.columns)


def _values(walk: Walk, key: Key) -> ColumnElement[Any]:
    values = [literal(one, column.type) for one, column in zip(key, walk.columns, strict=True)]
    return values[0] if len(values) == 1 else tuple_(*values)


def _by_birth(table: Table, bound: str, goes: Condition) -> Walk:
    stamp = birth_of(next(iter(table.primary_key)))
    return Walk(table=table, bound=bound, goes=goes, stamp=stamp, written=birth_text)


def _by_time(table: Table, bound: str, goes: Condition) -> Walk:
    return Walk(table=table, bound=bound, goes=goes, stamp=table.c.at)


def _by_job(table: Table, goes: Condition) -> Walk:
    return Walk(table=table, bound="journal", goes=goes, stamp=job_time(table.c.job))


#: what stays for the sake of others comes after them
WALKS = (
    _by_birth(tables.deliveries, "bodies", endings.deliveries),
    _by_birth(tables.intents, "journal", endings.intents),
    _by_birth(tables.dead, "journal", endings.letters),
    _by_job(tables.job_messages, endings.job_messages),
    _by_job(tables.job_items, endings.job_items),
    _by_time(tables.jobs, "journal", endings.jobs),
    _by_time(tables.commands, "journal", endings.commands),
    _by_time(tables.journal, "journal", endings.journal),
    Walk(table=tables.reference_words, bound="journal", goes=endings.reference_words),
    _by_time(tables.files, "claims", endings.files),
    Walk(table=tables.claims, bound="claims", goes=endings.claims),
    Walk(table=tables.revisions, bound="journal", goes=endings.revisions),
)
