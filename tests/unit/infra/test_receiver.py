"""Taking from queues over a link that is played: what is settled how, over which connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from amqp import Message
from amqp.exceptions import InternalError

from router.infra.amqp import receiver as room
from router.infra.amqp.link import Broken
from router.infra.amqp.parcel import Mark, Parcel
from router.infra.amqp.receiver import Receiver


class Channel:
    """What a broker would hear."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.consumers: dict[str, Any] = {}

    def basic_qos(self, size: int, count: int, for_all: bool) -> None:
        self.heard.append(("qos", size, count, for_all))

    def basic_consume(self, queue: str, callback: Any, on_cancel: Any) -> str:
        self.consumers[queue] = (callback, on_cancel)
        self.heard.append(("consume", queue))
        return f"tag of {queue}"

    def basic_cancel(self, tag: str) -> None:
        self.heard.append(("cancel", tag))

    def basic_ack(self, tag: int, multiple: bool = False) -> None:
        self.heard.append(("ack", tag, multiple))

    def basic_reject(self, tag: int, requeue: bool) -> None:
        self.heard.append(("reject", tag, requeue))


class Link:
    """A link that breaks when told to."""

    made: ClassVar[list[Link]] = []
    refuses = False
    queues: ClassVar[set[str]] = {"box"}

    def __init__(self, address: str, wake: Any, who: str) -> None:
        if Link.refuses:
            raise Broken("nobody there")
        self.channel = Channel()
        self.broken = ""
        self.over = ""
        self.events: list[Callable[[], None]] = []
        Link.made.append(self)

    def do(self, act: Callable[[], Any]) -> Any:
        if self.broken:
            raise Broken(self.broken)
        return act()

    def has_queue(self, name: str) -> bool:
        return name in Link.queues

    def wait(self, _seconds: float) -> None:
        self.do(lambda: None)
        while self.events:
            self.events.pop(0)()

    def close(self) -> None:
        self.over = "closed"

    def drop(self) -> None:
        self.over = "dropped"

    def deliver(self, tag: int, queue: str = "box") -> None:
        message = Message(f"body {tag}", message_id=f"m{tag}")
        message.delivery_info = {
            "delivery_tag": tag,
            "redelivered": False,
            "exchange": "",
            "routing_key": queue,
        }
        self.events.append(lambda: self.channel.consumers[queue][0](message))


class Clock:
    """Time that a test moves."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(room, "Link", Link)
    monkeypatch.setattr(room, "time", made)
    monkeypatch.setattr(Link, "made", [])
    monkeypatch.setattr(Link, "refuses", False)
    monkeypatch.setattr(Link, "queues", {"box"})
    return made


@pytest.fixture
def came() -> list[Parcel]:
    return []


@pytest.fixture
def receiver(clock: Clock, came: list[Parcel]) -> Iterator[Receiver]:
    made = Receiver("amqp://h/", "tests", {"box": 50}, came.append)
    yield made
    made.close(0)


def heard(link: Link) -> list[tuple[Any, ...]]:
    """Return what the broker heard since it was asked last."""
    said, link.channel.heard = link.channel.heard, []
    return said


def begun(receiver: Receiver, *tags: int) -> Link:
    """Connect, and let messages come."""
    receiver.step(0)
    link = Link.made[-1]
    for tag in tags:
        link.deliver(tag)
    receiver.step(0)
    heard(link)
    return link


def test_a_queue_is_consumed_with_a_prefetch_of_its_own(receiver: Receiver) -> None:
    receiver.step(0)
    assert heard(Link.made[0]) == [("qos", 0, 50, False), ("consume", "box")]
    assert receiver.trouble == ""


def test_a_queue_at_which_the_broker_fails_is_known(
    receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Channel, queue: str, callback: Any, on_cancel: Any) -> str:
        raise Broken("INTERNAL_ERROR") from InternalError("INTERNAL_ERROR")

    with monkeypatch.context() as broken:
        broken.setattr(Channel, "basic_consume", fail)
        for times in (1, 2):
            receiver.step(0)
            assert receiver.crashed == {"box": times}
            assert "the broker itself fails at queue box" in receiver.trouble
            clock.now += 60
    receiver.step(0)
    assert receiver.crashed == {}
    assert receiver.trouble == ""


def test_queues_of_a_connection_alone_are_asked_for_anew_with_each(
    clock: Clock, came: list[Parcel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is to be there is made before it is looked for; another connection has other queues."""
    prepared: list[Any] = []

    def prepare(link: Any) -> dict[str, int]:
        prepared.append(link)
        Link.queues.add(f"own {len(Link.made)}")
        return {f"own {len(Link.made)}": 7}

    made = Receiver("amqp://h/", "tests", {"box": 50}, came.append, prepare)
    made.step(0)
    Link.made[0].broken = "cut"
    made.step(0)
    clock.now += 60
    made.step(0)
    assert prepared == Link.made
    for number, link in enumerate(Link.made, 1):
        consumed = [one[1] for one in heard(link) if one[0] == "consume"]
        assert consumed == ["box", f"own {number}"]
    made.close(0)


def test_what_comes_is_handed_on_as_it_is(receiver: Receiver, came: list[Parcel]) -> None:
    begun(receiver, 1, 2)
    assert [(one.mark, one.body) for one in came] == [((1, 1), b"body 1"), ((1, 2), b"body 2")]
    assert receiver.in_hand == 2
    assert receiver.knows(came[0].mark)


def test_many_are_settled_by_one_word_up_to_the_first_that_is_not(receiver: Receiver) -> None:
    link = begun(receiver, *range(1, 8))
    for tag in (3, 1, 2, 5, 7):
        receiver.settle(Mark(1, tag), "ack")
    receiver.step(0)
    assert heard(link) == [("ack", 3, True), ("ack", 5, False), ("ack", 7, False)]
    receiver.settle(Mark(1, 4), "ack")
    receiver.step(0)
    assert heard(link) == [("ack", 4, False)]
    receiver.settle(Mark(1, 6), "ack")
    receiver.step(0)
    assert heard(link) == [("ack", 6, False)]
    assert receiver.in_hand == 0


def test_what_goes_back_is_never_within_a_word_for_many(receiver: Receiver) -> None:
    link = begun(receiver, 1, 2, 3, 4)
    for tag, word in ((1, "ack"), (2, "requeue"), (3, "reject"), (4, "ack")):
        receiver.settle(Mark(1, tag), word)  # type: ignore[arg-type]
    receiver.step(0)
    assert heard(link) == [("reject", 2, True), ("reject", 3, False), ("ack", 4, True)]


def test_a_message_is_settled_once(receiver: Receiver) -> None:
    link = begun(receiver, 1, 2)
    receiver.settle(Mark(1, 2), "ack")
    receiver.settle(Mark(1, 2), "requeue")
    receiver.settle(Mark(1, 99), "ack")
    receiver.step(0)
    receiver.settle(Mark(1, 2), "ack")
    receiver.step(0)
    assert heard(link) == [("ack", 2, False)]


def test_marks_of_a_lost_connection_are_good_for_nothing(
    receiver: Receiver, clock: Clock, came: list[Parcel]
) -> None:
    link = begun(receiver, 1, 2)
    link.broken = "cut"
    receiver.step(0)
    assert receiver.trouble == "cut"
    assert not receiver.knows(came[0].mark)
    clock.now += 1
    fresh = begun(receiver, 1)
    assert receiver.trouble == ""
    receiver.settle(came[0].mark, "ack")
    receiver.step(0)
    assert heard(fresh) == [], "another message has the same tag now"
    receiver.settle(came[2].mark, "ack")
    receiver.step(0)
    assert heard(fresh) == [("ack", 1, False)]
    assert link.over == "dropped"


def test_it_waits_longer_each_time_and_at_most_half_a_minute(
    receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Link, "refuses", True)
    pauses = []
    for _ in range(12):
        receiver.step(0)
        assert receiver.trouble == "nobody there"
        pauses.append(receiver._next_try - clock.now)
        clock.now = receiver._next_try - 0.001
        receiver.step(0)
        assert receiver._next_try - clock.now < 0.01, "too early: nothing was tried"
        clock.now = receiver._next_try
    for n, pause in enumerate(pauses):
        most = min(room.SOON * 2**n, room.LATE)
        assert most * (1 - room.JITTER) <= pause <= most
    monkeypatch.setattr(Link, "refuses", False)
    receiver.step(0)
    assert receiver.trouble == ""


def test_a_queue_that_is_not_there_is_waited_for(
    receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Link, "queues", set())
    receiver.step(0)
    assert receiver.trouble == "the broker has no queue box: waiting for it"
    monkeypatch.setattr(Link, "queues", {"box"})
    receiver.step(0)
    assert heard(Link.made[0]) == [], "it is not asked for without a pause"
    clock.now += room.LOOK
    receiver.step(0)
    assert ("consume", "box") in heard(Link.made[0])
    assert receiver.trouble == ""


def test_a_consumer_that_the_broker_cancels_is_looked_for_again(
    receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = begun(receiver, 1)
    monkeypatch.setattr(Link, "queues", set())
    link.events.append(lambda: link.channel.consumers["box"][1]("tag of box"))
    receiver.step(0)
    receiver.step(0)
    assert "no queue box" in receiver.trouble
    receiver.settle(Mark(1, 1), "ack")  # what was in hand is still settled
    receiver.step(0)
    assert heard(link) == [("ack", 1, False)]
    monkeypatch.setattr(Link, "queues", {"box"})
    clock.now += room.LOOK
    receiver.step(0)
    assert ("consume", "box") in heard(link)


def test_who_is_held_takes_nothing_and_settles_what_it_has(receiver: Receiver) -> None:
    link = begun(receiver, 1)
    receiver.hold(True)
    receiver.step(0)
    assert heard(link) == [("cancel", "tag of box")]
    receiver.settle(Mark(1, 1), "requeue")
    receiver.step(0)
    assert heard(link) == [("reject", 1, True)]
    receiver.hold(False)
    receiver.step(0)
    assert heard(link) == [("qos", 0, 50, False), ("consume", "box")]


def test_who_closes_waits_for_what_is_in_hand(receiver: Receiver, clock: Clock) -> None:
    link = begun(receiver, 1, 2)
    link.events.append(lambda: receiver.settle(Mark(1, 2), "ack"))
    link.events.append(lambda: receiver.settle(Mark(1, 1), "ack"))
    receiver.close(5)
    assert heard(link) == [("cancel", "tag of box"), ("ack", 2, True)]
    assert link.over == "closed"


def test_who_closes_does_not_wait_for_ever(
    receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = begun(receiver, 1)
    monkeypatch.setattr(link, "wait", lambda seconds: setattr(clock, "now", clock.now + 1))
    receiver.close(3)
    assert heard(link) == [("cancel", "tag of box")], "nobody said that it is taken"
    assert link.over == "closed"


def test_words_come_from_any_thread(receiver: Receiver) -> None:
    link = begun(receiver, *range(1, 41))
    threads = [
        threading.Thread(
            target=lambda n=n: [receiver.settle(Mark(1, t), "ack") for t in range(n, 41, 4)]  # type: ignore[misc]
        )
        for n in range(1, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receiver.step(0)
    assert heard(link) == [("ack", 40, True)]
