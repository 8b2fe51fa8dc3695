"""Processes share the units of their roles, on a server; on a file one has them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from router.core.errors import Unavailable
from router.infra.store.pauses import Pause
from router.infra.store.postgresql import Server
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.caution import Caution
from router.runtime.cautions import Cautions
from router.runtime.hands import Hands
from router.runtime.leadership import Leadership, leaders
from tests.conformance.test_postgresql import cut

UNITS = {
    "loop": "router",
    "due": "scheduler",
    "sys.a": "worker",
    "sys.b": "worker",
    "sys.c": "worker",
    "in.files": "ingress",
}


class Clock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)


Join = Callable[..., tuple[Store, Leadership]]


@pytest.fixture
def join(server: Server) -> Iterator[Join]:
    """Makes processes of one store."""
    made: list[Store] = []

    def one(name: str, *roles: str) -> tuple[Store, Leadership]:
        store = Store.on(server, "rev1")
        made.append(store)
        given = (roles,) if roles else ()
        return store, Leadership(store, Clock(), name, *given)

    yield one
    for store in made:
        store.close()


def test_one_process_leads_everything(join: Join) -> None:
    store, alone = join("one")
    change = alone.look(UNITS)
    assert change.leads == change.gained == set(UNITS)
    assert not change.surplus
    assert not alone.look(UNITS)
    with store.read() as reader:
        assert leaders(reader, UNITS) == dict.fromkeys(
            UNITS, ("one", "2026-03-01T00:00:00.000000Z")
        )


def test_on_a_file_one_leads_what_its_project_has(file: SqliteFile) -> None:
    store = Store.on(file, "rev1")
    alone = Leadership(store, Clock(), "one")
    assert alone.look(UNITS).gained == set(UNITS)
    more = alone.look({**UNITS, "sys.d": "worker"})
    assert (more.gained, more.surplus) == ({"sys.d"}, frozenset())
    store.close()


def test_who_comes_later_gets_its_share_once_it_is_let_go(join: Join) -> None:
    _, first = join("first")
    first.look(UNITS)
    _, second = join("second")
    assert second.look(UNITS).leads == frozenset()
    change = first.look(UNITS)
    assert change.surplus == {"sys.c"}  # two of three; one of one stays where it is
    assert "sys.c" in first.leads
    first.release(change.surplus)
    assert second.look(UNITS).leads == {"sys.c"}
    assert not first.look(UNITS)
    assert not second.look(UNITS)


def test_who_has_ended_leaves_its_units_to_the_others(join: Join) -> None:
    store, first = join("first")
    first.look(UNITS)
    _, second = join("second")
    second.look(UNITS)
    store.close()
    assert second.look(UNITS).leads == set(UNITS)


def test_a_process_leads_units_of_its_roles_alone(join: Join) -> None:
    _, worker = join("worker", "worker")
    assert worker.look(UNITS).leads == {"sys.a", "sys.b", "sys.c"}
    store, router = join("router", "router", "scheduler")
    assert router.look(UNITS).leads == {"loop", "due"}
    with store.read() as reader:
        assert {unit: name for unit, (name, _) in leaders(reader, UNITS).items()} == {
            "loop": "router",
            "due": "router",
            "sys.a": "worker",
            "sys.b": "worker",
            "sys.c": "worker",
        }


def test_who_lost_its_connection_says_so_and_keeps_what_nobody_took(join: Join) -> None:
    store, first = join("first")
    first.look(UNITS)
    _, second = join("second")
    with pytest.raises(Unavailable):
        store.write(cut)
    second.look({"loop": "router"})
    change = first.look(UNITS)
    assert change.anew
    assert "loop" not in change.leads
    assert "due" in change.leads
    assert not first.look(UNITS).anew


def test_a_look_that_fails_is_as_if_it_had_not_been(join: Join) -> None:
    """What it took and does not know of is taken again, and let go whole."""
    _, first = join("first")
    _, second = join("second")
    first.look({"loop": "router"})
    failing = first._take

    def fails(*given: Any) -> Any:
        failing(*given)
        raise ValueError("the disk is full")

    first._take = fails  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="disk"):
        first.look(UNITS)
    assert first.leads == {"loop"}
    first._take = failing  # type: ignore[method-assign]
    assert first.look(UNITS).leads == set(UNITS)
    first.release(UNITS)
    assert second.look(UNITS).leads == {"loop", "due", "sys.a", "sys.b", "in.files"}


def test_a_unit_that_the_project_has_no_more_is_let_go(join: Join) -> None:
    _, first = join("first")
    first.look(UNITS)
    change = first.look({"loop": "router"})
    assert change.surplus == set(UNITS) - {"loop"}
    first.release(change.surplus)
    assert first.leads == {"loop"}


def test_care_is_for_what_another_process_left_in_disorder(join: Join) -> None:
    store, _ = join("one")
    ended = Cautions(store, Clock(), "ended")
    ended.begin({"loop", "sys.a", "sys.b"})
    ended.end({"sys.b"})
    mine = Cautions(store, Clock(), "mine")
    mine.begin({"loop", "sys.a", "sys.b", "due"})
    found = mine.by_unit
    assert {unit: one.unclean for unit, one in found.items()} == {
        "loop": True,
        "sys.a": True,
        "sys.b": False,
    }
    assert not found["sys.a"].loop_done.is_set()  # its calls wait for the rows of the loop
    again = Cautions(store, Clock(), "mine")  # it lost its connection, and has them back
    again.begin({"loop", "sys.a"})
    assert not any(one.unclean for one in again.by_unit.values())


def test_calls_do_not_wait_for_rows_that_another_process_leads(join: Join) -> None:
    store, _ = join("one")
    Cautions(store, Clock(), "ended").begin({"sys.a"})
    mine = Cautions(store, Clock(), "mine")
    mine.begin({"sys.a"})
    assert mine.by_unit["sys.a"].loop_done.is_set()


def test_a_store_of_one_process_has_one_care(file: SqliteFile) -> None:
    store = Store.on(file, "rev1")
    Caution(store, Clock())
    mine = Cautions(store, Clock(), "mine")
    mine.begin({"loop", "sys.a"})
    mine.begin({"sys.b"})  # a reload brought it: it is no other process
    assert len({id(one) for one in mine.by_unit.values()}) == 1
    assert mine.by_unit["sys.b"].unclean
    store.close()


PAUSES = (Pause(name="system:a", at="", reason="", mode="paused"),)


def test_what_others_have_in_hand_is_known_when_all_have_told(join: Join) -> None:
    one, first = join("first")
    two, second = join("second")
    for leadership in (first, second):
        leadership.look(UNITS)
    mine, theirs = Hands(one, "first"), Hands(two, "second")
    mine.tell(PAUSES, [1, 2])
    theirs.tell((), [3])
    assert mine.of_others(PAUSES) is None
    theirs.tell(PAUSES, [3, 5])
    assert mine.of_others(PAUSES) == {3, 5}
    theirs.tell(PAUSES, [])
    assert mine.of_others(PAUSES) == frozenset()
    theirs.tell((), [])
    assert mine.of_others(PAUSES) is None
    two.close()
    assert mine.of_others(PAUSES) == frozenset()  # its word went with it

    def marks(transaction: Transaction) -> list[str]:
        return list(transaction.marks("hand:"))

    assert one.write(marks) == ["hand:first"]


def test_on_a_file_nobody_else_has_anything_in_hand(file: SqliteFile) -> None:
    store = Store.on(file, "rev1")
    hands = Hands(store, "one")
    hands.tell(PAUSES, [1])
    assert hands.of_others(PAUSES) == frozenset()
    store.close()
