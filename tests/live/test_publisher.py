"""Publishing to a real broker: what is confirmed is in a queue, what is in doubt is said to be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kombu import Connection

from router.core.errors import Retryable, Unavailable, Unknown
from router.infra.amqp.publisher import WINDOW, Letter, Publisher
from tests.crash.processes import free_port, wait_until
from tests.crash.wire import Wire
from tests.live.broker import Broker

#: seconds that a word of the broker may take on a machine under load
HANG = 30.0


@pytest.fixture(scope="module")
def broker(one_node: Broker) -> Broker:
    return one_node


@pytest.fixture
def desk(broker: Broker) -> Iterator[Any]:
    """A channel of the test's own, with an exchange `desk` and a queue `box` that takes `in`."""
    with Connection(broker.address) as connection:
        channel = connection.channel()
        channel.exchange_declare("desk", "direct", durable=True, auto_delete=False)
        channel.queue_declare("box", durable=True, auto_delete=False)
        channel.queue_bind("box", "desk", "in")
        yield channel
        channel.queue_delete("box")
        channel.exchange_delete("desk")


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    made = Publisher(broker.address, "tests")
    yield made
    made.close()


def letter(name: str = "a", **fields: Any) -> Letter:
    return Letter(**{"exchange": "desk", "key": "in", "id": name, "body": b"{}", **fields})


def held(channel: Any) -> list[Any]:
    found = []
    while (one := channel.basic_get("box", no_ack=True)) is not None:
        found.append(one)
    return found


def waiting(channel: Any) -> int:
    return int(channel.queue_declare("box", passive=True).message_count)


def test_what_is_taken_is_in_the_queue_as_it_was(desk: Any, publisher: Publisher) -> None:
    sent = letter("m1", body=b"\x00\xff", type="order", headers={"key": "k"})
    assert publisher.publish(sent, HANG) == "taken"
    (found,) = held(desk)
    assert found.body == b"\x00\xff"
    properties = found.properties
    assert (properties["message_id"], properties["type"]) == ("m1", "order")
    assert (properties["delivery_mode"], properties["content_type"]) == (2, "application/json")
    assert properties["application_headers"] == {"key": "k"}


def test_what_no_queue_takes_is_unroutable_and_its_neighbours_are_not(
    desk: Any, publisher: Publisher
) -> None:
    letters = [letter(str(n), key="in" if n % 3 else "nowhere") for n in range(60)]
    with ThreadPoolExecutor(20) as pool:
        words = list(pool.map(lambda one: publisher.publish(one, HANG), letters))
    assert words == ["taken" if n % 3 else "unroutable" for n in range(60)]
    assert len(held(desk)) == 40


def test_an_exchange_that_is_not_there_takes_nothing_and_hurts_nobody(
    desk: Any, publisher: Publisher
) -> None:
    with pytest.raises(Retryable, match="no exchange elsewhere"):
        publisher.publish(letter(exchange="elsewhere"), HANG)
    assert publisher.publish(letter(), HANG) == "taken"
    desk.exchange_declare("elsewhere", "direct", durable=True, auto_delete=False)
    assert publisher.publish(letter(exchange="elsewhere"), HANG) == "unroutable"
    desk.exchange_delete("elsewhere")


def test_a_full_queue_refuses_and_the_next_channel_goes_on(desk: Any, publisher: Publisher) -> None:
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    desk.queue_declare("small", durable=True, auto_delete=False, arguments=arguments)
    desk.queue_bind("small", "desk", "small")
    words = [publisher.publish(letter(key="small"), HANG) for _ in range(3)]
    assert words[0] == "taken"
    assert "refused" in words
    assert publisher.publish(letter(), HANG) == "taken"
    desk.queue_delete("small")


def test_what_is_larger_than_the_broker_takes_any_is_told_and_hurts_nobody_again(
    desk: Any, publisher: Publisher
) -> None:
    """RabbitMQ 4 takes 16 MiB, 3 took 128 MiB where it was not told otherwise: it is, here."""
    large = letter("large", body=bytes(2**24 + 1))
    larger = f"{2**24 + 1} bytes, the broker takes messages up to {2**24}"
    with pytest.raises(Retryable, match=larger):
        publisher.publish(large, HANG)
    letters = [large if n % 10 == 5 else letter(str(n)) for n in range(60)]

    def word(one: Letter) -> str:
        try:
            return publisher.publish(one, HANG)
        except Retryable as error:
            return str(error)

    with ThreadPoolExecutor(60) as pool:
        words = list(pool.map(word, letters))
    assert words == [f"it has {larger}" if one is large else "taken" for one in letters]
    assert len(held(desk)) == 54


def test_more_than_a_window_at_once_are_all_confirmed(desk: Any, publisher: Publisher) -> None:
    count = 3 * WINDOW
    with ThreadPoolExecutor(count) as pool:
        words = list(pool.map(lambda n: publisher.publish(letter(str(n)), HANG), range(count)))
    assert words == ["taken"] * count
    assert {one.properties["message_id"] for one in held(desk)} == set(map(str, range(count)))


def test_without_a_broker_nothing_left(desk: Any) -> None:
    nobody = Publisher(f"amqp://guest:secret@127.0.0.1:{free_port()}/", "tests")
    with pytest.raises(Retryable, match="did not leave") as raised:
        nobody.publish(letter(), 0.5)
    assert "refused" in str(raised.value)
    assert "secret" not in str(raised.value)
    nobody.close()


def test_a_cut_wire_leaves_what_was_sent_in_doubt_and_is_made_anew(
    broker: Broker, desk: Any
) -> None:
    with Wire(broker.port) as wire:
        publisher = Publisher(broker.address_at(wire.port), "tests")
        assert publisher.publish(letter("before"), HANG) == "taken"
        wire.lose = "time"  # the broker hears it, its word does not come back
        raised: list[BaseException] = []

        def send() -> None:
            try:
                publisher.publish(letter("doubt"), HANG)
            except Unknown as error:
                raised.append(error)

        sender = threading.Thread(target=send)
        sender.start()
        wait_until(lambda: waiting(desk) == 2, "the broker has it")
        wire.cut()
        wire.release()
        sender.join(HANG)
        assert [type(one) for one in raised] == [Unknown]
        assert publisher.publish(letter("after"), HANG) == "taken"
        publisher.close()
    assert [one.properties["message_id"] for one in held(desk)] == ["before", "doubt", "after"]


def test_a_confirm_that_does_not_come_is_in_doubt_and_never_taken_for_another(
    broker: Broker, desk: Any
) -> None:
    with Wire(broker.port) as wire:
        publisher = Publisher(broker.address_at(wire.port), "tests")
        assert publisher.publish(letter("first"), HANG) == "taken"
        wire.lose = "time"
        with pytest.raises(Unknown, match="did not confirm"):
            publisher.publish(letter("late"), 0.5)
        wire.release()
        assert publisher.publish(letter(key="nowhere"), HANG) == "unroutable"
        assert publisher.publish(letter("last"), HANG) == "taken"
        publisher.close()
    assert [one.properties["message_id"] for one in held(desk)] == ["first", "late", "last"]


def test_a_blocked_broker_takes_nothing_and_says_so(
    broker: Broker, desk: Any, publisher: Publisher
) -> None:
    assert publisher.publish(letter("before"), HANG) == "taken"
    broker.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        for _ in range(3):  # the alarm is raised by the first that is sent under it
            try:
                publisher.publish(letter("while"), 2.0)
            except (Retryable, Unknown) as error:
                said = error
        assert isinstance(said, Retryable)
        assert "blocked" in str(said)
    finally:
        broker.ctl("set_vm_memory_high_watermark", "absolute", "400MB")
    assert publisher.publish(letter("after"), HANG) == "taken"


def test_who_closes_leaves_nobody_waiting(broker: Broker, desk: Any) -> None:
    publisher = Publisher(broker.address, "tests")
    assert publisher.publish(letter(), HANG) == "taken"
    publisher.close()
    with pytest.raises(Retryable, match="closed"):
        publisher.publish(letter(), HANG)


@pytest.mark.parametrize("address", ["", "http://h", "amqp://", "amqp://h:port/"])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(Unavailable, match="address of the broker"):
        Publisher(address, "tests")
