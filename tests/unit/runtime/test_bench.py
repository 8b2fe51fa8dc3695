"""The benchmark measures what it says: every message is carried to its command."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from router.runtime.bench import measure_embedded
from router.runtime.burst import measure_burst
from router.runtime.growth import measure_growth
from router.runtime.latency import measure_latency
from router.runtime.profile import profile
from router.runtime.serverbench import measure_postgres
from router.runtime.wide import measure_check
from tests.live.postgres import Postgres

pytestmark = pytest.mark.alone


def test_both_loops_are_measured_in_turn() -> None:
    figures = measure_embedded(messages=256, repeats=2)
    assert len(figures.pipeline) == len(figures.bare) == 2
    assert all(rate > 0 for rate in (*figures.pipeline, *figures.bare))
    assert 0 < figures.ratio < 2


def test_a_store_of_many_is_measured_beside_one_of_few() -> None:
    found = measure_growth(messages=256, stored=2000, repeats=2)
    assert len(found.few) == len(found.many) == len(found.few_rate) == len(found.many_rate) == 2
    assert 0 < found.ratio < 10
    assert 0 < found.rate_ratio < 10
    assert all(one > 0 for one in found.traces)
    assert len(found.bare) == 2
    assert all(0 < one < found.few[0] for both in found.bare for one in both)


def test_a_profile_is_shares_of_packages_in_both_threads() -> None:
    shares = profile(messages=256)
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    # the loop's thread, and the writer's
    assert {"router.engine", "router.config.transforms", "router.infra.store", "sqlite"} <= {
        *shares
    }


def test_a_wide_project_is_checked_beside_its_texts() -> None:
    """A check costs a small multiple of reading, however many routes there are."""
    few = measure_check(channels=2, kinds=10, repeats=3)
    many = measure_check(channels=4, kinds=50, repeats=3)
    assert (few.routes, many.routes) == (20, 200)
    assert len(many.check) == len(many.floor) == 3
    assert many.ratio < 3 * few.ratio


def test_a_server_is_measured_beside_a_bare_loop_on_it() -> None:
    """Every message has its command, and what was made for it is gone afterwards."""
    with Postgres().running() as server:
        address = server.fresh()
        figures = measure_postgres(256, 2, address)
        left = server.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'router%'", "t1")
    assert len(figures.pipeline) == len(figures.bare) == 2
    assert 0 < figures.ratio < 2
    assert left == []


@pytest.mark.parametrize(
    ("server", "rate", "seconds", "growth"),
    [
        pytest.param(False, 4, 3, 1.5, id="file"),
        pytest.param(True, 4, 3, 1.5, id="server"),
        # a file needs more: SQLite keeps pages in the process
        pytest.param(False, 10, 60, 2, id="a minute on a file", marks=pytest.mark.soak),
        pytest.param(True, 10, 60, 1.4, id="a minute on a server", marks=pytest.mark.soak),
    ],
)
@pytest.mark.timeout(900)
def test_a_burst_waits_in_order_and_goes_by(
    server: bool, rate: int, seconds: int, growth: float
) -> None:
    """Ten times the rate into a slow system: it waits on disk, and goes on in order."""
    with ExitStack() as stack:
        address = stack.enter_context(Postgres().running()).fresh() if server else ""
        found = measure_burst(rate, 10, seconds, address=address)
    assert found.sent >= 10 * rate * seconds
    assert (found.lost, found.doubled, found.disordered, found.left) == (0, 0, 0, 0)
    assert found.is_sound
    before, most, _ = found.memory
    assert most < growth * before
    # much of the burst waited, and its oldest message longer than any when it was calm
    assert found.waiting > found.sent / 4
    oldest, left = found.age
    assert oldest > max(one.age for one in found.calm)
    assert left == 0
    assert found.recovery > 0


def test_every_message_is_timed_through_a_daemon_and_straight() -> None:
    found = measure_latency(messages=20, rate=20, repeats=2)
    assert [len(one) for one in (*found.through, *found.straight)] == [20] * 4
    assert all(one > 0 for run in found.through for one in run)
    through, straight = found.at(50)
    assert through > straight
