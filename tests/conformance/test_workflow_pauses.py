"""A workflow that is held back, in a store of each kind, and between processes that share one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_project
from router.core.instants import time_of
from router.infra.store.pauses import DRAINING, PAUSED, SLOW, Pause
from router.infra.store.postgresql import Server
from router.infra.store.store import Store
from router.runtime.hands import Hands
from router.runtime.installed import installed_adapters
from router.runtime.operator import Operator
from tests.conformance.worlds import StoreWorld, TurnerDoors

PROJECT, _ = load_project(Path(__file__).parents[1] / "rules" / "base", installed_adapters())
NAME = "workflow:note"
SINCE = "2026-03-02T09:00:00.000000Z"


def world_of(store: Store) -> StoreWorld:
    return StoreWorld(
        workflow=PROJECT.workflows["note"],
        at=time_of(SINCE),
        answers={},
        usual={},
        decide={},
        project=PROJECT,
        store=store,
    )


@pytest.fixture
def world(store: Store) -> StoreWorld:
    return world_of(store)


def write(world: StoreWorld, name: str, text: str = "hello") -> None:
    body: Any = {"id": name, "text": text, "lines": [{"name": "a", "size": "L"}]}
    world.event("note.written", body, name)


def put(world: StoreWorld, pause: Pause | None) -> None:
    """Hold the workflow back, or no more, and let the turner know, as an operator does."""

    def job(transaction: Any) -> None:
        transaction.pauses.lift(NAME)
        if pause is not None:
            transaction.pauses.put(pause)

    world.store.write(job)
    tell(world)


def tell(world: StoreWorld) -> None:
    with world.store.read() as reader:
        world.turner.pause(reader.pauses.all())
    world._drain()


def held(mode: str, **more: int) -> Pause:
    return Pause(name=NAME, at=SINCE, reason="", mode=mode, **more)


def counts(store: Store) -> tuple[int, int, int]:
    """Return what is left, what waits behind, and what would go on."""
    with store.read() as reader:
        found = reader.pauses.get(NAME)
        assert found is not None
        left, behind = reader.pauses.left(found), reader.pauses.behind(found)
        return left, behind, len(list(reader.pauses.waiting(NAME)))


def test_what_waits_is_the_queue_of_the_workflow_alone(world: StoreWorld, row_of: Any) -> None:
    write(world, "n1", "long " * 30)  # a person is asked: a timer waits as a due row
    put(world, held(PAUSED))
    write(world, "n2")
    write(world, "n3")
    other = row_of("x" * 32, "turns")
    world.store.write(lambda transaction: transaction.enqueue([other]))
    assert counts(world.store)[1:] == (2, 2)
    with world.store.read() as reader:
        assert len(reader.queued("turns", 0, 9)) == 3
        assert [one.consumer for one in reader.queued("turns", 0, 9, (held(PAUSED),))] == ["c"]
    assert world.instances.keys() == {"n1"}


def test_a_slow_one_gives_rows_up_to_a_number(world: StoreWorld) -> None:
    put(world, held(PAUSED))
    for name in ("n1", "n2", "n3"):
        write(world, name)
    with world.store.read() as reader:
        ids = [row.id for row in reader.queued("turns", 0, 9)]
        assert reader.pauses.newest(NAME) == ids[-1]
    put(world, held(SLOW, rate=60, ends_at=ids[-1]))
    assert world.instances == {}
    assert counts(world.store)[0] == 3
    world.store.write(lambda transaction: transaction.pauses.let_go(NAME, 1, ()))
    tell(world)
    assert world.instances.keys() == {"n1"}
    assert counts(world.store)[0] == 2
    world.store.write(lambda transaction: transaction.pauses.let_go(NAME, 2, ()))
    tell(world)
    assert world.instances.keys() == {"n1", "n2", "n3"}


def test_a_drain_is_over_when_no_instance_goes_on(world: StoreWorld) -> None:
    write(world, "n1")  # closed at once
    write(world, "n2", "long " * 30)
    put(world, held(DRAINING))
    write(world, "n3")
    assert counts(world.store) == (1, 1, 1)
    torn: Any = {"id": "n2", "text": "", "lines": []}
    world.event("note.torn", torn, "torn")
    assert counts(world.store) == (0, 1, 1)
    assert world.instances.keys() == {"n1", "n2"}
    put(world, None)
    assert world.instances.keys() == {"n1", "n2", "n3"}
    with world.store.read() as reader:
        assert reader.sizes().get("queue", 0) == 0


@contextmanager
def process(server: Server, name: str, *, carries: bool) -> Iterator[tuple[StoreWorld, Operator]]:
    """A process of several: its operator tells its turner, and one of them carries out."""
    store = Store.on(server, "rev1")
    world = world_of(store)
    hands = Hands(store, name, carries=carries)
    try:
        yield world, Operator(store, world.clock, TurnerDoors(world.turner), None, hands)
    finally:
        store.close()


def test_who_turns_need_not_be_who_carries_out(server: Server) -> None:
    with (
        process(server, "first", carries=True) as (asked, carries),
        process(server, "second", carries=False) as (turns, looks),
    ):
        asking = {"name": NAME, "reason": "x"}
        asked.store.write(
            lambda transaction: transaction.inbox.ask(asked.at, "ann", "pause", asking)
        )
        carries.step()
        looks.step()
        write(turns, "n1")
        assert turns.instances == {}
        asking = {"name": NAME}
        asked.store.write(
            lambda transaction: transaction.inbox.ask(asked.at, "ann", "resume", asking)
        )
        looks.step()  # it tells what it has in hand
        carries.step()
        looks.step()
        turns._drain()
        assert turns.instances.keys() == {"n1"}
