"""Owns: opening a database: engines, SQLite's settings, migrations, the lock of one daemon.
Imports: SQLAlchemy, Alembic.
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
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import LRUCache

from router.core.errors import Unavailable
from router.infra.store.tables import metadata

#: milliseconds that a reader waits for a writer of another process
BUSY_MS = 5_000
#: pages of the log that are copied into the file at once (16 MB): what changes again and again
#: is copied once
CHECKPOINT = 4_000
#: compiled statements that are kept for all databases in memory; there are some 200
STATEMENTS = 1_000

#: the migration that makes the tables as they are; a test holds it against the migrations
NEWEST = "0005"


def open_file(path: Path, *, writes: bool) -> Engine:
    """Return an engine over a SQLite file; a writing one begins every transaction as a writer."""
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"check_same_thread": False},
        hide_parameters=True,  # an error is logged, and a parameter can be a payload
    )
    _settings(engine, "BEGIN IMMEDIATE" if writes else "BEGIN")
    return engine


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


def migrate(path: Path) -> None:
    """Bring a database file to the newest revision. Raises Unavailable when it cannot be."""
    from alembic import command  # noqa: PLC0415 (a third of the start-up time of every command)
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = open_file(path, writes=True)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise Unavailable(f"the store {path} is a newer router's: use that one") from error
    except (SQLAlchemyError, Unavailable) as error:
        raise Unavailable(f"the store {path} cannot be opened: {told(error)}") from error
    finally:
        engine.dispose()


def told(error: Exception) -> str:
    """Return what the database itself says, without SQLAlchemy's words around it."""
    return str(getattr(error, "orig", None) or error)


def ensure_newest(engine: Engine, path: Path) -> None:
    """Raise Unavailable when a database file is not of the revision that this router reads."""
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except SQLAlchemyError as error:
        raise Unavailable(f"the store {path} cannot be read: {told(error)}") from error
    if found != NEWEST:
        raise Unavailable(
            f"the store {path} is of revision {found}, this router reads {NEWEST}: router run "
            "brings an older one up to date"
        )


class DaemonLock:
    """Keeps a second daemon off one store: SQLite has one writer, and the loop owns the queue."""

    def __init__(self, path: Path) -> None:
        """Take the lock beside `path`. Raises Unavailable when another daemon holds it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise Unavailable(f"another router runs on {path}: stop it first") from error

    @staticmethod
    def is_held(path: Path) -> bool:
        """Return whether a daemon runs on this store."""
        try:
            DaemonLock(path).release()
        except Unavailable:
            return True
        return False

    def release(self) -> None:
        """Let the lock go."""
        os.close(self._file)


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
