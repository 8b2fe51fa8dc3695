"""A channel that takes from a queue: each message has one end, whoever is killed."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

import pytest
from kombu import Connection

from router.core.errors import Retryable, Unknown
from router.infra.amqp.publisher import Letter, Publisher
from tests.crash.client import headers_of
from tests.crash.processes import Landscape, Settings, pause, wait_until
from tests.crash.traffic import Webhook, make_day
from tests.crash.verdict import (
    FINAL,
    assert_all_that_followed_ended,
    assert_far_sides,
    assert_one_final_state,
)
from tests.live.broker import Asked, Broker, held

QUEUE = "shop.events"
QUORUM = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
SECONDS = 200.0
LEVELS = {"level": 1}


def declare(broker: Asked) -> None:
    """Make the sender's exchange and queue, as the sender's people do."""
    with Connection(broker.address) as connection:
        channel = connection.channel()
        channel.exchange_declare("shop", "direct", durable=True, auto_delete=False)
        channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=QUORUM)
        channel.queue_bind(QUEUE, "shop", "event")


@pytest.fixture
def broker(new_node: Broker) -> Broker:
    """A node as new, with the queue."""
    declare(new_node)
    return new_node


@pytest.fixture
def make(landscape: Callable[..., Landscape], broker: Broker) -> Callable[..., Landscape]:
    """Makes landscapes whose shop is behind the broker."""

    def one(settings: Settings | None = None) -> Landscape:
        return behind_a_broker(landscape(settings or Settings()), broker.address)

    return one


def behind_a_broker(place: Landscape, address: str) -> Landscape:
    """Let the shop of a landscape be behind a broker."""
    routes = place.root / "routes"
    path = routes / "channels" / "shopify.yaml"
    head, _, rest = path.read_text().partition("  http:\n")
    source = f"  amqp: {{queue: {QUEUE}, prefetch: 50, format: json}}\n"
    path.write_text(head + source + rest[rest.index("kind:") :])
    environment = routes / "environments" / "crash.yaml"
    environment.write_text(environment.read_text() + '  shopify: {broker: "env:SHOP_BROKER"}\n')
    place.environ["SHOP_BROKER"] = address
    return place


class Shop:
    """Publishes each event until the broker has confirmed it, as a sender must."""

    def __init__(self, broker: Asked) -> None:
        self._publisher = Publisher(broker.address, "shop")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: None)
        self.taken = self.again = 0

    def start(self, hooks: Iterable[Webhook], pace: float = 0.0) -> None:
        self._stopped.clear()
        self._thread = threading.Thread(target=self._send, args=(list(hooks), pace), daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Publish nothing more; `taken` says how far it came."""
        self._stopped.set()
        self._thread.join(SECONDS)

    def close(self) -> None:
        self.stop()
        self._publisher.close()

    def _send(self, hooks: list[Webhook], pace: float) -> None:
        for hook in hooks:
            while not self._is_taken(hook):
                self.again += 1
                self._stopped.wait(0.1)
            self.taken += 1
            if self._stopped.wait(pace):
                return

    def _is_taken(self, hook: Webhook) -> bool:
        headers = headers_of(hook)
        headers.pop("content-type")
        letter = Letter(
            exchange="shop", key="event", id=hook.event, body=hook.body, headers=headers
        )
        try:
            return self._publisher.publish(letter, 5.0) == "taken"
        except (Retryable, Unknown):
            return False


@pytest.fixture
def shop(broker: Broker) -> Iterator[Shop]:
    made = Shop(broker)
    yield made
    made.close()


def waiting(broker: Broker) -> int:
    """Return how many messages lie in the queue, in nobody's hands."""
    with Connection(broker.address) as connection:
        found = connection.channel().queue_declare(QUEUE, passive=True)
    return int(found.message_count)


def unacknowledged(broker: Asked) -> int:
    """Return how many messages are in the queue or in somebody's hands."""
    return held(broker)[QUEUE]


def events(place: Landscape) -> Counter[str]:
    """Return how often each event is on disk."""
    rows = place.query("SELECT headers FROM deliveries")
    return Counter(json.loads(text)["x-shopify-event-id"] for (text,) in rows)


def come(place: Landscape, number: int) -> Callable[[], bool]:
    return lambda: len(events(place)) >= number


def assert_one_end_each(place: Landscape, status: dict[str, Any]) -> None:
    """Deliveries, ends in the journal and counters are the same number."""
    deliveries = place.count("deliveries")
    ended = place.query(
        "SELECT count(*), count(DISTINCT message_id) FROM journal WHERE consumer LIKE 'shopify:%'"
        f" AND word IN ({', '.join(repr(one) for one in FINAL)})"
    )
    assert ended == [(deliveries, deliveries)]
    counted = sum(
        row["n"]
        for row in status["counters"]
        if row["word"] in FINAL and row["consumer"].startswith("shopify:")
    )
    assert counted == deliveries


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("messages", [800, pytest.param(2000, marks=pytest.mark.soak)])
def test_a_day_from_a_queue_adds_up_with_daemon_and_broker_killed_by_turns(
    make: Callable[..., Landscape], broker: Broker, shop: Shop, messages: int
) -> None:
    """Each message has one end, none is lost or doubled at the far sides."""
    day = make_day(7, messages=messages, files=0)
    random = Random(3)
    place = make(Settings(orders=day.orders))
    place.start_sandbox()
    place.start_daemon()
    shop.start(day.webhooks)
    kills: Counter[str] = Counter()
    for share in (0.08, 0.2, 0.32, 0.45, 0.57, 0.7, 0.82, 0.93):
        wanted = int(share * len({one.event for one in day.webhooks}))
        wait_until(come(place, wanted), f"{wanted} have come", seconds=SECONDS)
        pause(random.uniform(0.0, 0.3))
        if kills["daemon"] <= kills["broker"]:
            place.kill_daemon()
            place.start_daemon(wait=False)
            kills["daemon"] += 1
        else:
            broker.kill()
            broker.start()
            kills["broker"] += 1
    wait_until(lambda: shop.done, "everything is published", seconds=SECONDS)
    names = {one.event for one in day.webhooks}
    wait_until(come(place, len(names)), "everything has come", seconds=SECONDS)
    wait_until(lambda: unacknowledged(broker) == 0, "everything is settled", seconds=SECONDS)
    wait_until(lambda: not place.status()["queues"], "it has found the broker", seconds=60)
    status = place.wait_idle(SECONDS)
    assert set(events(place)) == names
    assert status["waiting"].get("dead", 0) == 0, status["dead_letters"]
    figures = assert_far_sides(place, day)
    assert_one_final_state(place, [])
    assert_one_end_each(place, status)
    assert_all_that_followed_ended(place)
    assert place.query("SELECT count(*) FROM intents WHERE state <> 'done'") == [(0,)]
    again = place.count("deliveries") - len(day.webhooks)
    print(
        f"\nfrom a queue: {figures} kills {dict(kills)} published again {shop.again}, came {again}"
    )
    assert kills == {"daemon": 4, "broker": 4}


@pytest.mark.timeout(300)
def test_a_message_that_kills_is_buried_and_the_others_go_on(
    make: Callable[..., Landscape], broker: Broker, shop: Shop
) -> None:
    day = make_day(8, messages=30, files=0, mix=LEVELS)
    place = make()
    killer = day.webhooks[10]
    place.failpoint = f"amqp.read.{killer.event}"
    place.start_sandbox()
    place.start_daemon()
    shop.start(day.webhooks)
    wait_until(lambda: shop.done, "everything is published")
    ends = 0

    def settled() -> bool:
        assert place.daemon is not None
        return place.daemon.poll() is not None or bool(place.count("dead"))

    while ends <= 6:
        wait_until(settled, "it dies, or has found the killer", seconds=SECONDS)
        assert place.daemon is not None
        if place.daemon.poll() is None:
            break
        ends += 1
        place.start_daemon(wait=False)
    assert ends == 6
    place.wait_ready()
    place.wait_idle(SECONDS)
    wait_until(lambda: unacknowledged(broker) == 0, "everything is settled")
    assert place.query("SELECT reason, step FROM dead") == [("killer", "decode")]
    assert place.query(
        "SELECT deliveries.body FROM deliveries JOIN dead ON delivery = deliveries.id"
    ) == [(killer.body,)]
    assert set(events(place)) == {one.event for one in day.webhooks}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("point", ["amqp.after_commit", "ingress.before_commit"])
def test_killed_between_commit_and_acknowledgement_each_is_done_once(
    make: Callable[..., Landscape], broker: Broker, shop: Shop, point: str
) -> None:
    day = make_day(9, messages=40, files=0, mix={"refund": 3, "return": 1})
    place = make(Settings(orders=day.orders))
    place.start_sandbox()
    place.failpoint = f"{point}:12"
    place.start_daemon()
    shop.start(day.webhooks)
    daemon = place.daemon
    assert daemon is not None
    wait_until(lambda: daemon.poll() is not None, "it dies there")
    place.failpoint = ""
    place.start_daemon()
    names = {one.event for one in day.webhooks}
    wait_until(lambda: set(events(place)) == names, "everything has come", seconds=SECONDS)
    wait_until(lambda: unacknowledged(broker) == 0, "everything is settled")
    status = place.wait_idle(SECONDS)
    assert_far_sides(place, day)
    assert_one_end_each(place, status)


@pytest.mark.timeout(300)
def test_what_is_held_back_stays_in_its_queue(
    make: Callable[..., Landscape], broker: Broker, shop: Shop
) -> None:
    day = make_day(10, messages=30, files=0, mix=LEVELS)
    place = make()
    place.start_sandbox()
    place.start_daemon()
    shop.start(day.webhooks[:10])
    wait_until(come(place, 10), "the first have come")
    for number, verb in enumerate(("pause", "drain")):
        done = place.command(verb, "channel:shopify", "--reason", "a test", "--env", "crash")
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until(lambda: consumers(broker) == 0, f"it takes nothing: {verb}")
        first = 10 + 10 * number
        shop.start(day.webhooks[first : first + 10])
        wait_until(lambda: shop.done, "published")
        wait_until(lambda: waiting(broker) == 10, "all lie there")
        pause(0.5)
        assert waiting(broker) == 10
        assert len(events(place)) == first
        done = place.command("resume", "channel:shopify", "--env", "crash")
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until(come(place, first + 10), f"it takes again after {verb}")
    wait_until(lambda: unacknowledged(broker) == 0, "everything is settled")
    assert place.count("deliveries") == 30


def consumers(broker: Broker) -> int:
    with Connection(broker.address) as connection:
        found = connection.channel().queue_declare(QUEUE, passive=True)
    return int(found.consumer_count)


@pytest.mark.timeout(300)
def test_who_is_asked_to_end_finishes_what_it_has_and_gives_the_rest_back(
    make: Callable[..., Landscape], broker: Broker, shop: Shop
) -> None:
    """Stopped in the midst of many: what was taken was settled, nothing comes twice."""
    day = make_day(11, messages=3000, files=0, mix=LEVELS)
    place = make()
    place.start_sandbox()
    for _ in range(3):
        place.start_daemon()
        before = len(events(place))
        shop.start(day.webhooks[shop.taken :], pace=0.01)
        wait_until(come(place, before + 30), "some have come")
        assert place.end_daemon(signal.SIGTERM, 30) == 0
        assert not shop.done, "it was ended in the midst of them"
        shop.stop()
    place.start_daemon()
    wait_until(come(place, shop.taken), "everything has come", seconds=SECONDS)
    place.wait_idle(SECONDS)
    assert len(events(place)) == shop.taken
    assert set(events(place).values()) == {1}


@pytest.mark.timeout(300)
def test_a_queue_that_goes_and_comes_back_is_told_and_taken_from(
    make: Callable[..., Landscape], broker: Broker, shop: Shop
) -> None:
    day = make_day(12, messages=20, files=0, mix=LEVELS)
    place = make()
    place.start_sandbox()
    place.start_daemon()
    shop.start(day.webhooks[:10])
    wait_until(come(place, 10), "the first have come")
    with Connection(broker.address) as connection:
        connection.channel().queue_delete(QUEUE)
    wait_until(lambda: bool(place.status()["queues"]), "status says so")
    (told,) = place.status()["queues"]
    assert told["channel"] == "shopify"
    assert f"no queue {QUEUE}" in told["trouble"]
    since = told["trouble_since"].partition(".")[0]
    said = place.command("status", "--env", "crash").stdout
    assert f"queue: shopify takes nothing since {since}" in said
    declare(broker)
    shop.start(day.webhooks[10:])
    wait_until(come(place, 20), "the others have come", seconds=SECONDS)
    wait_until(lambda: not place.status()["queues"], "status says so")
    assert place.log().count(f"no queue {QUEUE}") == 1


@pytest.mark.timeout(300)
def test_a_broker_that_is_away_at_the_start_is_told_and_found(
    make: Callable[..., Landscape], broker: Broker, shop: Shop
) -> None:
    day = make_day(13, messages=10, files=0, mix=LEVELS)
    place = make()
    place.start_sandbox()
    broker.stop()  # a queue that was declared just now does not outlive a kill
    place.start_daemon()
    wait_until(lambda: bool(place.status()["queues"]), "status says so")
    assert "guest:guest" not in place.log()
    broker.start()
    declare(broker)
    shop.start(day.webhooks)
    wait_until(come(place, 10), "everything has come", seconds=SECONDS)
    wait_until(lambda: not place.status()["queues"], "status says so", seconds=20)
