"""Owns: databases of SQLite: a file, its settings, the lock of one daemon; one in memory.
Imports: SQLAlchemy, infra.store.database.
Never: queries the router's tables.
"""

from __future__ import annotations

import fcntl
import functools
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Dialect, Engine, create_engine, event
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import LRUCache

from router.core.errors import Unavailable
from router.infra.store.database import Database, Hold, migrate
from router.infra.store.schema import metadata

#: milliseconds that a reader waits for a writer of another process
BUSY_MS = 5_000
#: pages of the log that are copied into the file at once (16 MB): what changes again and again
#: is copied once
CHECKPOINT = 4_000
#: compiled statements that are kept for all databases in memory; there are some 200
STATEMENTS = 1_000


class SqliteFile(Database):
    """A database file; its daemon holds a lock beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        """Return whether there is a file."""
        return self.path.exists()

    def hold(self, *, alone: bool = False) -> Hold:
        """Lock the file, migrate it, open it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = _Lock(self.path)
        engine = self.open(writes=True)
        try:
            migrate(engine, str(self))
        except Unavailable:
            engine.dispose()
            lock.release()
            raise
        return Hold(writer=engine, release=lock.release)

    def open(self, *, writes: bool) -> Engine:
        """Return an engine; a writing one begins every transaction as a writer."""
        engine = create_engine(
            f"sqlite:///{self.path}",
            connect_args={"check_same_thread": False},
            hide_parameters=True,  # an error is logged, and a parameter can be a payload
        )
        _settings(engine, "BEGIN IMMEDIATE" if writes else "BEGIN")
        return engine

    def is_held(self) -> bool:
        """Return whether a daemon has the lock."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _Lock(self.path).release()
        except Unavailable:
            return True
        return False


class _Lock:
    """Keeps a second daemon off one file: SQLite has one writer, and the loop owns the queue."""

    def __init__(self, path: Path) -> None:
        """Take the lock beside `path`. Raises Unavailable when another daemon holds it."""
        self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise Unavailable(f"another router runs on {path}: stop it first") from error

    def release(self) -> None:
        """Let the lock go."""
        os.close(self._file)


def open_memory() -> Engine:
    """Return an engine over a new database in memory: one connection, one thread.

    Each test of a project has one of its own; what they can share is made once.
    """
    model = _model()
    engine = Engine(
        StaticPool(_connect),
        model.dialect,
        model.url,
        hide_parameters=True,
        execution_options={"compiled_cache": model.statements},
    )
    _settings(engine, "BEGIN")
    with engine.connect() as connection:
        connection.connection.cursor().executescript(model.tables)
    return engine


@dataclass(frozen=True, slots=True)
class _Model:
    """What databases in memory share: dialect, text of the tables, compiled statements."""

    url: URL
    dialect: Dialect
    tables: str
    statements: LRUCache[Any, Any]


@functools.cache
def _model() -> _Model:
    engine = create_engine("sqlite://", creator=_connect, poolclass=StaticPool)
    metadata.create_all(engine)
    made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' "
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(made + "ESCAPE '!' ORDER BY rowid").scalars()
        tables = ";\n".join(rows) + ";"
    engine.dispose()
    return _Model(engine.url, engine.dialect, tables, LRUCache(STATEMENTS))


def _connect() -> Any:
    return sqlite3.connect(":memory:", check_same_thread=False)


def _settings(engine: Engine, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={BUSY_MS}",
            "cache_size=-65536",
            f"wal_autocheckpoint={CHECKPOINT}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)
