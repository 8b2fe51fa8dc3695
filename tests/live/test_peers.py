"""`router bench peers` over a real broker: a peer is installed, and nothing of ours is lost."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.crash.processes import ROUTER
from tests.live.broker import Broker

pytestmark = pytest.mark.soak


@pytest.mark.timeout(1200)
def test_a_peer_is_measured_beside_us(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = request.config.rootpath / "benchmarks" / "peers"
    with Broker(tmp_path / "node").running() as broker:
        words = ("--messages", "2000", "--repeats", "1", "--format", "json")
        done = subprocess.run(
            [ROUTER, "bench", "peers", "--broker", "env:B", "--peers", folder, *words],
            env={**os.environ, "B": broker.address},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=1000,
        )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)["peers"]
    assert set(data) >= {"router", "mq_bridge", "redpanda_connect", "faststream"}
    for one in data.values():
        assert one["runs"], one["why"]
        assert all(run["whole"] for run in one["runs"])
    assert data["router"]["crash"]["lost"] == 0
    assert data["router"]["crash"]["passed"] == 0
