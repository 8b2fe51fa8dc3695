"""Commands over a broker: several processes serve one system, whatever is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.client import Sender
from tests.crash.crew import Crew
from tests.crash.processes import Settings, wait_until
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


def hands(broker: Broker) -> set[int]:
    """Return how many processes take from the queues of commands."""
    rows = listed(broker, "list_queues", "name", "consumers")
    return {one["consumers"] for one in rows if one["name"].startswith("sys.")}
