"""Words are found wherever they lie: on a file, on a server, in memory, and after a migration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from router.infra.store import database, shelves
from router.infra.store.database import Database
from router.infra.store.shelves import Shelves, correlations_of
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from tests.conformance.test_store import run

PASS = {"began": "2026-01-01T00:00:00.000000Z", "done": ["journal"], "ended": None, "gone": {}}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "ROOM", 3)


def refer(store: Store, word: str, correlation: str) -> None:
    store.write(lambda t: t.refer([word], correlation))


def known(store: Store, word: str) -> list[str]:
    with store.read() as reader:
        return reader.correlations(word)


def put(place: Database, shelf: int, word: str, correlation: str) -> None:
    columns = "shelf, word, correlationid"
    values = f"{shelf}, '{word}', '{correlation}'"
    run(place, f"INSERT INTO reference_words ({columns}) VALUES ({values})")


def words(place: Database) -> list[tuple[int, str]]:
    return run(place, "SELECT shelf, word FROM reference_words ORDER BY shelf, word")  # type: ignore[return-value]


def test_a_word_is_found_on_every_shelf(store: Store) -> None:
    for number in range(10):
        refer(store, f"w{number}", f"c{number}")
        refer(store, "all", f"c{number}")
    assert [known(store, f"w{number}") for number in range(10)] == [[f"c{n}"] for n in range(10)]
    assert known(store, "all") == [f"c{number}" for number in range(10)]
    assert known(store, "none") == []


def test_a_full_shelf_is_followed_by_the_next(kept: Store, place: Database) -> None:
    for number in range(7):
        refer(kept, f"w{number}", "c")
    assert [shelf for shelf, _ in words(place)] == [0, 0, 0, 1, 1, 1, 2]


def test_words_of_one_transaction_lie_together(kept: Store, place: Database) -> None:
    kept.write(lambda t: t.refer([f"w{number}" for number in range(5)], "c"))
    refer(kept, "next", "c")
    assert [shelf for shelf, _ in words(place)] == [0] * 5 + [1]


def test_who_comes_later_fills_the_shelf_up(place: Database) -> None:
    for number in range(5):
        store = Store.on(place, "rev1")
        refer(store, f"w{number}", "c")
        store.close()
    assert [shelf for shelf, _ in words(place)] == [0, 0, 0, 1, 1]


def test_a_transaction_that_fails_does_no_harm(store: Store) -> None:
    def job(transaction: Transaction) -> None:
        transaction.refer(["lost"], "c")
        transaction.flush()
        raise ValueError

    for _ in range(4):
        with pytest.raises(ValueError, match=r"^$"):
            store.write(job)
    refer(store, "w", "c")
    assert (known(store, "lost"), known(store, "w")) == ([], ["c"])


def test_a_gap_between_shelves_hides_nothing(place: Database) -> None:
    Store.on(place, "rev1").close()
    for shelf in (2, 900):
        put(place, shelf, "w", f"c{shelf}")
    store = Store.on(place, "rev1")
    assert known(store, "w") == ["c2", "c900"]
    store.close()


def test_a_look_at_one_shelf_is_a_look_at_an_index(file: Database) -> None:
    Store.on(file, "rev1").close()
    text = str(correlations_of("w").compile(compile_kwargs={"literal_binds": True}))
    plan = [row[-1] for row in run(file, f"EXPLAIN QUERY PLAN {text}")]
    assert any(
        "SEARCH reference_words USING PRIMARY KEY (shelf=? AND word=?)" in one for one in plan
    )
    assert not any(one.startswith("SCAN reference_words") for one in plan)


def test_the_room_of_a_shelf_is_counted_once(kept: Store) -> None:
    made = Shelves()
    with kept._writer.connect() as connection:
        assert [made.place(2, lambda: connection) for _ in range(3)] == [0, 0, 1]


def test_words_of_an_earlier_router_are_found(place: Database) -> None:
    """Up and down again; a pass of the retention begins its table anew, its keys are others."""
    Store.on(place, "rev1").close()
    for shelf, word, correlation in ((0, "w", "c1"), (1, "w", "c1"), (1, "w", "c2"), (2, "v", "c")):
        put(place, shelf, word, correlation)
    _mark(place, [1, "w", "c1"])
    _go(place, "0008")
    pairs = run(place, "SELECT word, correlationid FROM reference_words ORDER BY 1, 2")
    assert pairs == [("v", "c"), ("w", "c1"), ("w", "c2")]
    assert _after(place) == []
    run(place, "UPDATE marks SET value = replace(value, '[]', '[\"w\", \"c1\"]')")
    store = Store.on(place, "rev1")
    refer(store, "w", "c3")
    assert known(store, "w") == ["c1", "c2", "c3"]
    store.close()
    assert words(place) == [(0, "v"), (0, "w"), (0, "w"), (1, "w")]
    assert _after(place) == []


def _mark(place: Database, after: list[object]) -> None:
    value = json.dumps({**PASS, "after": after})
    run(place, f"INSERT INTO marks VALUES ('retention', '{value}')")


def _after(place: Database) -> object:
    ((value,),) = run(place, "SELECT value FROM marks WHERE name = 'retention'")
    assert {**json.loads(value), "after": []} == {**PASS, "after": []}
    return json.loads(value)["after"]


def _go(place: Database, revision: str) -> None:
    config = Config()
    folder = Path(database.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    engine = place.open(writes=True)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()
