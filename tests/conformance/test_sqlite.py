"""What is so of a store on a file alone: the file, its lock, a full disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.core.errors import Unavailable
from router.infra.store.sqlite import BUSY_MS, SqliteFile
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from tests.conformance.test_store import HANG, Gate, names, put, queued


@pytest.fixture
def on_file(file: SqliteFile) -> Iterator[Store]:
    """A store with a writer thread."""
    made = Store.on(file, "rev1")
    yield made
    made.close()


def test_a_store_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no store"):
        Store.to_read(SqliteFile(tmp_path / "store.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["garbage", "folder"])
def test_what_is_no_database_is_unavailable(tmp_path: Path, what: str) -> None:
    path = tmp_path / "store.db"
    if what == "garbage":
        path.write_bytes(b"this is no database at all" * 100)
    else:
        path.mkdir()
    with pytest.raises(Unavailable):
        Store.on(SqliteFile(path), "rev1")
    with pytest.raises(Unavailable, match="cannot be read"):
        Store.to_read(SqliteFile(path))
    with pytest.raises(Unavailable, match="cannot be read"):
        Store.beside(SqliteFile(path))


def test_an_opening_that_failed_gives_its_lock_back(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.mkdir()
    with pytest.raises(Unavailable):
        Store.on(SqliteFile(path), "rev1")
    path.rmdir()
    Store.on(SqliteFile(path), "rev1").close()


def test_a_full_disk_is_the_store_being_away(on_file: Store, row_of: Any) -> None:
    # not the message's fault: it must not be taken for a row that cannot be written
    def small(transaction: Transaction) -> None:
        connection = transaction.connection
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def large(transaction: Transaction) -> None:
        connection = transaction.connection
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")

    on_file.write(put(row_of("before")))
    on_file.write(small)
    gate = Gate(on_file)
    futures = [on_file.submit(put(row_of(f"m{n}", payload="x" * 500_000))) for n in range(3)]
    gate.opened.set()
    assert [type(one.exception(HANG)) for one in futures] == [Unavailable] * 3
    assert names(queued(on_file)) == ["before"]
    on_file.write(large)
    on_file.write(put(row_of("after", payload="x" * 500_000)))
    assert names(queued(on_file)) == ["before", "after"]


def test_a_database_that_another_process_holds_is_the_store_being_away(
    tmp_path: Path, row_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.infra.store.sqlite.BUSY_MS", 50)
    assert BUSY_MS > 50
    store = Store.on(SqliteFile(tmp_path / "store.db"), "rev1")
    store.write(put(row_of("a")))
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        store.write(put(row_of("b")))
    assert names(queued(store)) == ["a"]  # readers are not held up
    other.execute("ROLLBACK")
    other.close()
    store.write(put(row_of("c")))
    assert names(queued(store)) == ["a", "c"]
    store.close()


def test_tables_that_are_gone_are_the_store_being_away(on_file: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "store.db")
    other.execute("DROP TABLE due")
    other.commit()
    other.close()
    with pytest.raises(Unavailable), on_file.read() as reader:
        reader.next_due()


def test_a_database_is_migrated_before_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a" / "store.db"
    SqliteFile(path).hold().release()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() != []
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
