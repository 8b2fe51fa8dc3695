"""Commands given out over a broker that is played: in order, once, whatever is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from router.core.errors import Retryable, Unknown
from router.infra.amqp.parcel import Mark
from router.infra.store.packing import unpack_row
from router.infra.store.pauses import PAUSED, Pause
from router.infra.store.rows import Queued
from router.runtime import carrier as hands
from router.runtime import dispatch
from router.runtime.carrier import Carrier
from router.runtime.dispatch import AT_MOST, EACH, LOOK, REST, RIPE, SILENT, Dispatcher
from router.runtime.exchange import Exchange
from router.runtime.relay import Order, Said

SLOTS = 2


class Inline:
    """A pool of one thread, which is the caller's."""

    def __init__(self, *_: Any) -> None:
        pass

    def submit(self, job: Callable[..., Any], *given: Any) -> Future[Any]:
        job(*given)
        return Future()

    def shutdown(self, **_: Any) -> None:
        pass


class Wire:
    """A relay without a broker: what was sent lies there until it is delivered."""

    name = "here"
    systems = frozenset({"far"})

    def __init__(self) -> None:
        self.hear: dict[str, Callable[[Said], None]] = {}
        self.take: Callable[[Order], None] = lambda _: None
        self.sent: list[Queued] = []
        self.said: list[Said] = []
        #: what the broker says of a letter
        self.says: Any = "taken"
        #: words that are lost on their way
        self.is_mute = False

    def send(self, row: Queued, _system: str, then: Callable[[Any], None]) -> None:
        if self.says == "taken":
            self.sent.append(row)
        then(self.says)

    def flush(self) -> None:
        pass

    def knows(self, _mark: Mark) -> bool:
        return True

    def answer(self, order: Order, said: Said) -> None:
        self.said.append(said)
        if not self.is_mute:
            self.hear[order.system](said)

    def close(self, _seconds: float) -> None:
        pass

    def deliver(self, *, again: bool = False) -> list[str]:
        """Deliver all that lies there; return what was said."""
        before = len(self.said)
        rows, self.sent = self.sent, []
        for row in rows:
            self.take(Order(mark=Mark(1, 1), system="far", row=row, done="", again=again))
        return [one.word for one in self.said[before:]]


class Stage:
    """A world whose commands go over a wire."""

    def __init__(self, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.wire, self.now = world, Wire(), 100.0
        monkeypatch.setattr(dispatch, "monotonic", lambda: self.now)
        monkeypatch.setattr(hands, "ThreadPoolExecutor", Inline)
        project = world.project
        self.exchange = Exchange(
            operations=project.operations,
            adapters={"far": world.far},
            env={},
            clock=world.clock,
        )
        parts: Any = (world.store, self.exchange, self.wire)
        self.carrier = Carrier(parts, SLOTS)
        self.dispatcher = self.another()

    def another(self) -> Dispatcher:
        """Let somebody else lead the system."""
        parts: Any = (self.world.store, self.exchange, self.wire)
        self.dispatcher = Dispatcher(parts, "far", SLOTS)
        return self.dispatcher

    def give(self, *things: str) -> None:
        """Let notes come that become commands, numbered from 1."""
        for number, thing in enumerate(things, 1):
            self.world.give(number, thing)
        while self.world.parts.loop.step():
            pass

    def publish(self, seconds: float = 0.0) -> list[int]:
        """Let time pass, then publish what there is room for; return the notes that were sent."""
        self.now += seconds
        self.world.clock.move_to(self.world.clock.now() + timedelta(seconds=seconds))
        before = len(self.wire.sent)
        while self.dispatcher.step():
            pass
        return [one.message.payload["id"] for one in self.wire.sent[before:]]

    @property
    def put(self) -> list[int]:
        found: list[int] = self.world.far.put
        return found


@pytest.fixture
def stage(make_world: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(make_world(lambda _verb, _n: 200), monkeypatch)


def test_so_many_are_on_their_way_as_hands_can_have(stage: Stage) -> None:
    stage.give("a", "b", "c", "d", "e", "f")
    assert stage.publish() == [1, 2, 3, 4][: EACH * SLOTS]
    assert len(stage.dispatcher.in_hand) == EACH * SLOTS
    assert stage.wire.deliver() == ["gone"] * 4
    assert stage.publish() == [5, 6]
    stage.wire.deliver()
    assert stage.put == [1, 2, 3, 4, 5, 6]
    assert stage.world.sizes() == {}
    assert stage.dispatcher.in_hand == frozenset()


def test_one_of_a_key_is_published_when_the_one_before_it_is_done(stage: Stage) -> None:
    stage.give("a", "a", "b")
    assert stage.publish() == [1, 3]
    assert stage.world.sizes() == {"sys.far": 2, "held_back": 1}
    stage.wire.deliver()
    assert stage.publish() == [2]
    stage.wire.deliver()
    assert stage.put == [1, 3, 2]
    assert stage.world.sizes() == {}


def test_a_word_that_is_lost_is_made_up_for_by_a_look(stage: Stage) -> None:
    stage.give("a")
    stage.publish()
    stage.wire.is_mute = True
    stage.wire.deliver()
    assert stage.dispatcher.in_hand
    assert stage.publish(RIPE + LOOK) == []
    assert not stage.dispatcher.in_hand


def test_what_the_broker_has_lost_is_published_again_and_ever_later(stage: Stage) -> None:
    stage.give("a")
    assert stage.publish() == [1]
    assert stage.publish(SILENT - 1) == []
    assert stage.publish(2) == [1]
    assert stage.publish(SILENT) == []
    assert stage.publish(SILENT + 1) == [1]
    for _ in range(10):
        stage.publish(AT_MOST)
    assert stage.publish(AT_MOST / 2) == []
    assert stage.wire.deliver()[0] == "gone"
    assert stage.put == [1], "however often it was published"


@pytest.mark.parametrize("word", ["unroutable", "refused", Retryable("no")])
def test_what_the_broker_does_not_take_goes_again_after_a_rest(stage: Stage, word: Any) -> None:
    stage.give("a", "b")
    stage.wire.says = word
    assert stage.publish() == []
    stage.wire.says = "taken"
    assert stage.publish(REST / 2) == []
    assert stage.publish(REST) == [1, 2]


def test_what_may_have_arrived_goes_again_soon(stage: Stage) -> None:
    stage.give("a")
    stage.wire.says = Unknown("not confirmed")
    assert stage.publish() == []
    stage.wire.says = "taken"
    assert stage.publish(RIPE - 1) == []
    assert stage.publish(LOOK + 1) == [1]


def test_a_new_leader_publishes_what_stands_and_it_is_done_once(stage: Stage) -> None:
    stage.give("a", "b")
    assert stage.publish() == [1, 2]
    stage.another()
    assert stage.publish() == [1, 2]
    assert stage.wire.deliver() == ["gone"] * 4
    assert stage.put == [1, 2]


def test_a_new_leader_closes_no_gate_for_what_is_gone(stage: Stage) -> None:
    """It has read a row that hands of before settle while it looks at the gate."""
    stage.give("a", "a")
    stage.publish()
    leader = stage.another()
    rows = leader._next_rows(10)
    stage.wire.deliver()
    assert leader._in_order(rows) == []
    assert stage.publish() == [2]
    stage.wire.deliver()
    assert stage.put == [1, 2]
    with stage.world.store.read() as reader:
        key = stage.wire.said[0]
        assert key.word == "gone"
        assert reader.sizes()["held_back"] == 0
    assert stage.world.sizes() == {}


def test_while_a_system_is_held_nothing_is_published(stage: Stage) -> None:
    stage.give("a", "b")
    stage.publish()
    until = stage.world.clock.now() + timedelta(seconds=30)
    for row in stage.wire.sent:
        stage.dispatcher.told(Said(row=row.id, word="held", until=until))
    stage.wire.sent.clear()
    assert stage.publish(29) == []
    assert stage.publish(2) == [1, 2]


def test_what_other_hands_have_waits_for_them_and_no_other_does(stage: Stage) -> None:
    stage.give("a", "b")
    stage.publish()
    first, _ = stage.wire.sent
    until = stage.world.clock.now() + timedelta(seconds=30)
    stage.dispatcher.told(Said(row=first.id, word="held", until=until, alone=True))
    stage.wire.sent.clear()
    assert stage.publish(29) == []
    assert stage.publish(2 + RIPE) == [1]


def test_a_call_that_is_under_way_is_left_alone_and_its_row_too(stage: Stage) -> None:
    """The same command comes to hands while others are in the call."""
    stage.give("a")
    stage.publish()
    (row,) = stage.wire.sent
    calling = stage.world.far.call

    def call(prepared: Any, key: Any) -> Any:
        if prepared.head["verb"] == "POST" and not stage.wire.said:
            stage.wire.take(Order(mark=Mark(1, 2), system="far", row=row, done="", again=False))
        return calling(prepared, key)

    stage.world.far.call = call
    assert stage.wire.deliver() == ["held", "gone"]
    assert stage.wire.said[0].alone
    assert stage.put == [1]
    assert stage.world.sizes() == {}, "no row was made for later"


def test_what_is_paused_goes_back_to_its_leader(stage: Stage) -> None:
    stage.give("a")
    stage.publish()
    pause = Pause(name="system:far", at="", reason="", mode=PAUSED)
    stage.world.store.write(lambda t: t.pauses.put(pause))
    stage.dispatcher.pause([pause])
    assert stage.wire.deliver() == ["again"]
    assert stage.put == []
    assert stage.publish() == []
    stage.world.store.write(lambda t: t.pauses.lift("system:far"))
    stage.dispatcher.pause([])
    assert stage.publish() == [1]


def test_a_row_with_the_number_of_another_is_not_carried(stage: Stage) -> None:
    """A store that was made anew gives numbers again that lie in a queue of before."""
    stage.give("a")
    stage.publish()
    (row,) = stage.wire.sent
    stage.wire.sent[:] = [replace(row, message=replace(row.message, id="another"))]
    assert stage.wire.deliver() == ["gone"]
    assert stage.put == []
    assert stage.world.sizes() == {"sys.far": 1}


def test_a_row_that_comes_by_its_names_is_read_from_the_store(stage: Stage) -> None:
    stage.give("a")
    stage.publish()
    (row,) = stage.wire.sent
    named = unpack_row(row.identity, row.lane, b"", row.id)
    stage.wire.take(
        Order(mark=Mark(1, 1), system="far", row=named, done="", again=False, whole=False)
    )
    assert stage.put == [1]
    assert stage.world.sizes() == {}


def test_hands_that_are_to_end_give_back_what_they_have_not_begun(stage: Stage) -> None:
    stage.give("a")
    stage.publish()
    stage.carrier.close(0)
    assert stage.wire.deliver() == ["again"]
    assert stage.put == []
    assert stage.publish() == [1]


def test_what_came_again_is_carried_as_well(stage: Stage) -> None:
    stage.give("a")
    stage.publish()
    assert stage.wire.deliver(again=True) == ["gone"]
    assert stage.put == [1]
    assert stage.world.store.write(lambda t: t.marks("apart:")) == {}
