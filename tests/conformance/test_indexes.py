"""What a batch reads and takes away is found by an index, on each store, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from router.infra.store.postgresql import Server
from router.infra.store.reader import Reader
from router.infra.store.sqlite import SqliteFile
from router.infra.store.statements import GONE, by_arrays
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from tests.conftest import NOON

#: what a batch looks for, by what it is called
LOOKS: dict[str, Callable[[Reader], object]] = {
    "instances by key": lambda reader: reader.instances.named([("w", "a"), ("v", "b")]),
    "instances by id": lambda reader: reader.instances.get(["a", "b"]),
    "turns by message": lambda reader: reader.instances.taken(["a", "b"]),
    "outcomes": lambda reader: reader.instances.outcomes(["a", "b"]),
    "aliases": lambda reader: reader.instances.by_alias("w", [("k", "a"), ("l", "b")]),
    "tombstones": lambda reader: reader.instances.forgotten([("w", "a"), ("v", "b")]),
    "parked events": lambda reader: reader.instances.parked("w", [("", "a"), ("k", "b")]),
    "events that wait": lambda reader: reader.instances.waiting_events(["a", "b"]),
    "held commands": lambda reader: reader.instances.held("w", "gl", NOON, 5),
    "gates": lambda reader: reader.gates([("c", "a"), ("d", "b")]),
}


@pytest.fixture
def on_file(file: SqliteFile) -> Iterator[Store]:
    """A store in a file."""
    made = Store.on(file, "rev1")
    yield made
    made.close()


@pytest.fixture
def served(server: Server) -> Iterator[Store]:
    """A store on a server."""
    made = Store.on(server, "rev1")
    yield made
    made.close()


def plans_of(store: Store, what: str, explain: Callable[[Any, str, Any], list[str]]) -> list[str]:
    """Return the lines of the plans of what is asked of a store; `explain` takes the driver's
    cursor, the statement, and its values.
    """
    plans: list[str] = []

    def look(_: Any, cursor: Any, statement: str, values: Any, *__: Any) -> None:
        if statement.startswith("SELECT"):
            plans.extend(explain(cursor, statement, values))

    event.listen(Engine, "before_cursor_execute", look)
    try:
        with store.read() as reader:
            LOOKS[what](reader)
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    return plans


@pytest.mark.parametrize("what", LOOKS)
def test_in_a_file_what_a_batch_looks_for_is_found_by_an_index(on_file: Store, what: str) -> None:
    def explain(cursor: Any, statement: str, values: Any) -> list[str]:
        found = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        return [row[3] for row in found]

    plans = plans_of(on_file, what, explain)
    assert any(one.startswith("SEARCH") for one in plans)
    assert [one for one in plans if one.startswith("SCAN")] == []


@pytest.mark.parametrize("what", LOOKS)
def test_on_a_server_what_a_batch_looks_for_is_found_by_an_index(served: Store, what: str) -> None:
    """Though nobody has counted the rows of a table that was just filled."""

    def explain(cursor: Any, statement: str, values: Any) -> list[str]:
        with cursor.connection.cursor() as other:
            return [row[0] for row in other.execute(f"EXPLAIN {statement}", values)]

    plans = plans_of(served, what, explain)
    assert any("Index" in one for one in plans)
    assert [one for one in plans if "Seq Scan" in one] == []


@pytest.mark.parametrize("name", sorted(GONE))
def test_rows_are_taken_away_by_an_index_though_it_was_planned_for_no_rows(
    served: Store, name: str
) -> None:
    whole = by_arrays("", name)
    assert whole is not None
    number = whole.text.count("%s")
    places = tuple(f"${place}" for place in range(1, number + 1))

    def explained(transaction: Transaction) -> str:
        run = transaction.connection.exec_driver_sql
        run(f"PREPARE one AS {whole.text % places}")
        run("SET LOCAL plan_cache_mode = force_generic_plan")
        values = ", ".join(["'{a,b}'"] * number)
        found = "\n".join(run(f"EXPLAIN EXECUTE one({values})").scalars())
        run("DEALLOCATE one")
        return found

    plan = served.write(explained)
    assert "Index" in plan
    assert "Seq Scan" not in plan
