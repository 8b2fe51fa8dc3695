"""Commands over a broker: several processes serve one system, whatever is killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from amqp.exceptions import NotFound
from kombu import Connection

from tests.crash.client import Sender
from tests.crash.crew import Crew
from tests.crash.killing import Plan
from tests.crash.processes import Settings, wait_until
from tests.crash.test_ledger import ledger
from tests.crash.traffic import make_day
from tests.crash.verdict import assert_far_sides, assert_one_final_state
from tests.live.broker import Broker
from tests.live.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A private server."""
    with Postgres().running() as server:
        yield server


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A node of the test's own: it is killed."""
    with Broker(tmp_path / "node").running() as node:
        yield node


def listed(broker: Broker, *words: str) -> list[dict[str, Any]]:
    """Return what rabbitmqctl lists."""
    made: list[dict[str, Any]] = json.loads(broker.ctl(*words, "--formatter", "json"))
    return made


@pytest.mark.timeout(300)
def test_every_worker_calls_every_system(
    tmp_path: Path, postgres: Postgres, broker: Broker
) -> None:
    day = make_day(6, messages=120, files=0, mix={"return": 1, "refund": 2})
    settings = Settings(orders=day.orders, server=postgres.fresh(), broker=broker.address)
    place = Crew.copied(tmp_path / "project", settings)
    try:
        place.start_sandbox()
        place.start_daemon()
        place.wait_led()
        wait_until(lambda: hands(broker) == {2}, "both workers take commands")
        sender = Sender(place.port)
        sender.send(day.webhooks)
        place.wait_idle(120)
        assert_far_sides(place, day)
        assert_one_final_state(place, sender.messages)
        assert set(place.end_members(60).values()) == {0}
        assert "trouble" not in place.log()
    finally:
        place.close()


class Trouble:
    """What happens to a broker, by turns: it is killed, emptied, its queues are taken away."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.done: Counter[str] = Counter()

    def __call__(self) -> None:
        """Let the next thing happen."""
        word = ("killed", "emptied", "taken away")[self.done.total() % 3]
        self.done[word] += 1
        if word == "killed":
            self._broker.kill()
            self._broker.start()
            return
        act = "queue_purge" if word == "emptied" else "queue_delete"
        with Connection(self._broker.address) as connection:
            for name in ("sys.shop", "sys.ledger", "sys.bi"):
                with suppress(NotFound):  # it is not made anew as yet
                    getattr(connection.channel(), act)(name)


def played(
    root: Path, places: tuple[Postgres, Broker], seed: int, messages: int, plan: Plan
) -> tuple[Crew, Trouble]:
    """Play a day with faults while members are killed and the broker suffers; all adds up."""
    postgres, broker = places
    day = make_day(seed, messages=messages, files=2)
    settings = Settings(
        orders=day.orders, workers=4, server=postgres.fresh(), broker=broker.address
    )
    place = Crew.copied(root, settings)
    place.random = Random(seed)
    trouble = plan.upset = Trouble(broker)
    try:
        said = ledger(place, day, plan)
        assert place.query("SELECT name FROM marks WHERE name LIKE 'apart:%'") == []
    finally:
        place.close()
    print(f"\nledger of hands: {said}, killed {dict(place.killed)}, broker {dict(trouble.done)}")
    return place, trouble


@pytest.mark.timeout(300)
def test_members_killed_and_a_broker_that_fails_lose_and_double_nothing(
    tmp_path: Path, postgres: Postgres, broker: Broker
) -> None:
    """Faults at every endpoint, orders by key; hands and dispatchers are killed at random."""
    plan = Plan(random=Random(11), sending=5, working=3, early=1, patience=200)
    place, trouble = played(tmp_path / "project", (postgres, broker), 11, 250, plan)
    assert place.killed.total() >= 3
    assert trouble.done.total() >= 3


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_members_killed_for_ten_minutes_beside_a_broker_that_fails(
    tmp_path: Path, postgres: Postgres, broker: Broker, seed: int
) -> None:
    """5,000 messages, faults at every endpoint, sixty kills and troubles."""
    plan = Plan(random=Random(seed), sending=30, retrying=10, working=15, early=5, patience=900)
    place, trouble = played(tmp_path / "project", (postgres, broker), seed, 5000, plan)
    assert place.killed.total() >= 20
    assert trouble.done.total() >= 15


def hands(broker: Broker) -> set[int]:
    """Return how many processes take from the queues of commands."""
    rows = listed(broker, "list_queues", "name", "consumers")
    return {one["consumers"] for one in rows if one["name"].startswith("sys.")}
