"""`router bench rabbitmq` over a real broker: it carries everything, and takes its queues away."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.crash.processes import ROUTER
from tests.live.broker import Broker


def command(address: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROUTER, "bench", "rabbitmq", "--broker", "env:BENCH_BROKER", *words],
        env={**os.environ, "BENCH_BROKER": address},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.timeout(300)
def test_it_measures_both_and_leaves_nothing(new_node: Broker) -> None:
    done = command(new_node.address, "--messages", "300", "--repeats", "1", "--format", "json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert [len(data[one]) for one in ("route", "bare", "route_cpu_s", "bare_cpu_s")] == [1] * 4
    assert data["ratio"] > 0
    assert new_node.ctl("list_queues", "name").strip() in ("", "name")
    said = command(new_node.address, "--messages", "300", "--repeats", "1", "--quorum").stdout
    assert said.startswith("300 messages, 1 repeats, quorum queues, medians\nroute")


def test_a_broker_that_is_not_there_is_told_without_its_address() -> None:
    done = command("amqp://guest:hidden@127.0.0.1:1/")
    assert done.returncode == 2
    assert "no broker at env:BENCH_BROKER" in done.stderr
    assert "hidden" not in done.stderr + done.stdout
