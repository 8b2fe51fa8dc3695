"""A channel that takes from a cluster of three: each message has one end, whoever is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.processes import Landscape, Settings, pause, wait_until
from tests.crash.traffic import make_day
from tests.crash.verdict import (
    assert_all_that_followed_ended,
    assert_far_sides,
    assert_one_final_state,
)
from tests.live.cluster import Cluster
from tests.live.root import Root
from tests.live.test_amqp_channel import (
    QUEUE,
    SECONDS,
    Shop,
    assert_one_end_each,
    behind_a_broker,
    come,
    declare,
    events,
    unacknowledged,
)

#: seconds between two messages, before and behind the middle of the day: nothing may be over before
#: what is to happen in the midst of it has happened
PACE, SLOWER = 0.1, 0.2


@pytest.fixture
def cluster(tmp_path: Path, rabbitmq: Root) -> Iterator[Cluster]:
    with Cluster(tmp_path / "nodes", rabbitmq).running() as made:
        made.wait_whole(SECONDS)
        declare(made)
        yield made


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("messages", [300, pytest.param(3000, marks=pytest.mark.soak)])
def test_a_day_adds_up_with_the_leader_killed_and_cut_off(
    landscape: Callable[..., Landscape], cluster: Cluster, messages: int
) -> None:
    """The node that leads the queue is killed; the next one is cut off from the others for longer
    than they wait for it. Nothing is lost or doubled at the far sides.
    """
    day = make_day(21, messages=messages, files=0)
    place = behind_a_broker(landscape(Settings(orders=day.orders)), cluster.address)
    names = {one.event for one in day.webhooks}
    place.start_sandbox()
    place.start_daemon()
    shop = Shop(cluster)

    def have_come(share: float) -> None:
        wanted = int(share * len(names))
        wait_until(come(place, wanted), f"{wanted} have come", seconds=SECONDS)

    half = len(day.webhooks) // 2
    killed = cluster.leader(QUEUE)
    shop.start(day.webhooks[:half], pace=PACE)
    wait_until(come(place, 1), "the first has come", seconds=SECONDS)
    assert cluster.connected("shop") == [killed], "whoever publishes is cut off, too"
    cluster.kill(killed)
    assert not shop.done, "it was killed in the midst of them"
    have_come(0.3)
    cluster.start(killed)
    cluster.wait_whole(SECONDS)
    paced = SECONDS + PACE * half
    wait_until(lambda: shop.done, "the first half is published", seconds=paced)

    alone = cluster.leader(QUEUE)
    shop.start(day.webhooks[half:], pace=SLOWER)
    have_come(0.55)
    cluster.cut_off(alone)
    pause(10)
    cluster.join(alone)
    paced = SECONDS + SLOWER * (len(day.webhooks) - half)
    wait_until(lambda: shop.done, "everything is published", seconds=paced)
    shop.close()
    wait_until(come(place, len(names)), "everything has come", seconds=SECONDS)
    cluster.wait_whole(SECONDS)
    wait_until(lambda: unacknowledged(cluster) == 0, "everything is settled", seconds=SECONDS)
    status = place.wait_idle(SECONDS)
    assert set(events(place)) == names
    assert status["waiting"].get("dead", 0) == 0, status["dead_letters"]
    figures = assert_far_sides(place, day)
    assert_one_final_state(place, [])
    assert_one_end_each(place, status)
    assert_all_that_followed_ended(place)
    again = place.count("deliveries") - len(day.webhooks)
    print(
        f"\nfrom a cluster: {figures} published again {shop.again}, came again {again},"
        f" healed {cluster.healed}"
    )
