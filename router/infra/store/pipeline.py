"""Owns: statements on their way to a server in one go: one round trip, the commit in it.
Imports: SQLAlchemy, psycopg behind it.
Never: knows a table; gives rows (who wants rows asks for them); runs on what is no server.

The server takes what is sent as one piece: behind a statement that fails it runs none, so neither
the commit. Which one failed is not known for sure: who wants to know sends them one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

#: its text, and its parameters as the driver takes them
Statement: TypeAlias = tuple[str, Any]


def on_server(connection: Connection) -> bool:
    """Return whether a connection leads to a server, which takes statements in one go."""
    return connection.dialect.name == "postgresql"


def send(connection: Connection, statements: Sequence[Statement]) -> None:
    """Run statements. Raises what SQLAlchemy raises, and tells it of a connection that was cut."""
    driver: Any = connection.connection.dbapi_connection
    dbapi: Any = connection.dialect.dbapi
    cursor: Any = driver.cursor()
    try:
        with driver.pipeline():
            for text, values in statements:
                cursor.execute(text, values)
    except dbapi.Error as error:
        raise _told(connection, driver, error) from error


def _told(connection: Connection, driver: Any, error: Any) -> Exception:
    """Return an error of the driver as SQLAlchemy's; a connection that is gone is let go."""
    dialect = connection.dialect
    gone = dialect.is_disconnect(error, driver, None)
    if gone:
        connection.invalidate(error)
    dbapi: Any = dialect.dbapi
    told: Exception = DBAPIError.instance(
        None,
        None,
        error,
        dbapi.Error,
        hide_parameters=True,
        connection_invalidated=gone,
        dialect=dialect,
    )
    return told
