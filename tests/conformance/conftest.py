"""Places for a store of each kind, fresh for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.infra.store.database import Database
from router.infra.store.postgresql import Server
from router.infra.store.rows import Queued
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from tests.live.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A private server with a database `made` that the migrations built."""
    with Postgres().running() as server:
        server.run("CREATE DATABASE made")
        Store.on(Server(server.address("made")), "rev1").close()
        yield server


@pytest.fixture
def server(postgres: Postgres) -> Server:
    """A fresh database of the server."""
    return Server(postgres.fresh("made"))


@pytest.fixture
def file(tmp_path: Path) -> SqliteFile:
    """A database file that is not there yet."""
    return SqliteFile(tmp_path / "store.db")


@pytest.fixture(params=["file", "server"])
def place(request: Any) -> Database:
    """A fresh database of each kind."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def kept(place: Database) -> Iterator[Store]:
    """A fresh store of each kind that outlives its process, with a writer thread."""
    made = Store.on(place, "rev1")
    yield made
    made.close()


@pytest.fixture(params=["file", "server", "memory"])
def store(request: Any) -> Iterator[Store]:
    """A fresh store of each kind."""
    if request.param == "memory":
        made = Store.in_memory("rev1")
    else:
        made = Store.on(request.getfixturevalue(request.param), "rev1")
    yield made
    made.close()


@pytest.fixture
def row_of(message_of: Any) -> Any:
    """A maker of queue rows."""

    def make(name: str, lane: str = "loop", payload: Any = None, **fields: Any) -> Queued:
        return Queued(lane=lane, consumer="c", message=message_of(payload, id=name), **fields)

    return make
