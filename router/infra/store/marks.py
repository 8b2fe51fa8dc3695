"""Owns: facts about processes, found by how their names begin; whether what they are about waits.
Imports: SQLAlchemy, infra.store.tables.
Never: writes.
"""

from __future__ import annotations

from sqlalchemy import Connection, exists, or_, select

from router.infra.store import tables


def marks(connection: Connection, prefix: str) -> dict[str, str]:
    """Return the facts whose names begin with `prefix`, by name."""
    table = tables.marks
    found = connection.execute(
        select(table.c.name, table.c.value).where(table.c.name.startswith(prefix, autoescape=True))
    )
    return {str(name): str(value) for name, value in found}


def waits(connection: Connection, message_id: str, consumer: str) -> bool:
    """Return whether a message waits for a consumer, to be handled at once or later."""
    places = (tables.queue, tables.due, tables.held_back)
    found = (
        exists().where(one.c.message_id == message_id, one.c.consumer == consumer) for one in places
    )
    return bool(connection.execute(select(or_(*found))).scalar())
