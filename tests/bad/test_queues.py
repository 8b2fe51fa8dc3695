"""Bad inputs E, the part of a broker's queue: heads of every kind, a queue that goes, two daemons.

Each comes through a real broker. What strangers write into a head is held without one, too:
tests/unit/infra/test_parcel.py. What kills the process: tests/live/test_amqp_channel.py.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import amqp
import pytest
from kombu import Connection

from router.infra.amqp.publisher import Letter, Publisher
from router.runtime.intake import Intake, receiver_at
from tests.crash.processes import free_port, wait_until
from tests.crash.wire import Wire
from tests.live.broker import Broker
from tests.unit.runtime.test_intake import Desk

pytestmark = pytest.mark.timeout(120)

#: seconds in which a message must have come on a machine under load
SOON = 30.0
QUORUM = {"x-queue-type": "quorum"}


class Ends:
    """A pickle that would be seen if anybody opened it."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("pickled"),))


class Written(amqp.Message):
    """A message with a head as it is written, byte for byte."""

    def __init__(self, head: bytes, body: bytes) -> None:
        super().__init__(body)
        self._head = head

    def _serialize_properties(self) -> bytes:
        return self._head


class Box(Desk):
    """A desk that takes from a queue of a real broker."""

    def __init__(self, root: Path, noon: Any, address: str) -> None:
        self.address = address
        super().__init__(root, noon)

    def open(self) -> Intake:
        parts = (self.land.store, self.land.parts.ingress, self.land.clock)
        opened = partial(receiver_at, self.address, "tests")
        return Intake(self.land.project.channels["desk"], opened, parts)

    def die(self) -> None:
        """Go without a word, as a process that is killed: the system closes its sockets."""
        receiver = self.intake._receiver
        assert receiver._link is not None
        receiver._link.drop()
        receiver._link = None
        receiver._wake.close()

    def until(self, holds: Callable[[], bool], what: str) -> list[str]:
        """Step until something holds; return the complaints."""
        told: list[str] = []

        def stepped() -> bool:
            complaint = self.look()
            told.extend([complaint] if complaint else [])
            return holds()

        wait_until(stepped, what, seconds=SOON)
        return told

    def taken(self, number: int) -> None:
        """Step until so many deliveries are there, and all are settled."""
        self.until(
            lambda: len(self.kept()) >= number and not self.intake._receiver.in_hand,
            f"{number} are taken",
        )
        assert len(self.kept()) == number

    def kept(self) -> list[bytes]:
        with self.land.store.read() as reader:
            return [
                one
                for (one,) in reader._connection.exec_driver_sql(
                    "SELECT body FROM deliveries ORDER BY rowid"
                )
            ]

    def heads(self) -> list[dict[str, str]]:
        with self.land.store.read() as reader:
            sql = "SELECT headers FROM deliveries ORDER BY rowid"
            return [json.loads(one) for (one,) in reader._connection.exec_driver_sql(sql)]


@pytest.fixture(scope="module")
def broker(one_node: Broker) -> Broker:
    return one_node


@pytest.fixture
def channel(broker: Broker) -> Iterator[Any]:
    """A channel of the test's own, and the queue `box`."""
    with Connection(broker.address) as connection:
        made = connection.channel()
        made.queue_declare("box", durable=True, auto_delete=False, arguments=QUORUM)
        yield made
        made.queue_delete("box")


@pytest.fixture
def open_box(broker: Broker, tmp_path: Path, noon: Any) -> Iterator[Callable[..., Box]]:
    """Makes desks with stores of their own."""
    made: list[Box] = []

    def one(address: str = "") -> Box:
        made.append(Box(tmp_path / f"desk{len(made)}", noon, address or broker.address))
        return made[-1]

    yield one
    for box in made:
        box.intake.close()
        box.land.parts.close()


@pytest.fixture
def box(channel: Any, open_box: Callable[..., Box]) -> Box:
    return open_box()


def send(channel: Any, name: str, body: bytes | None = None, **properties: Any) -> None:
    data = json.dumps({"id": name}).encode() if body is None else body
    message = amqp.Message(data, **{"message_id": name, "delivery_mode": 2, **properties})
    channel.basic_publish(message, "", "box")


def waiting(channel: Any) -> int:
    return int(channel.queue_declare("box", passive=True).message_count)


def test_an_ordinary_message_for_comparison(channel: Any, box: Box) -> None:
    send(channel, "a", application_headers={"X-Shop": "eu"}, content_type="application/json")
    box.taken(1)
    assert box.words() == {"routed": 1}
    assert box.heads() == [
        {
            "content-type": "application/json",
            "message-id": "a",
            "exchange": "",
            "routing-key": "box",
            "x-shop": "eu",
        }
    ]
    box.intake.close()
    wait_until(lambda: waiting(channel) == 0, "the queue is empty")


def test_a_header_table_with_10000_keys_is_a_dead_letter(channel: Any, box: Box) -> None:
    send(channel, "a", application_headers={f"k{n}": n for n in range(10_000)})
    send(channel, "b")
    box.taken(2)
    assert box.letters() == [("limit_exceeded", b'{"id": "a"}')]
    assert box.words() == {"dead_lettered": 1, "routed": 1}


def test_tables_in_tables_deeper_than_any_stack_are_a_dead_letter(channel: Any, box: Box) -> None:
    table = b""
    for _ in range(15_000):
        table = b"\x01aF" + struct.pack(">I", len(table)) + table
    head = struct.pack(">HI", 0x2000, len(table)) + table
    channel.basic_publish(Written(head, b'{"id": "a"}'), "", "box")
    send(channel, "b")
    box.taken(2)
    assert box.letters() == [("undecodable", b'{"id": "a"}')]
    assert box.words() == {"dead_lettered": 1, "routed": 1}


def test_a_property_that_is_no_utf8_is_a_dead_letter(channel: Any, box: Box) -> None:
    channel.basic_publish(Written(struct.pack(">HB", 0x80, 1) + b"\xff", b'{"id": "a"}'), "", "box")
    box.taken(1)
    assert box.letters() == [("undecodable", b'{"id": "a"}')]


def test_a_traceparent_as_long_as_a_frame_is_a_dead_letter(channel: Any, box: Box) -> None:
    """A megabyte does not fit a frame of a head: the broker refuses it itself."""
    send(channel, "a", application_headers={"traceparent": "0" * 120_000})
    box.taken(1)
    assert box.letters() == [("limit_exceeded", b'{"id": "a"}')]


def test_a_forged_x_death_is_not_seen(channel: Any, box: Box) -> None:
    death = [{"queue": "box", "reason": "rejected", "count": 9_999, "exchange": ""}]
    send(channel, "a", application_headers={"x-death": death, "x-delivery-count": 9_999})
    box.taken(1)
    assert box.words() == {"routed": 1}
    assert not any(name.startswith("x-") for name in box.heads()[0])


@pytest.mark.parametrize("content_type", ["application/x-python-serialize", "application/x-yaml"])
def test_a_pickle_is_never_opened(channel: Any, box: Box, content_type: str) -> None:
    body = pickle.dumps(Ends())
    send(channel, "a", body, content_type=content_type, content_encoding="binary")
    box.taken(1)
    assert box.letters() == [("undecodable", body)]
    assert not Path("pickled").exists()


def test_an_unknown_content_type_is_read_as_the_channel_says(channel: Any, box: Box) -> None:
    send(channel, "a", content_type="image/unheard-of", content_encoding="rot13")
    box.taken(1)
    assert box.words() == {"routed": 1}


def test_user_data_of_kombu_stays_what_it_is(channel: Any, box: Box) -> None:
    send(channel, "a", b'{"id": "a", "amount": {"__type__": "decimal", "__value__": "1e999999"}}')
    box.taken(1)
    assert box.words() == {"routed": 1}


def test_what_is_delivered_again_is_absorbed(channel: Any, open_box: Callable[..., Box]) -> None:
    """The process dies between the commit and the acknowledgement."""
    first = open_box()
    first.intake._receiver.settle = lambda _mark, _word: None  # type: ignore[method-assign]
    send(channel, "a")
    first.until(lambda: len(first.kept()) == 1, "it is on disk")
    first.die()
    first.intake = first.open()
    first.taken(2)
    assert first.words() == {"routed": 1, "duplicate": 1}
    assert first.heads()[0] == first.heads()[1], "that it came again is no header"


def test_two_daemons_on_one_queue_share_its_messages(
    channel: Any, open_box: Callable[..., Box]
) -> None:
    """Each with a store of its own: a message is with one of them, also when one of them goes."""
    one, two = open_box(), open_box()
    for box in (one, two):
        box.until(lambda box=box: bool(box.intake._receiver._consumers), "it consumes")  # type: ignore[misc]
    names = [f"m{n}" for n in range(60)]
    for name in names:
        send(channel, name)
    one.until(lambda: len(one.kept()) >= 6, "some have come")
    one.die()

    def all_taken() -> bool:
        return len({*one.kept(), *two.kept()}) == 60 and not two.intake._receiver.in_hand

    two.until(all_taken, "everything is with somebody")
    both = set(one.kept()) & set(two.kept())
    assert len(both) <= 3, "at most what was in hand, and not acknowledged, when it went"


def test_a_queue_that_is_deleted_under_its_consumer_is_waited_for(channel: Any, box: Box) -> None:
    send(channel, "a")
    box.taken(1)
    channel.queue_delete("box")
    told = box.until(lambda: "no queue box" in box.intake._receiver.trouble, "it is noticed")
    for _ in range(3):
        told += [one for one in [box.look()] if one]
    assert told == ["channel desk: the broker has no queue box: waiting for it"]
    channel.queue_declare("box", durable=True, auto_delete=False, arguments=QUORUM)
    send(channel, "b")
    box.taken(2)
    assert box.intake._receiver.trouble == ""


def test_a_wire_that_is_cut_before_the_acknowledgement_doubles_nothing(
    channel: Any, broker: Broker, open_box: Callable[..., Box]
) -> None:
    with Wire(broker.port) as wire:
        box = open_box(broker.address_at(wire.port))
        box.until(lambda: bool(box.intake._receiver._consumers), "it consumes")
        for n in range(20):
            send(channel, f"m{n}")
        box.until(lambda: len(box.kept()) >= 5, "some are on disk")
        wire.cut()
        box.until(
            lambda: len(set(box.kept())) == 20 and not box.intake._receiver.in_hand,
            "all are there",
        )
        assert box.words()["routed"] == 20
        box.intake.close()
    assert waiting(channel) == 0


def test_what_is_published_with_confirms_and_taken_is_the_same(
    channel: Any, broker: Broker, box: Box
) -> None:
    """Nothing beside the message is changed on its way from our publisher to our receiver."""
    channel.exchange_declare("desk", "direct", durable=True, auto_delete=False)
    channel.queue_bind("box", "desk", "in")
    publisher = Publisher(broker.address, "tests")
    letter = Letter(exchange="desk", key="in", id="m1", body=b'{"id": "\xc3\xa4"}', type="order")
    assert publisher.publish(letter, SOON) == "taken"
    publisher.close()
    box.taken(1)
    assert box.kept() == [letter.body]
    assert (box.heads()[0]["type"], box.heads()[0]["exchange"]) == ("order", "desk")
    channel.exchange_delete("desk")


def test_a_broker_that_is_not_there_is_told_once_without_its_password(
    open_box: Callable[..., Box],
) -> None:
    box = open_box(f"amqp://guest:secret@127.0.0.1:{free_port()}/")
    told = [one for one in (box.look() for _ in range(6)) if one]
    assert len(told) == 1
    assert "refused" in told[0]
    assert "secret" not in told[0]


def test_an_address_that_is_none_is_told(open_box: Callable[..., Box]) -> None:
    box = open_box("broker.example")
    assert "the address of the broker is none" in box.look()
