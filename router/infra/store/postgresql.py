"""Owns: databases of PostgreSQL: engines, the settings of a connection, the hold of the daemons.
Imports: SQLAlchemy, psycopg behind it, infra.store.database.
Never: queries the router's tables; shows a password.

The hold is an advisory lock of the very connection that writes. So it cannot outlive the right to
write: when the connection is cut, so is the lock. Daemons share it; who changes the tables has it
alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from router.core.errors import Unavailable
from router.infra.store.database import NEWEST, Database, Hold, migrate, told

#: seconds to wait for the server
CONNECTING = 10
#: seconds that older daemons may take to stop, and between two looks whether they have
PATIENCE, LOOK = 20.0, 0.1
_REST = threading.Event()
#: connections of the threads that read
READERS = 16
#: number of the lock; the second half of its key is the schema
LOCK = 0x726F7574
#: a commit is on disk when it is told; the server lets go of a client that is gone
SETTINGS = {
    "synchronous_commit": "on",
    "lock_timeout": "20s",
    "timezone": "UTC",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # rows are gone to by their keys, whatever a table held when its statistics were taken, or when
    # a statement was planned
    "enable_seqscan": "off",
}
#: one that reads does nothing else, and what a transaction of it sees is of one moment; a query
#: is planned for what a table holds by then, not for the empty one of its first time
_READING = {
    **SETTINGS,
    "plan_cache_mode": "force_custom_plan",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": r"repeatable\ read",
}
_KEY = f"{LOCK}, hashtext(current_schema())"
_TRY = f"SELECT pg_try_advisory_lock({_KEY})"
_SHARE = f"SELECT pg_advisory_lock_shared({_KEY})"
_UNSHARE = f"SELECT pg_advisory_unlock_shared({_KEY})"
#: from having it alone to sharing it
_BACK = (_SHARE, f"SELECT pg_advisory_unlock({_KEY})")
_HELD = (
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND "  # noqa: S608
    f"classid::bigint = {LOCK} AND objid::bigint = hashtext(current_schema())::bigint & 4294967295 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Server(Database):
    """A database of a PostgreSQL server. Raises Unavailable for an address that is none."""

    def __init__(self, address: str) -> None:
        try:
            url = make_url(address)
        except ArgumentError as error:
            raise Unavailable("the address of the store is none: postgresql://...") from error
        if url.get_backend_name() != "postgresql":
            raise Unavailable(
                f"the address of the store begins with {url.drivername}:, not postgresql:"
            )
        self._url = url.set(drivername="postgresql+psycopg")

    def __str__(self) -> str:
        shown = URL.create(
            "postgresql", host=self._url.host, port=self._url.port, database=self._url.database
        )
        return shown.render_as_string()

    def exists(self) -> bool:
        """Return whether the router's tables are there."""
        return self._ask("SELECT to_regclass('alembic_version')") is not None

    def hold(self, *, alone: bool = False) -> Hold:
        """Share the lock in the connection that will write; migrate through it if need be."""
        engine = self._engine(pool_size=1, max_overflow=0)
        lives = _share_in_each(engine)
        try:
            if not _is_newest(engine):
                self._migrate(engine)
            if alone:
                self._have_alone(engine)
        except SQLAlchemyError as error:
            engine.dispose()
            raise Unavailable(f"the store {self} cannot be opened: {told(error)}") from error
        except Unavailable:
            engine.dispose()
            raise
        return Hold(
            writer=engine,
            release=partial(_let_go, engine),
            is_shared=True,
            life=lambda: len(lives),
        )

    def open(self, *, writes: bool) -> Engine:
        """Return an engine; a reading one sees in each transaction one moment, and cannot write."""
        if writes:
            return self._engine()
        return self._engine(_READING, pool_size=READERS)

    def is_held(self) -> bool:
        """Return whether a connection has the lock."""
        return self._ask(_HELD) is not None

    def _have_alone(self, engine: Engine) -> None:
        """Have the lock alone, as long as the connection lasts. Raises Unavailable."""
        if not _asked(engine, _TRY):
            raise Unavailable(f"another router runs on {self}")

    def _migrate(self, engine: Engine) -> None:
        """Have the lock alone meanwhile. Raises Unavailable while other daemons share it.

        Of several that start at once one migrates; the others see that it is done.
        """
        _run(engine, (_UNSHARE,))
        until = monotonic() + PATIENCE
        while not _asked(engine, _TRY):
            if _is_newest(engine):
                _run(engine, (_SHARE,))
                return
            if monotonic() > until:
                raise Unavailable(f"older routers run on {self}: stop them first")
            _REST.wait(LOOK)
        if not _is_newest(engine):
            migrate(engine.execution_options(isolation_level="READ COMMITTED"), str(self))
        _run(engine, _BACK)

    def _engine(self, settings: Mapping[str, str] = SETTINGS, **options: Any) -> Engine:
        """Return an engine whose transactions begin when they are told to."""
        asked = self._url.normalized_query.get("options", ())
        return create_engine(
            self._url,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # an error is logged, and a parameter can be a payload
            connect_args={
                "connect_timeout": CONNECTING,
                "application_name": "router",
                "options": " ".join(
                    [*asked, *(f"-c {k}={value}" for k, value in settings.items())]
                ),
            },
            **options,
        )

    def _ask(self, query: str) -> Any:
        engine = self._engine(pool_size=1)
        try:
            with engine.connect() as connection:
                return connection.exec_driver_sql(query).scalar()
        except SQLAlchemyError as error:
            raise Unavailable(f"the store {self} cannot be read: {told(error)}") from error
        finally:
            engine.dispose()


def _is_newest(engine: Engine) -> bool:
    with engine.connect() as connection:
        if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is None:
            return False
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return bool(found == NEWEST)


def _let_go(engine: Engine) -> None:
    """End the connection that writes. Its locks go first: the server ends it some time later."""
    with suppress(SQLAlchemyError):  # a connection that is lost has none
        _run(engine, ("SELECT pg_advisory_unlock_all()",))
    engine.dispose()


def _asked(engine: Engine, statement: str) -> bool:
    with engine.begin() as connection:
        return bool(connection.exec_driver_sql(statement).scalar())


def _run(engine: Engine, statements: Iterable[str]) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _share_in_each(engine: Engine) -> list[int]:
    """Let every connection of an engine share the lock; the list grows with each of them."""
    lives: list[int] = []

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_SHARE)
        connection.commit()
        lives.append(len(lives))

    return lives
