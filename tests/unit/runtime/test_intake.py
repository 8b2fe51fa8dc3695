"""A channel that takes from a queue: when it settles what; stepped by hand, its receiver played."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.core.errors import DecodeError, Unavailable
from router.infra.amqp.parcel import Mark, Parcel
from router.infra.store.letters import LetterQuery
from router.infra.store.pauses import Pause
from router.runtime.caution import MOST_ENDS, Caution
from router.runtime.cursors import queue_data, queue_line
from router.runtime.intake import Intake
from tests.unit.runtime.conftest import Landscape

CHANNEL = """
    channel: desk
    owner: us
    from: {amqp: {queue: box, prefetch: 3, format: json}}
    kind: =`"plain"`
    identity: {delivery: [=headers."message-id"], object: [=body.id]}
    routes:
      plain:
        accept: order@1
        steps:
          - transform: shop/thing
          - produce: {object: thing@1}
    otherwise: [{discard: not wanted}]
    on_failure: patient
    """
ENVIRONMENT = """
    environment: test
    store: {sqlite: store.db}
    systems: {far: {}}
    channels: {desk: {broker: "env:DESK_BROKER"}}
    """


class Played:
    """A receiver without a broker: it notes what becomes of each message."""

    def __init__(self, queues: dict[str, int], take: Callable[[Parcel], None]) -> None:
        self.queues = queues
        self.trouble = ""
        self.held = False
        self.connection = 1
        self.settled: list[tuple[int, str]] = []
        self.closed = False
        self._take = take
        self._tag = 0

    def come(self, body: Any, headers: dict[str, str] | None = None, **fields: Any) -> Mark:
        """Let a message come."""
        self._tag += 1
        mark = Mark(self.connection, self._tag)
        headers = {"message-id": f"m{self._tag}"} if headers is None else headers
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._take(Parcel(mark=mark, queue="box", headers=headers, body=data, **fields))
        return mark

    def knows(self, mark: Mark) -> bool:
        return mark.connection == self.connection

    def settle(self, mark: Mark, word: str) -> None:
        self.settled.append((mark.tag, word))

    def hold(self, held: bool) -> None:
        self.held = held

    def step(self, _seconds: float) -> None:
        pass

    def ring(self) -> None:
        pass

    def close(self, _seconds: float) -> None:
        self.closed = True


class Desk:
    """The landscape with a desk that takes from a box."""

    def __init__(self, root: Path, noon: Any) -> None:
        texts = {"routes/channels/desk.yaml": CHANNEL, "routes/environments/test.yaml": ENVIRONMENT}
        self.land = Landscape(root, noon, texts)
        self.intake = self.open()
        self.receiver: Any = self.intake._receiver

    def open(self) -> Intake:
        parts = (self.land.store, self.land.parts.ingress, self.land.clock)
        return Intake(self.land.project.channels["desk"], Played, parts)  # type: ignore[arg-type]

    def look(self) -> str:
        """Step once; return the complaint."""
        try:
            self.intake.step()
        except Unavailable as error:
            return str(error)
        finally:
            self.land.run()
        return ""

    def words(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for (who, word, _), n in self.land.counted().items():
            if who.startswith("desk"):
                counted[word] = counted.get(word, 0) + n
        return counted

    def letters(self) -> list[tuple[str, bytes]]:
        with self.land.store.read() as reader:
            found = reader.letters.find(LetterQuery())
            rows = reader._connection.exec_driver_sql(
                "SELECT deliveries.body FROM deliveries JOIN dead ON delivery = deliveries.id"
            )
            return list(
                zip([one["reason"] for one in found], [row[0] for row in rows], strict=True)
            )

    def bodies(self) -> list[Any]:
        with self.land.store.read() as reader:
            sql = "SELECT body FROM deliveries ORDER BY rowid"
            return [json.loads(one) for (one,) in reader._connection.exec_driver_sql(sql)]


@pytest.fixture
def desk(tmp_path: Path, noon: Any) -> Iterator[Desk]:
    made = Desk(tmp_path, noon)
    yield made
    made.land.parts.close()


def test_the_queue_is_taken_from_with_its_prefetch(desk: Desk) -> None:
    assert desk.receiver.queues == {"box": 3}


def test_a_message_is_settled_when_it_is_on_disk(desk: Desk) -> None:
    desk.receiver.come({"id": "a"}, {"message-id": "m1", "x-shop": "eu"})
    assert desk.receiver.settled == []
    assert desk.look() == ""
    assert desk.receiver.settled == [(1, "ack")]
    assert desk.words() == {"routed": 1}
    with desk.land.store.read() as reader:
        (headers,) = reader._connection.exec_driver_sql("SELECT headers FROM deliveries").one()
    assert json.loads(headers) == {"message-id": "m1", "x-shop": "eu"}


def test_what_comes_again_is_absorbed(desk: Desk) -> None:
    for body, name in (({"id": "a"}, "m1"), ({"id": "a"}, "m1"), ({"id": "b"}, "m1")):
        desk.receiver.come(body, {"message-id": name})
        assert desk.look() == ""
    assert [word for _, word in desk.receiver.settled] == ["ack"] * 3
    assert desk.words()["duplicate"] == 2, "by its object, then by the sender's name for it"


@pytest.mark.parametrize("body", [b"", b"{", b"\x80\x04\x95", b'{"id": NaN}', b"x" * 2_000_000])
def test_what_does_not_decode_is_a_dead_letter_with_its_bytes(desk: Desk, body: bytes) -> None:
    desk.receiver.come(body)
    desk.receiver.come({"id": "a"})
    assert desk.look() == ""
    assert desk.receiver.settled == [(1, "ack"), (2, "ack")]
    ((reason, kept),) = desk.letters()
    assert reason in ("undecodable", "limit_exceeded")
    assert kept == body


def test_a_head_that_is_unfit_is_a_dead_letter(desk: Desk) -> None:
    desk.receiver.come({"id": "a"}, {}, unfit=DecodeError("a header is no text"))
    assert desk.look() == ""
    assert desk.receiver.settled == [(1, "ack")]
    assert desk.letters() == [("undecodable", b'{"id": "a"}')]


def test_while_the_store_is_away_nothing_is_settled_and_the_order_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of three fails, as at a full disk, and only it: the others do not pass it."""
    store, submit = desk.land.store, desk.land.store.submit
    calls: list[Any] = []

    def away(job: Any) -> Any:
        calls.append(job)

        def fails(_transaction: Any) -> None:
            raise Unavailable("the disk is full")

        return submit(fails if len(calls) == 1 else job)

    monkeypatch.setattr(store, "submit", away)
    for name in "abc":
        desk.receiver.come({"id": name})
    assert desk.look() == "", "it is not known before a step what became of the first"
    assert desk.receiver.settled == []
    assert desk.look() == "channel desk: 1 wait: the disk is full"
    assert desk.bodies() == []
    assert desk.look() == ""
    assert [one["id"] for one in desk.bodies()] == ["a", "b", "c"]
    assert desk.receiver.settled == [(1, "ack"), (2, "ack"), (3, "ack")]


def test_one_that_was_handed_over_behind_one_that_failed_does_not_pass_it(desk: Desk) -> None:
    """Both are with the writer when the transaction of the first fails."""
    desk.receiver.come({"id": "b"})
    parcel = desk.intake._todo[0]
    first = Parcel(mark=Mark(1, 0), queue="box", headers={}, body=b'{"id": "a"}')
    desk.intake._failed.append((first, Unavailable("away")))
    pending = desk.intake._submit(parcel)
    assert isinstance(pending.exception(), Unavailable)
    assert desk.bodies() == []


def test_a_record_that_cannot_be_written_is_written_as_it_came(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = desk.land.parts.ingress.receive

    def broken(*args: Any) -> Any:
        def spoil(_transaction: Any, _delivery: str) -> None:
            raise ZeroDivisionError

        return receive(*args[:3], spoil) if b"bad" in args[2] else receive(*args)

    monkeypatch.setattr(desk.land.parts.ingress, "receive", broken)
    desk.receiver.come({"id": "bad"})
    desk.receiver.come({"id": "good"})
    complaints = [desk.look() for _ in range(3)]
    assert any("1 wait" in one for one in complaints)
    assert desk.receiver.settled == [(1, "ack"), (2, "ack")]
    assert desk.letters() == [("poison", b'{"id": "bad"}')]


def test_a_reader_that_breaks_on_one_goes_on_with_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = desk.land.parts.ingress.decode

    def broken(channel: Any, delivery: Any, body: bytes) -> Any:
        if b"bad" in body:
            raise RecursionError
        return decode(channel, delivery, body)

    monkeypatch.setattr(desk.land.parts.ingress, "decode", broken)
    desk.receiver.come({"id": "bad"})
    desk.receiver.come({"id": "good"})
    assert desk.look() == ""
    assert desk.receiver.settled == [(1, "ack"), (2, "ack")]
    assert desk.letters() == [("poison", b'{"id": "bad"}')]


def test_a_message_of_a_lost_connection_is_not_begun_with(desk: Desk) -> None:
    desk.receiver.come({"id": "a"})
    desk.receiver.connection = 2
    desk.receiver.come({"id": "a"})
    assert desk.look() == ""
    assert desk.receiver.settled == [(2, "ack")]
    assert len(desk.bodies()) == 1


def test_a_paused_channel_leaves_messages_where_they_are(desk: Desk) -> None:
    desk.receiver.come({"id": "a"})
    desk.intake.pause([Pause(name="channel:desk", at="", reason="")])
    assert desk.look() == ""
    assert desk.receiver.held
    assert desk.receiver.settled == [(1, "requeue")]
    assert desk.bodies() == []
    desk.intake.pause(())
    desk.receiver.come({"id": "a"})
    assert desk.look() == ""
    assert not desk.receiver.held
    assert desk.receiver.settled[1:] == [(2, "ack")]


def test_a_drained_channel_takes_nothing_new(desk: Desk) -> None:
    desk.land.parts.ingress.close_to(frozenset({"desk"}))
    desk.receiver.come({"id": "a"})
    assert desk.look() == ""
    assert desk.receiver.held
    assert desk.receiver.settled == [(1, "requeue")]


def test_a_door_that_closes_meanwhile_gives_the_message_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingress = desk.land.parts.ingress
    ingress.close_to(frozenset({"desk"}))
    monkeypatch.setattr(ingress, "takes", lambda _name: True)
    desk.receiver.come({"id": "a"})
    assert desk.look() == ""
    assert desk.receiver.settled == [(1, "requeue")]


def test_trouble_is_told_once_and_kept_until_it_is_over(desk: Desk) -> None:
    desk.receiver.trouble = "the broker has no queue box: waiting for it"
    assert desk.look() == "channel desk: the broker has no queue box: waiting for it"
    assert desk.look() == ""
    with desk.land.store.read() as reader:
        (kept,) = reader.cursors.all()
    assert queue_line(kept).endswith("takes nothing since 2025-03-14T12:00:00Z: "
        "the broker has no queue box: waiting for it")  # fmt: skip
    assert queue_data(kept)["trouble"] == "the broker has no queue box: waiting for it"
    desk.receiver.trouble = ""
    assert desk.look() == ""
    with desk.land.store.read() as reader:
        assert reader.cursors.get("desk").trouble == ""


def test_who_closes_gives_back_what_was_not_begun_with(desk: Desk) -> None:
    desk.receiver.come({"id": "a"})
    desk.intake.close()
    assert desk.receiver.settled == [(1, "requeue")]
    assert desk.receiver.closed


class Marked(Caution):
    """A caution that says which process has ended how often with what."""

    def __init__(self, desk: Desk, ends: int) -> None:
        super().__init__(desk.land.store, desk.land.clock)
        self.unclean = True
        self._ended = ("amqp:desk/m2", ends)
        self.alone_with: list[str] = []

    def alone(self, key: str, lasts: Any = None) -> Any:
        self.alone_with.append(key)
        return super().alone(key, lasts)


def test_after_an_unclean_end_the_first_messages_go_alone(desk: Desk) -> None:
    caution = Marked(desk, MOST_ENDS - 1)
    desk.intake.take_care(caution)
    for n in range(5):
        desk.receiver.come({"id": str(n)})
    assert desk.look() == ""
    assert caution.alone_with == ["amqp:desk/m1", "amqp:desk/m2", "amqp:desk/m3"]
    assert desk.letters() == []
    assert [word for _, word in desk.receiver.settled] == ["ack"] * 5


def test_what_was_alone_in_hand_at_enough_ends_is_buried(desk: Desk) -> None:
    desk.intake.take_care(Marked(desk, MOST_ENDS))
    for n in range(3):
        desk.receiver.come({"id": str(n)})
    assert desk.look() == ""
    assert desk.letters() == [("killer", b'{"id": "1"}')]
    assert [word for _, word in desk.receiver.settled] == ["ack"] * 3


def test_after_an_orderly_end_nothing_goes_alone(desk: Desk) -> None:
    caution = Marked(desk, 0)
    caution.unclean = False
    desk.intake.take_care(caution)
    desk.receiver.come({"id": "a"})
    assert desk.look() == ""
    assert caution.alone_with == []
