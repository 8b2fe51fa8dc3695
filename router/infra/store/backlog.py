"""Owns: what waits, by consumer and by where it waits, and since when.
Imports: SQLAlchemy, infra.store.tables.
Never: writes; reads a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from router.core.message import BORN
from router.infra.store import tables

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: where a message waits, and the table that holds it
_PLACES = {
    "queue": tables.queue,
    "due": tables.due,
    "held_back": tables.held_back,
    "dead": tables.dead,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Messages of one consumer that wait in one place; `since` is when the oldest came in."""

    consumer: str
    place: str
    messages: int
    since: datetime


def backlogs(connection: Connection) -> list[Backlog]:
    """Return what waits: queued, due at a time, held back behind another, dead and open."""
    found = []
    for place, table in _PLACES.items():
        consumer = table.c.consumer
        query = select(consumer, func.count(), func.min(table.c.message_id)).group_by(consumer)
        if place == "dead":
            query = query.where(tables.dead.c.state == "open")
        for name, messages, oldest in connection.execute(query):
            since = born(oldest)
            found.append(Backlog(consumer=name, place=place, messages=messages, since=since))
    return found


def born(message_id: str) -> datetime:
    """Return when what a message derives from came in: its id begins with that time."""
    try:
        return _EPOCH + timedelta(milliseconds=int(message_id[:BORN], 16))
    except (ValueError, OverflowError):  # the row is damaged
        return _EPOCH
