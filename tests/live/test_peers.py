"""`router bench peers` over a real broker: nothing of ours is lost, who cannot is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.benches import measured
from tests.live.broker import Broker
from tests.live.postgres import Postgres


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    """A folder with a peer that takes nothing."""
    folder = tmp_path / "peers" / "silent"
    folder.mkdir(parents=True)
    (folder / "requirements.txt").write_text("")
    (folder / "peer.py").write_text("raise SystemExit('it cannot')\n")
    return folder.parent


@pytest.mark.timeout(600)
def test_who_carries_nothing_is_left_out_and_we_are_measured_by_size(
    new_node: Broker, silent: Path, tmp_path: Path
) -> None:
    sizes = ("--size", "300", "--size", "2000", "--messages", "100", "--quorum")
    data = measured("peers", new_node, "--peers", silent, *sizes, work=tmp_path)
    assert data["left_out"] == ["silent"]
    assert list(data["sizes"]) == ["300", "2000"]
    for by in data["sizes"].values():
        assert list(by) == ["router"]
        assert by["router"]["ratio"] == 1.0
        (run,) = by["router"]["runs"]
        assert run["whole"]
        assert run["memory"] > 0
    assert list(data["killed"]) == ["router"]
    assert data["killed"]["router"]["lost"] == data["killed"]["router"]["passed"] == 0


@pytest.mark.timeout(600)
def test_a_recorded_route_goes_the_same_way_and_its_rows_go_with_it(
    new_node: Broker, silent: Path, tmp_path: Path
) -> None:
    with Postgres().running() as server:
        store = ("--record", "--store", server.fresh(), "--size", "300", "--messages", "100")
        data = measured("peers", new_node, "--peers", silent, *store, work=tmp_path)
        left = server.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'router%'", "t1")
    (run,) = data["sizes"]["300"]["router"]["runs"]
    assert run["whole"]
    crash = data["killed"]["router"]
    assert (crash["lost"], crash["renamed"], crash["passed"]) == (0, 0, 0)
    assert left == []


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_peer_is_measured_beside_us(
    new_node: Broker, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.config.rootpath / "benchmarks" / "peers"
    data = measured(
        "peers", new_node, "--peers", folder, "--messages", "2000", "--size", "2000", work=tmp_path
    )
    by = data["sizes"]["2000"]
    assert set(by) >= {"router", "mq_bridge", "redpanda_connect", "faststream"}
    assert data["left_out"] == []
    assert all(run["whole"] for one in by.values() for run in one["runs"])
    assert data["killed"]["router"]["lost"] == 0
    assert data["killed"]["router"]["passed"] == 0
