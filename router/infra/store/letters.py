"""Owns: looking at dead letters and saying what became of them.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: deletes a letter: it stays, with its state and a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select, update

from router.core.instants import time_text
from router.infra.store import tables
from router.infra.store.packing import unpack_row
from router.infra.store.records import DAY, WHOLE
from router.infra.store.rows import Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterQuery:
    """Which dead letters; what is empty does not narrow."""

    state: str = "open"
    message_id: str = ""
    consumer: str = ""
    reason: str = ""
    #: came by this channel, itself or what it derives from
    channel: str = ""
    #: died at or after, and before
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100_000


class Letters:
    """Dead letters over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, query: LetterQuery) -> list[dict[str, Any]]:
        """Return letters, the newest first, without their bodies."""
        columns = [column for column in tables.dead.c if column.name != "body"]
        rows = self._connection.execute(narrowed(select(*columns), query))
        return [dict(row) for row in rows.mappings()]

    def groups(self, query: LetterQuery) -> list[dict[str, Any]]:
        """Return how many letters there are by consumer and reason."""
        dead = tables.dead
        counted = narrowed(select(dead.c.consumer, dead.c.reason), query).subquery()
        rows = self._connection.execute(
            select(counted.c.consumer, counted.c.reason, func.count().label("n"))
            .group_by(counted.c.consumer, counted.c.reason)
            .order_by(func.count().desc())
        )
        return [dict(row) for row in rows.mappings()]

    def open_row(self, message_id: str, consumer: str) -> Queued | None:
        """Return the message of an open letter as it was queued, None when it is not open."""
        dead = tables.dead
        row = self._connection.execute(
            select(dead.c.lane, dead.c.body).where(
                dead.c.message_id == message_id, dead.c.consumer == consumer, dead.c.state == "open"
            )
        ).first()
        if row is None:
            return None
        return unpack_row((message_id, consumer), row.lane, row.body)

    def is_no_message(self, message_id: str, consumer: str) -> bool:
        """Return whether an open letter is about a day, or a delivery that has no records."""
        dead = tables.dead
        step = self._connection.execute(
            select(dead.c.step).where(
                dead.c.message_id == message_id, dead.c.consumer == consumer, dead.c.state == "open"
            )
        ).scalar()
        return step in (*WHOLE, DAY)

    def original(self, message_id: str) -> bytes | None:
        """Return the bytes that were delivered, None when the message had no delivery."""
        dead, deliveries = tables.dead, tables.deliveries
        found = self._connection.execute(
            select(deliveries.c.body)
            .join(dead, dead.c.delivery == deliveries.c.id)
            .where(dead.c.message_id == message_id)
        ).scalar()
        return None if found is None else bytes(found)

    def settle(self, message_id: str, consumer: str, state: str, note: str) -> None:
        """Say what became of a letter."""
        dead = tables.dead
        self._connection.execute(
            update(dead)
            .where(dead.c.message_id == message_id, dead.c.consumer == consumer)
            .values(state=state, note=note)
        )

    def replayed(self, message_id: str, consumer: str, note: str, state: str = "retried") -> None:
        """Say of an open letter, if there is one, that its message is on its way again.

        Without a consumer every open letter of the message is meant.
        """
        dead = tables.dead
        mine = [dead.c.consumer == consumer] if consumer else []
        self._connection.execute(
            update(dead)
            .where(dead.c.message_id == message_id, dead.c.state == "open", *mine)
            .values(state=state, note=note)
        )


def narrowed(statement: Select[Any], query: LetterQuery) -> Select[Any]:
    """Return a statement over dead letters that a query narrows, the newest first."""
    dead = tables.dead
    for column, value in (
        (dead.c.state, query.state),
        (dead.c.message_id, query.message_id),
        (dead.c.consumer, query.consumer),
        (dead.c.reason, query.reason),
    ):
        if value:
            statement = statement.where(column == value)
    if query.since is not None:
        statement = statement.where(dead.c.at >= time_text(query.since))
    if query.until is not None:
        statement = statement.where(dead.c.at < time_text(query.until))
    if query.channel:
        come = tables.deliveries
        by = exists().where(come.c.id == dead.c.delivery, come.c.channel == query.channel)
        statement = statement.where(by)
    return statement.order_by(dead.c.at.desc(), dead.c.message_id).limit(query.limit)
