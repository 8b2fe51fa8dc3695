"""Owns: what is read of lanes: the next rows, and whether a row still stands.
Imports: SQLAlchemy, infra.store.tables.
Never: writes; gives a row that a pause holds back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, and_, select, true

from router.infra.store import tables
from router.infra.store.handoff import Handoff
from router.infra.store.packing import unpack_row
from router.infra.store.pauses import Pause, passes
from router.infra.store.rows import Queued
from router.infra.store.statements import ask

#: bound parameters of one statement; SQLite allows 32,766, short statements are prepared once
CHUNK = 500


class LaneReader:
    """Lanes as one moment shows them."""

    _connection: Connection
    _handoff: Handoff

    def queued(
        self,
        lane: str,
        after: int,
        limit: int,
        pauses: Sequence[Pause] = (),
        up_to: int | None = None,
    ) -> list[Queued]:
        """Return the next rows of a lane in the order of their publishing, but none that a pause
        holds back.
        """
        table = tables.queue
        if pauses or up_to is not None:
            rows = self._connection.execute(_passing(lane, after, limit, pauses, up_to))
        else:
            rows = ask(self._connection, "queued", {"lane": lane, "after": after, "most": limit})
        found: dict[int, Queued | None] = {}
        for number, message_id, consumer in rows.all():
            ready = found[number] = self._handoff.take(message_id, consumer)
            if ready is not None:
                ready.id = number  # it was taken out: nobody else has it
        wanted = [number for number, ready in found.items() if ready is None]
        for start in range(0, len(wanted), CHUNK):
            part = table.c.id.in_(wanted[start : start + CHUNK])
            for row in self._connection.execute(select(table).where(part)):
                found[row.id] = queued_of(row)
        return [ready for ready in found.values() if ready is not None]

    def place_of(
        self, row: Queued, pauses: Sequence[Pause] = ()
    ) -> Literal["stands", "held", "gone"]:
        """Return whether a row stands as it was read, and whether pauses hold it back."""
        table = tables.queue
        goes = and_(true(), *map(passes, pauses))
        query = select(goes).where(table.c.id == row.id, table.c.message_id == row.message.id)
        found = self._connection.execute(query.where(table.c.consumer == row.consumer)).first()
        return "gone" if found is None else "stands" if found[0] else "held"

    def still_queued(self, ids: Sequence[int]) -> set[int]:
        """Return which of some rows stand in the queue."""
        column = tables.queue.c.id
        return set(self._connection.execute(select(column).where(column.in_(ids))).scalars())


def _passing(
    lane: str, after: int, limit: int, pauses: Sequence[Pause], up_to: int | None
) -> Select[Any]:
    """Return the query for the next rows of a lane that no pause holds back."""
    table = tables.queue
    query = select(table.c.id, table.c.message_id, table.c.consumer)
    query = query.where(table.c.lane == lane, table.c.id > after)
    for pause in pauses:
        query = query.where(passes(pause))
    if up_to is not None:
        query = query.where(table.c.id <= up_to)
    return query.order_by(table.c.id).limit(limit)


def queued_of(row: Row[Any]) -> Queued:
    """Return a row of the queue, decoded."""
    return unpack_row((row.message_id, row.consumer), row.lane, row.body, getattr(row, "id", 0))
