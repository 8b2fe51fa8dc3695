"""Owns: what a database is to the store: opening it, holding it against others, its migrations.
Imports: SQLAlchemy, Alembic.
Never: queries the router's tables; knows a dialect (sqlite.py, postgresql.py do).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from router.core.errors import Unavailable

#: the migration that makes the tables as they are; a test holds it against the migrations
NEWEST = "0011"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A database that this process writes to; other daemons do if it `is_shared`, none if not.

    `life` tells which connection writes: what it leads ends with it. `release` lets it go.
    """

    writer: Engine
    release: Callable[[], None]
    is_shared: bool = False
    life: Callable[[], int] = lambda: 0


class Database(ABC):
    """A place for a store. Its text is how people know it, without a password."""

    @abstractmethod
    def exists(self) -> bool:
        """Return whether a store was made here. Raises Unavailable when that cannot be seen."""

    @abstractmethod
    def hold(self, *, alone: bool = False) -> Hold:
        """Return it for a daemon: made if need be, migrated. Raises Unavailable when it cannot be
        had, or is held by another, where it is no shared one or shall be held `alone`.
        """

    @abstractmethod
    def open(self, *, writes: bool) -> Engine:
        """Return an engine beside the daemon's; what one transaction of a reading one sees is of
        one moment.
        """

    @abstractmethod
    def is_held(self) -> bool:
        """Return whether a daemon runs on it. Raises Unavailable when that cannot be seen."""


def migrate(engine: Engine, name: str) -> None:
    """Bring a database to the newest revision. Raises Unavailable when it cannot be."""
    from alembic import command  # noqa: PLC0415 (a third of the start-up time of every command)
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise Unavailable(f"the store {name} is a newer router's: use that one") from error
    except SQLAlchemyError as error:
        raise Unavailable(f"the store {name} cannot be opened: {told(error)}") from error
    except Unavailable as error:
        raise Unavailable(f"the store {name} cannot be opened: {error}") from error


def told(error: Exception) -> str:
    """Return what the database itself says, without SQLAlchemy's words around it."""
    return str(getattr(error, "orig", None) or error).strip()


def ensure_newest(engine: Engine, name: str) -> None:
    """Raise Unavailable when a database is not of the revision that this router reads."""
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except SQLAlchemyError as error:
        raise Unavailable(f"the store {name} cannot be read: {told(error)}") from error
    if found != NEWEST:
        raise Unavailable(
            f"the store {name} is of revision {found}, this router reads {NEWEST}: router run "
            "brings an older one up to date"
        )
