"""What goes over a broker between who gives out commands and hands, read back as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from router.config.topology import Queue
from router.core.errors import Retryable, Unavailable
from router.infra.amqp.parcel import Mark, Parcel
from router.infra.amqp.publisher import Letter
from router.infra.store.rows import Queued
from router.runtime import relay as room
from router.runtime.relay import LARGE, Order, Relay, Said

QUEUE = Queue(
    name="sys.far", exchange="sys", key="far", taker="system:far", single=False, arguments={}
)


class Publisher:
    """Keeps what is posted."""

    trouble = ""

    def __init__(self, *_: Any) -> None:
        self.posted: list[Letter] = []
        self.is_closed = False

    def post(self, letter: Letter, _seconds: float, then: Callable[[Any], None]) -> None:
        if self.is_closed:
            raise Retryable("closed")
        self.posted.append(letter)
        then("taken")

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True


class Receiver:
    """Gives what a test puts into it."""

    def __init__(
        self, _address: str, _who: str, queues: Mapping[str, int], take: Any, prepare: Any
    ) -> None:
        self.queues, self.take, self.prepare = queues, take, prepare
        self.settled: list[tuple[int, str]] = []
        self.crashed: dict[str, int] = {}
        self.trouble = ""

    def settle(self, mark: Mark, word: str) -> None:
        self.settled.append((mark.tag, word))

    def step(self, _seconds: float) -> None:
        pass

    def close(self, _seconds: float) -> None:
        pass

    def came(self, letter: Letter, queue: str = "sys.far", *, again: bool = False) -> None:
        """Deliver a letter, as `parcel_of` reads it."""
        headers = {**letter.headers, "routing-key": letter.key, "exchange": letter.exchange}
        self.take(
            Parcel(mark=Mark(1, 7), queue=queue, headers=headers, body=letter.body, again=again)
        )


class Desk:
    """A relay between two fakes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(room, "Publisher", Publisher)
        monkeypatch.setattr(room, "Receiver", Receiver)
        self.complaints: list[str] = []
        self.orders: list[Order] = []
        self.said: list[Said] = []
        self.relay = Relay("amqp://h/", "p1", [QUEUE], 8, self.complaints.append)
        self.relay.take = self.orders.append
        self.relay.hear["far"] = self.said.append
        self.publisher: Any = self.relay._publisher
        self.receiver: Any = self.relay._receiver


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


@pytest.fixture
def row(message_of: Any) -> Queued:
    message = message_of({"id": 1, "text": "ä"}, id="m1")
    return Queued(lane="sys.far", consumer="far.put", message=message, extra={"a": 1}, id=12)


def test_a_command_comes_to_hands_as_it_was_sent(desk: Desk, row: Queued) -> None:
    words: list[Any] = []
    desk.relay.send(row, "far", words.append)
    (letter,) = desk.publisher.posted
    assert (letter.exchange, letter.key, words) == ("sys", "far", ["taken"])
    desk.receiver.came(letter)
    desk.receiver.came(letter, again=True)
    first, second = desk.orders
    assert (first.row, first.system, first.done) == (row, "far", "done.p1")
    assert (first.again, second.again, first.whole) == (False, True, True)
    assert desk.receiver.queues == {"sys.far": 8}
    assert desk.receiver.settled == [], "hands settle it"


def test_a_large_row_goes_by_its_names(desk: Desk, row: Queued, message_of: Any) -> None:
    large = Queued(
        lane="sys.far",
        consumer="far.put",
        message=message_of({"text": "x" * LARGE}, id="m2"),
        id=13,
    )
    desk.relay.send(large, "far", lambda _: None)
    (letter,) = desk.publisher.posted
    assert letter.body == b""
    desk.receiver.came(letter)
    (order,) = desk.orders
    assert not order.whole
    assert (order.row.id, order.row.identity) == (13, ("m2", "far.put"))


@pytest.mark.parametrize(
    "said",
    [
        Said(row=12, word="gone"),
        Said(row=12, word="again"),
        Said(row=12, word="held", until=datetime(2026, 1, 1, tzinfo=UTC), alone=True),
        Said(row=12, word="held", until=datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)),
    ],
)
def test_a_word_is_heard_as_it_was_said(desk: Desk, row: Queued, said: Said) -> None:
    desk.relay.send(row, "far", lambda _: None)
    desk.receiver.came(desk.publisher.posted[0])
    desk.relay.answer(desk.orders[0], said)
    assert desk.receiver.settled == [(7, "ack")]
    letter = desk.publisher.posted[1]
    assert (letter.exchange, letter.key) == ("sys", "done.p1")
    desk.receiver.came(letter, "")  # its own queue has no name before it is connected
    assert desk.said == [said]


def test_a_word_about_a_system_that_another_leads_is_passed_over(desk: Desk, row: Queued) -> None:
    desk.relay.send(row, "far", lambda _: None)
    desk.receiver.came(desk.publisher.posted[0])
    desk.relay.answer(desk.orders[0], Said(row=12, word="gone"))
    desk.relay.hear.clear()
    desk.receiver.came(desk.publisher.posted[1], "")
    assert desk.said == []
    assert desk.complaints == []


def test_what_is_no_command_goes_to_the_dead_of_the_broker(desk: Desk) -> None:
    for headers in ({}, {"row": "x", "message": "m", "consumer": "c", "done": "d"}):
        desk.receiver.came(Letter(exchange="sys", key="far", id="1", body=b"?", headers=headers))
    assert desk.receiver.settled == [(7, "reject"), (7, "reject")]
    assert len(desk.complaints) == 2
    assert desk.orders == []


def test_a_command_is_settled_though_its_word_cannot_leave(desk: Desk, row: Queued) -> None:
    """Who has given it out looks itself."""
    desk.relay.send(row, "far", lambda _: None)
    desk.receiver.came(desk.publisher.posted[0])
    desk.publisher.is_closed = True
    desk.relay.answer(desk.orders[0], Said(row=12, word="gone"))
    assert desk.receiver.settled == [(7, "ack")]
    desk.relay.close(0)


def test_a_trouble_is_told_once_and_its_end(desk: Desk) -> None:
    desk.receiver.trouble = "gone"
    with pytest.raises(Unavailable, match="commands: gone"):
        desk.relay.step()
    assert desk.relay.step() == 1
    desk.receiver.trouble = ""
    assert desk.relay.step() == 1
    assert desk.complaints == ["commands: the broker is there again"]
