"""Messages without a record: when they are let go of, and what of them is on disk after all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from router import Answer, Retryable, Unknown
from router.core.errors import Unavailable
from router.infra.store.letters import LetterQuery
from router.infra.store.pauses import Pause
from router.runtime import passage
from router.runtime.intake import Intake
from router.runtime.passage import Passage, is_unrecorded
from tests.unit.runtime.conftest import Landscape
from tests.unit.runtime.test_intake import ENVIRONMENT, Played

CHANNEL = """
    channel: desk
    owner: us
    from: {amqp: {queue: box, prefetch: 10, format: json}}
    kind: =first_of(body.kind, 'plain')
    identity: {delivery: [=headers."message-id"]}
    routes:
      plain:
        accept: order@1
        record: none
        steps:
          - transform: shop/thing
          - fork:
              flow:
                - produce: {object: thing@1}
              beside:
                - filter: {if: =payload.amount, else: {discard: it is worth nothing}}
                - send: {operation: far.put}
      kept:
        accept: order@1
        steps:
          - transform: shop/thing
          - produce: {object: thing@1}
      dropped: {discard: not wanted}
    otherwise: [{dead_letter: unknown_kind}]
    on_failure: patient
    """
FAR = """
    system: far
    owner: us
    adapter: wire
    on_failure: patient
    operations:
      get:
        arguments: [id]
        returns: order@1
        request: {ask: "/get/{id}"}
        RULES
      put:
        accept: thing@1
        request: {ask: /put}
        idempotency: {kind: key, header: message-id}
        RULES
    """
DONE = Answer(status=200)


class Desk:
    """A desk whose box is carried on without a record."""

    def __init__(self, root: Path, noon: Any) -> None:
        texts = {
            "routes/channels/desk.yaml": CHANNEL,
            "routes/environments/test.yaml": ENVIRONMENT,
            "routes/systems/far.yaml": FAR,
        }
        self.land = Landscape(root, noon, texts)
        land = self.land
        channel = land.project.channels["desk"]
        assert is_unrecorded(channel)
        parts = (land.store, land.parts.ingress, land.clock)
        self.intake = Intake(channel, Played, parts)  # type: ignore[arg-type]
        self.passage = Passage(
            channel,
            land.project,
            (land.store, land.exchange),
            partial(land.parts.ingress.keep, channel),
        )
        self.intake.pass_by(self.passage)
        self.receiver: Any = self.intake._receiver
        self.come = self.receiver.come

    @property
    def begun(self) -> list[Any]:
        found: list[Any] = self.land.wire.begun
        return found

    @property
    def settled(self) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = self.receiver.settled
        return found

    def look(self) -> str:
        """Step once; return the complaint."""
        try:
            self.intake.step()
        except Unavailable as error:
            return str(error)
        return ""

    def answer(self, *answers: Any) -> None:
        """Answer the calls that were begun, in their order."""
        told, self.land.wire.begun = self.begun, []
        for (_, _, then), answer in zip(told, answers, strict=True):
            then(answer)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.land.store.read() as reader:
            return [tuple(one) for one in reader._connection.exec_driver_sql(sql)]

    def is_empty(self) -> bool:
        """Return whether nothing of a message is on disk."""
        tables = ("deliveries", "queue", "journal", "claims", "intents", "dead", "due")
        return all(self.rows(f"SELECT count(*) FROM {one}") == [(0,)] for one in tables)


@pytest.fixture
def desk(tmp_path: Path, noon: Any) -> Iterator[Desk]:
    made = Desk(tmp_path, noon)
    yield made
    made.land.parts.close()


def test_a_message_is_let_go_of_when_every_system_has_it_and_leaves_nothing(desk: Desk) -> None:
    desk.come({"id": "a", "amount": "1"})
    assert desk.look() == ""
    assert len(desk.begun) == 2
    assert desk.settled == []
    told = desk.begun[:]
    told[0][2](DONE)
    assert desk.settled == []
    told[1][2](DONE)
    assert desk.settled == [(1, "ack")]
    assert desk.is_empty()
    assert [json.loads(body) for body, _, _ in told] == [{"id": "a", "amount": "1"}] * 2


def test_numbers_are_counted_in_the_store_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "COUNTS", 0.0)
    for name in ("a", "b"):
        desk.come({"id": name, "amount": "1"})
    desk.look()
    desk.answer(*[DONE] * 4)
    desk.look()
    assert desk.land.counted() == {
        ("desk:plain", "routed", ""): 2,
        ("flow:things", "routed", ""): 2,
        ("far.put", "done", ""): 4,
    }
    assert desk.rows("SELECT count(*) FROM journal") == [(0,)]


def test_a_message_that_comes_again_is_sent_under_the_same_names(desk: Desk) -> None:
    desk.come({"id": "a", "amount": "1"}, {"message-id": "m7"})
    desk.look()
    first = [key["message-id"] for _, key, _ in desk.begun]
    assert len(set(first)) == 2
    desk.begun.clear()
    desk.come({"id": "a", "amount": "1"}, {"message-id": "m7"})
    desk.come({"id": "a", "amount": "1"}, {"message-id": "m8"})
    desk.look()
    again = [key["message-id"] for _, key, _ in desk.begun]
    assert again[:2] == first
    assert not set(again[2:]) & set(first)


def test_a_part_that_goes_nowhere_is_no_reason_to_record(desk: Desk) -> None:
    desk.come({"id": "a"})
    desk.look()
    desk.answer(DONE)
    assert desk.settled == [(1, "ack")]
    assert desk.is_empty()


@pytest.mark.parametrize("end", [Retryable("it is away"), Unknown("no word"), Answer(status=503)])
def test_what_is_not_taken_is_sent_again_and_its_message_stays_in_the_queue(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, end: Any
) -> None:
    monkeypatch.setattr(passage, "SOON", 0.0)
    desk.come({"id": "a", "amount": "1"}, {"message-id": "m1"})
    desk.look()
    names = {key["message-id"] for _, key, _ in desk.begun}
    desk.answer(DONE, end)
    assert desk.settled == []
    assert "far.put" in desk.look()  # it is told, once
    (again,) = desk.begun
    assert again[1]["message-id"] in names
    desk.answer(DONE)
    assert desk.settled == [(1, "ack")]
    assert desk.passage.trouble == ""
    assert desk.is_empty()


def test_a_call_that_comes_again_waits_longer_each_time(desk: Desk) -> None:
    desk.come({"id": "a"})
    desk.look()
    desk.answer(Retryable("it is away"))
    assert 0 < desk.passage.rest <= passage.SOON
    desk.look()
    assert desk.begun == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "undecodable"),
        ({"amount": "1"}, "contract_violation"),
        ({"id": "a", "kind": "strange"}, "unknown_kind"),
    ],
)
def test_what_cannot_be_handled_becomes_a_dead_letter_with_its_bytes(
    desk: Desk, body: Any, reason: str
) -> None:
    desk.come(body)
    desk.look()
    assert desk.settled == [(1, "ack")]
    desk.land.run()
    assert desk.begun == []
    with desk.land.store.read() as reader:
        assert [one["reason"] for one in reader.letters.find(LetterQuery())] == [reason]
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert desk.rows("SELECT body FROM deliveries") == [(data,)]


def test_a_command_that_is_refused_is_recorded_alone_and_becomes_a_dead_letter(desk: Desk) -> None:
    desk.land.wire.answer = lambda _: Answer(status=409)
    desk.come({"id": "a", "amount": "1"})
    desk.look()
    desk.answer(DONE, Answer(status=409))
    assert desk.settled == []
    desk.look()
    assert desk.settled == [(1, "ack")]
    desk.land.run()
    assert len(desk.land.wire.asked) == 1  # the other one is there, and is not sent again
    with desk.land.store.read() as reader:
        (letter,) = reader.letters.find(LetterQuery())
    assert (letter["consumer"], letter["reason"]) == ("far.put", "closed")


def test_other_routes_of_the_channel_are_recorded(desk: Desk) -> None:
    desk.come({"id": "a", "kind": "kept"})
    desk.come({"id": "b", "kind": "dropped"})
    desk.come({"id": "c"})
    desk.look()
    assert sorted(desk.settled) == [(1, "ack"), (2, "ack")]
    assert desk.rows("SELECT count(*) FROM deliveries") == [(2,)]
    desk.answer(DONE)
    assert (3, "ack") in desk.settled


def test_while_a_system_is_held_back_messages_wait_on_disk(desk: Desk) -> None:
    desk.intake.pause([Pause(name="system:far", at="", reason="a test")])
    desk.come({"id": "a"})
    desk.look()
    assert desk.begun == []
    assert desk.settled == [(1, "ack")]
    assert desk.rows("SELECT count(*) FROM queue") == [(1,)]
    desk.intake.pause([])
    desk.come({"id": "b"})
    desk.look()
    assert len(desk.begun) == 1


def test_a_bug_that_one_message_meets_stops_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.passage._plan

    def broken(flight: Any) -> Any:
        if b"bug" in flight.parcel.body:
            raise RuntimeError("a bug")
        return plan(flight)

    monkeypatch.setattr(desk.passage, "_plan", broken)
    desk.come({"id": "bug"})
    desk.come({"id": "b"})
    desk.look()
    assert desk.settled == [(1, "ack")]  # it is on disk
    desk.answer(DONE)
    assert desk.settled == [(1, "ack"), (2, "ack")]
