"""`router bench scale` and `latency --broker`: messages come from a queue to one or more of us."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.crash.processes import ROUTER
from tests.live.benches import measured
from tests.live.broker import Broker
from tests.live.postgres import Postgres


@pytest.mark.timeout(600)
def test_one_process_is_measured_beside_several_by_role(new_node: Broker) -> None:
    with Postgres().running() as server:
        words = ("--routers", "1", "--workers", "2", "--store", server.fresh())
        data = measured("scale", new_node, "--messages", "100", *words)
        left = server.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'router%'", "t1")
    assert data["cores"] == os.cpu_count()
    assert list(data["layouts"]) == ["one process", "1 router, 2 workers"]
    assert [list(one["runs"][0]["parts"]) for one in data["layouts"].values()] == [
        ["all roles"],
        ["router", "worker", "worker 2", "scheduler", "ingress"],
    ]
    for layout in data["layouts"].values():
        (run,) = layout["runs"]
        assert run["whole"]
        assert run["cpu"] == sum(one["cpu"] for one in run["parts"].values())
        assert all(one["memory"] > 0 for one in run["parts"].values())
    assert left == []


@pytest.mark.timeout(300)
def test_messages_are_timed_from_a_queue_to_the_far_side(new_node: Broker) -> None:
    with Postgres().running() as server:
        data = measured(
            "latency", new_node, "--messages", "100", "--on", "postgres", "--store", server.fresh()
        )
    (through,), (straight,) = data["through_ms"], data["straight_ms"]
    assert len(through) == len(straight) == 100
    assert min(through) > 0
    assert sorted(through)[50] > sorted(straight)[50]


def test_a_kind_of_queue_wants_a_broker() -> None:
    done = subprocess.run(
        [ROUTER, "bench", "latency", "--quorum"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "say --broker, too" in done.stderr
