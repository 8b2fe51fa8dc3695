"""Owns: facts about processes, found by how their names begin.
Imports: SQLAlchemy, infra.store.tables.
Never: writes.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from router.infra.store import tables


def marks(connection: Connection, prefix: str) -> dict[str, str]:
    """Return the facts whose names begin with `prefix`, by name."""
    table = tables.marks
    found = connection.execute(
        select(table.c.name, table.c.value).where(table.c.name.startswith(prefix, autoescape=True))
    )
    return {str(name): str(value) for name, value in found}
