"""A route without a record over a real broker: nothing is lost, whoever is killed."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from kombu import Connection

from router.infra.amqp.yardstick import Confirms
from router.runtime.bench import event_of
from router.runtime.brokerspeed import STATES, broker_project, note_of
from tests.crash.processes import Landscape, free_port, pause, wait_until
from tests.live.broker import Broker, held

NAME = "notes"
SECONDS = 200.0


class Post:
    """A sender's broker: an exchange, the queue that is taken from, three that are published to."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._connection = Connection(broker.address)
        channel = self._connection.channel()
        channel.exchange_declare(NAME, "direct", durable=True, auto_delete=False)
        for word in ("in", *STATES):
            self.declare(channel, word)

    def declare(self, channel: Any, word: str, **arguments: Any) -> None:
        """Declare a queue and bind it."""
        arguments = {"x-queue-type": "quorum", **arguments}
        channel.queue_declare(
            f"{NAME}.{word}", durable=True, auto_delete=False, arguments=arguments
        )
        channel.queue_bind(f"{NAME}.{word}", NAME, word)

    def send(self, numbers: range, body: bytes | None = None) -> None:
        """Put notes into the first queue; return when all are confirmed."""
        with Connection(self.broker.address) as connection:
            confirms = Confirms(connection.channel())
            for number in numbers:
                while confirms.open >= 100:
                    connection.drain_events(timeout=60)
                confirms.publish(NAME, "in", event_of(number), body or note_of(number))
            while confirms.open:
                connection.drain_events(timeout=60)

    def counts(self) -> dict[str, int]:
        """Return how many messages lie in each queue, in nobody's hands."""
        with Connection(self.broker.address) as connection:
            channel = connection.channel()
            return {
                one: channel.queue_declare(f"{NAME}.{one}", passive=True).message_count
                for one in ("in", *STATES)
            }

    def taken(self) -> tuple[Counter[int], Counter[str]]:
        """Take what was published; return how often each note came, and each name of a message."""
        notes: Counter[int] = Counter()
        names: Counter[str] = Counter()
        with Connection(self.broker.address) as connection:
            channel = connection.channel()
            for state in STATES:
                while (one := channel.basic_get(f"{NAME}.{state}", no_ack=True)) is not None:
                    note = json.loads(one.body)
                    assert note["state"] == state
                    notes[note["id"]] += 1
                    names[one.properties["message_id"]] += 1
        return notes, names

    def close(self) -> None:
        self._connection.release()


@pytest.fixture
def post(new_node: Broker) -> Post:
    made = Post(new_node)
    made.close()
    return made


@pytest.fixture
def place(tmp_path: Path, post: Post) -> Iterator[Landscape]:
    root = tmp_path / "project"
    broker_project(root, NAME)
    made = Landscape(root=root, port=free_port(), sandbox_port=0)
    made.inbox.mkdir(parents=True)
    (root / "routes/environments/bench.yaml").rename(root / "routes/environments/crash.yaml")
    environment = root / "routes/environments/crash.yaml"
    text = environment.read_text().replace("environment: bench", "environment: crash")
    text = text.replace("var/x.db", "var/router.db")
    environment.write_text(text.replace("port: 0", f"port: {made.port}"))
    made.environ["BENCH_BROKER"] = post.broker.address
    yield made
    made.close()


def published(post: Post) -> int:
    counts = post.counts()
    return sum(counts[one] for one in STATES)


def all_out(post: Post, number: int) -> bool:
    counts = post.counts()
    return counts["in"] == 0 and sum(counts[one] for one in STATES) >= number


def unsettled(post: Post) -> int:
    """Return how many messages are in the first queue or in somebody's hands."""
    return held(post.broker)[f"{NAME}.in"]


@pytest.mark.timeout(300)
def test_each_note_goes_where_it_belongs_and_leaves_nothing(place: Landscape, post: Post) -> None:
    place.start_daemon()
    post.send(range(300))
    wait_until(lambda: all_out(post, 300), "all are out", seconds=SECONDS)
    wait_until(lambda: unsettled(post) == 0, "all are acknowledged", seconds=SECONDS)
    notes, names = post.taken()
    assert notes == Counter(range(300))
    assert set(names.values()) == {1}
    assert place.count("deliveries") == place.count("journal") == place.count("intents") == 0

    def counted() -> dict[tuple[str, str], int]:
        return {(one["consumer"], one["word"]): one["n"] for one in place.status()["counters"]}

    wait_until(lambda: counted().get(("notes:note", "routed")) == 300, "it is counted", seconds=30)
    found = counted()
    assert [found[f"far.{state}", "done"] for state in STATES] == [100, 100, 100]
    assert found["flow:open", "discarded"] == 200


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [1200, pytest.param(5000, marks=pytest.mark.soak)])
def test_killed_again_and_again_it_loses_nothing_and_a_repeat_has_its_name(
    place: Landscape, post: Post, number: int
) -> None:
    random = Random(5)
    place.start_daemon()
    sender = threading.Thread(target=post.send, args=(range(number),))
    sender.start()
    kills = 0
    for share in (0.1, 0.3, 0.5, 0.7):
        wanted = int(share * number)
        wait_until(lambda n=wanted: published(post) >= n, f"{wanted} are out", seconds=SECONDS)
        pause(random.uniform(0.0, 0.1))
        place.kill_daemon()
        kills += 1
        place.start_daemon(wait=False)
    sender.join(SECONDS)
    wait_until(lambda: all_out(post, number), "all are out", seconds=SECONDS)
    wait_until(lambda: unsettled(post) == 0, "all are acknowledged", seconds=SECONDS)
    place.wait_idle(SECONDS)
    notes, names = post.taken()
    assert set(notes) == set(range(number))
    assert len(names) == number  # whoever drops what has a known name has each once
    print(f"\nkilled {kills} times: {sum(notes.values()) - number} of {number} came twice")


@pytest.mark.timeout(300)
def test_killed_between_confirm_and_acknowledgement_the_repeat_has_the_same_name(
    place: Landscape, post: Post
) -> None:
    place.failpoint = "passage.after_call:20"
    place.start_daemon()
    daemon = place.daemon
    assert daemon is not None
    post.send(range(60))
    wait_until(lambda: daemon.poll() is not None, "it dies there", seconds=SECONDS)
    place.failpoint = ""
    place.start_daemon()
    wait_until(lambda: all_out(post, 60), "all are out", seconds=SECONDS)
    wait_until(lambda: unsettled(post) == 0, "all are acknowledged", seconds=SECONDS)
    place.wait_idle(SECONDS)
    notes, names = post.taken()
    assert set(notes) == set(range(60))
    assert len(names) == 60


@pytest.mark.timeout(300)
def test_what_the_broker_does_not_take_stays_in_the_first_queue(
    place: Landscape, post: Post
) -> None:
    """A full queue refuses; when there is room again, everything arrives."""
    with Connection(post.broker.address) as connection:
        channel = connection.channel()
        channel.queue_delete(f"{NAME}.open")
        bounds = {"x-max-length": 5, "x-overflow": "reject-publish", "x-queue-type": "classic"}
        post.declare(channel, "open", **bounds)
    place.start_daemon()
    post.send(range(60))
    wait_until(lambda: bool(place.status()["queues"]), "status says so", seconds=SECONDS)
    (told,) = place.status()["queues"]
    assert "far.open" in told["trouble"]
    assert unsettled(post) > 0
    found: Counter[int] = Counter()

    def emptied() -> bool:
        found.update(post.taken()[0])
        return set(found) == set(range(60))

    wait_until(emptied, "everything has arrived", seconds=SECONDS, tick=0.2)
    wait_until(lambda: unsettled(post) == 0, "all are acknowledged", seconds=SECONDS)
    assert place.count("deliveries") == 0


@pytest.mark.timeout(300)
def test_what_no_queue_takes_and_what_does_not_decode_are_dead_letters(
    place: Landscape, post: Post
) -> None:
    with Connection(post.broker.address) as connection:
        connection.channel().queue_unbind(f"{NAME}.gone", NAME, "gone")
    place.start_daemon()
    post.send(range(30))
    post.send(range(30, 31), b"no json")
    wait_until(lambda: place.count("dead") == 11, "they are dead letters", seconds=SECONDS)
    wait_until(lambda: unsettled(post) == 0, "all are acknowledged", seconds=SECONDS)
    reasons = Counter(one for (one,) in place.query("SELECT reason FROM dead"))
    assert reasons == {"unroutable": 10, "undecodable": 1}
    assert sum(post.taken()[0].values()) == 20
    assert place.end_daemon(signal.SIGTERM, 30) == 0
