"""Owns: ringing for what other processes wait for: a lane that has got rows.
Imports: SQLAlchemy, psycopg behind it.
Never: carries anything (who is rung looks into the queue); is needed (who is not rung looks soon).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from router.infra.store.pipeline import Statement

#: the channel of all routers of a database; each schema is told by its name
_CHANNEL = "router"
_RING = f"SELECT pg_notify('{_CHANNEL}', current_schema() || ' ' || %s)"
#: seconds between two looks whether it is to end, and after which a lost connection is made anew
_LOOK = 0.5


def rings(lanes: Iterable[str]) -> list[Statement]:
    """Return what rings for lanes on a server once it is committed; a file has one process, which
    rings itself.
    """
    return [(_RING, (lane,)) for lane in sorted(lanes)]


def hear(engine: Engine, ring: Callable[[str], None], ending: threading.Event) -> None:
    """Call `ring` with each lane that another process rings for, until it is to end.

    While the server is away it tries again. `ring` does not raise.
    """
    assert engine.dialect.dbapi is not None, "an engine has a driver"
    away = (SQLAlchemyError, engine.dialect.dbapi.Error)
    while not ending.is_set():
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.detach()  # one that listens goes back to nobody
                _hear(connection, ring, ending)
        except away:
            ending.wait(_LOOK)


def _hear(listening: Connection, ring: Callable[[str], None], ending: threading.Event) -> None:
    schema = listening.exec_driver_sql("SELECT current_schema()").scalar()
    listening.exec_driver_sql(f"LISTEN {_CHANNEL}")
    driver: Any = listening.connection.dbapi_connection
    assert driver is not None, "it is open"
    while not ending.is_set():
        for note in driver.notifies(timeout=_LOOK, stop_after=1):
            name, _, lane = note.payload.partition(" ")
            if name == schema:
                ring(lane)
        listening.exec_driver_sql("SELECT 1")  # a cut connection is told here, as one of ours
