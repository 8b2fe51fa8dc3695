"""Instances run: events come by routes, commands go to workers, their ends come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router import Answer
from router.core.errors import Unavailable
from router.core.message import Message
from router.engine.workflow.record import input_document
from router.engine.workflow.values import EventCame, Ordered, WindowClosed
from router.infra.store.rows import Queued
from router.runtime.forecast import forecaster_of
from router.runtime.journey import journey_lines, journeys
from router.runtime.operator import carry_out
from router.runtime.turning import Turning
from router.runtime.wiring import revisions_of
from tests.unit.runtime.visits import VISITS, Visits

DAY = 24 * 3600.0


@pytest.fixture
def land(tmp_path: Path, noon: Any) -> Iterator[Visits]:
    made = Visits(tmp_path, noon, VISITS)
    yield made
    made.parts.close()


def test_a_whole_life(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.run()
    assert land.status("v1", "tell") == "done"
    assert land.instance("v1").state["label"] == "told"
    land.come("heard", about="n1")
    land.run()
    assert land.status("v1", "book") == "held"
    land.wait(11 * 3600)
    land.run()
    made = land.instance("v1")
    assert made.state["label"] == "ended"
    assert made.ended_at is not None
    assert len(land.wire.asked) == 2
    assert land.letters() == []
    assert land.sizes() == {}


def test_a_trace_names_the_event_and_what_came_of_it(land: Visits) -> None:
    message = land.come("asked", id="v1", amount="n1")
    land.run()
    with land.store.read() as reader:
        (found,) = journeys(reader, message)
    lines = [line.strip() for line in journey_lines(found)]
    assert "-> event visit.asked to workflow:visit" in lines
    assert any("workflow:visit  turned v1: event visit.asked" in line for line in lines)


def test_an_event_waits_for_its_instance(land: Visits) -> None:
    message = land.come("heard", about="n1")
    land.run()
    assert land.sizes() == {"timers": 1}
    land.come("asked", id="v1", amount="n1")
    land.run()
    assert land.status("v1", "book") == "held"
    assert "parked" in {word for _, word, _ in land.counted()}
    assert land.words(message) == ["routed"]


def test_an_event_that_finds_nobody_becomes_a_dead_letter(land: Visits) -> None:
    land.come("heard", about="n9")
    land.run()
    land.wait(DAY)
    land.run()
    since = "2025-03-14T12:00:00.000000Z"
    assert land.letters() == [("orphan", f"no one instance by nick n9 since {since}")]
    assert land.sizes() == {"dead": 1}


def test_within_a_batch_the_event_may_come_before_its_instance(land: Visits) -> None:
    land.come("heard", about="n1")
    land.come("asked", id="v1", amount="n1")
    land.parts.loop.step()
    land.parts.loop.step()
    assert land.parts.turner.step() == 2
    assert land.status("v1", "hear") == "idle"  # what it needs is not done
    land.run()
    assert land.status("v1", "book") == "held"


def test_the_same_row_twice_is_one_turn(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.parts.loop.step()
    with land.store.read() as reader:
        (row,) = reader.queued("turns", 0, 10)
    land.store.write(lambda transaction: transaction.enqueue([row]))
    land.run()
    assert land.instance("v1").turns == 2  # the event, the answer
    assert land.counted()["workflow:visit", "duplicate", ""] == 1
    assert len(land.wire.asked) == 1


def test_a_refusal_is_the_workflow_s_and_no_dead_letter(land: Visits) -> None:
    land.wire.answer = lambda _: Answer(status=409, body={})
    land.come("asked", id="v1", amount="n1")
    land.run()
    assert land.status("v1", "tell") == "failed"
    assert set(land.instance("v1").state["exceptions"]) == {"failed:tell"}
    assert land.letters() == []


def test_retries_that_are_used_up_are_told(land: Visits) -> None:
    land.wire.answer = lambda _: Answer(status=503, body={})
    land.come("asked", id="v1", amount="n1")
    land.run()
    for _ in range(3):
        land.wait(60)
        land.run()
    assert len(land.wire.asked) == 3
    record = land.instance("v1").state["steps"]["tell"][""]
    assert (record["status"], record["code"]) == ("failed", "retries_exhausted")
    assert land.counted()["far.put", "given_up", "retries_exhausted"] == 1
    assert land.letters() == []


def test_what_nobody_knows_is_told_as_unknown(land: Visits) -> None:
    land.wire.answer = lambda _: Answer(status=500, body={})
    land.come("asked", id="v1", amount="n1")
    land.run()
    for _ in range(3):
        land.wait(60)
        land.run()
    assert set(land.instance("v1").state["exceptions"]) == {"unknown:tell"}
    assert land.letters() == []


def test_a_turn_that_fails_is_buried_alone(land: Visits, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Turning.turned

    def turned(self: Turning, one: Any, came: Any, at: Any) -> Any:
        if isinstance(came, EventCame) and came.body["id"] == "v2":
            raise RuntimeError("no")
        return whole(self, one, came, at)

    monkeypatch.setattr(Turning, "turned", turned)
    for key in ("v1", "v2", "v3"):
        land.come("asked", id=key, amount=key)
    land.run()
    assert land.letters() == [("poison", "RuntimeError: no")]
    assert [land.status(key, "tell") for key in ("v1", "v3")] == ["done", "done"]


def test_a_store_that_is_away_loses_no_row(land: Visits, monkeypatch: pytest.MonkeyPatch) -> None:
    land.come("asked", id="v1", amount="n1")
    land.parts.loop.step()
    write = land.store.write

    def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("gone")

    monkeypatch.setattr(land.store, "write", away)
    with pytest.raises(Unavailable):
        land.parts.turner.step()
    monkeypatch.setattr(land.store, "write", write)
    land.run()
    assert land.status("v1", "tell") == "done"


def test_a_window_lets_go_piece_by_piece(land: Visits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.runtime.windows.PIECE", 2)
    for number in range(5):
        land.come("asked", id=f"v{number}", amount=f"n{number}")
        land.come("heard", about=f"n{number}")
    land.run()
    with land.store.read() as reader:
        waits = [reader.instances.named([("visit", f"v{n}")]) for n in range(5)]
    assert len(waits) == 5
    land.wire.asked.clear()
    land.wait(11 * 3600)
    land.run()
    assert len(land.wire.asked) == 5
    assert {land.instance(f"v{n}").state["label"] for n in range(5)} == {"ended"}


def held(land: Visits) -> int:
    with land.store.read() as reader:
        return sum(number for _, number in reader.instances.closings("visit", "evening"))


def close(land: Visits) -> dict[str, int]:
    """Close the window now, as an operator does."""
    asked = {"workflow": "visit", "window": "evening", "reason": "the year ends"}
    now = land.clock.now()
    done = land.store.write(lambda transaction: carry_out(transaction, "close_window", asked, now))
    return dict(done["closed"])


def test_a_window_closed_early_lets_all_go_once(
    land: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.runtime.windows.PIECE", 2)
    for number in range(5):
        land.come("asked", id=f"v{number}", amount=f"n{number}")
        land.come("heard", about=f"n{number}")
    land.run()
    assert held(land) == 5
    land.wire.asked.clear()
    assert close(land) == {"2025-03-14T21:00:00.000000Z": 5}
    land.run()
    assert len(land.wire.asked) == 5
    assert held(land) == 0
    assert {land.instance(f"v{n}").state["label"] for n in range(5)} == {"ended"}
    land.wait(11 * 3600)
    land.run()
    assert len(land.wire.asked) == 5
    assert land.sizes() == {}


def test_what_comes_after_a_window_was_closed_early_waits_for_it(land: Visits) -> None:
    assert close(land) == {}
    land.come("asked", id="v1", amount="n1")
    land.come("heard", about="n1")
    land.run()
    assert close(land) == {"2025-03-14T21:00:00.000000Z": 1}
    land.come("asked", id="v2", amount="n2")
    land.come("heard", about="n2")
    land.run()
    assert [land.status(key, "book") for key in ("v1", "v2")] == ["done", "held"]
    land.wait(11 * 3600)
    land.run()
    assert land.status("v2", "book") == "done"
    assert len(land.wire.asked) == 4


def test_a_window_that_is_asked_for_twice_closes_once(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.come("heard", about="n1")
    land.run()
    assert close(land) == close(land)
    land.run()
    assert len(land.wire.asked) == 2
    assert land.letters() == []


def test_a_replay_tells_no_event_twice(land: Visits) -> None:
    known = land.come("asked", id="v1", amount="n1")
    land.run()
    waits = land.come("asked", id="v2", amount="n2")
    land.parts.loop.step()
    forecaster = forecaster_of(
        land.project, {}, (land.store, land.exchange, revisions_of(land.project.root, land.store))
    )
    for message, word in ((known, "unchanged"), (waits, "new")):
        number = plan(land, message)
        with land.store.read() as reader:
            job = reader.jobs.get(number)
            assert job is not None
            assert forecaster.foresee(reader, job, land.clock.now()).counts == {word: 1}
    land.run()
    before = land.instance("v1").turns
    asked = {"job": plan(land, known)}
    now = land.clock.now()
    land.store.write(lambda transaction: carry_out(transaction, "start", asked, now))
    for _ in range(5):
        land.parts.operator.step()
        land.wait(1)
        land.run()
    assert land.counted()["workflow:visit", "duplicate", ""] == 1
    assert land.instance("v1").turns == before


def plan(land: Visits, message: str) -> int:
    """Plan to decide a record anew."""
    asked = {"query": {"about": message}, "rate": 1000, "reason": "tests", "options": {}}
    now = land.clock.now()
    done = land.store.write(lambda transaction: carry_out(transaction, "replay", asked, now))
    return int(done["job"])


def test_what_ended_long_ago_is_forgotten_and_late_events_are_told(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.come("heard", about="n1")
    land.run()
    land.wait(11 * 3600)
    land.run()
    land.come("asked", id="v2", amount="n2")
    land.wait(9 * DAY)
    land.run()
    assert land.instance("v1").ended_at is not None
    land.wait(2 * DAY)
    land.run()
    with land.store.read() as reader:
        assert [one.key for one in reader.instances.find("visit")] == ["v2"]
        assert reader.instances.by_alias("visit", [("nick", "n1")]) == {}
    land.come("asked", id="v1", amount="n1")
    land.run()
    assert land.letters() == [("late", "v1 has ended as ended and was forgotten")]
    land.wait(90 * DAY)
    land.run()
    land.come("asked", id="v1", amount="n1")
    land.run()
    assert land.status("v1", "tell") == "done"


def test_what_a_workflow_tells_goes_to_who_subscribes(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.run()
    land.wire.asked.clear()
    land.come("dropped", id="v1", amount="n1")
    land.run()
    assert [json.loads(body) for _, body in land.wire.asked] == [{"id": "v1", "amount": "kept"}]
    assert land.counted()["flow:kept", "routed", ""] == 1


def test_a_command_that_cannot_be_let_go_is_given_up_alone(
    land: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        land.come("asked", id=f"v{number}", amount=f"n{number}")
        land.come("heard", about=f"n{number}")
    land.run()
    land.wire.asked.clear()
    whole = Turning.turned

    def turned(self: Turning, one: Any, came: Any, at: Any) -> Any:
        if isinstance(came, WindowClosed) and one.key == "v2":
            raise RuntimeError("no")
        return whole(self, one, came, at)

    monkeypatch.setattr(Turning, "turned", turned)
    land.wait(11 * 3600)
    land.run()
    assert {land.instance(f"v{n}").state["label"] for n in (0, 1, 3, 4)} == {"ended"}
    assert len(land.wire.asked) == 4
    assert land.counted()["far.put", "given_up", "poison"] == 1
    assert land.status("v2", "book") == "held"  # its time-out tells a person
    land.wait(2 * DAY)
    land.run()
    assert set(land.instance("v2").state["exceptions"]) == {"timeout:book"}
    assert land.letters() == []


def test_what_was_refused_after_its_window_can_be_tried_again(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.come("heard", about="n1")
    land.run()
    land.wire.answer = lambda _: Answer(status=409, body={})
    land.wait(11 * 3600)
    land.run()
    assert land.status("v1", "book") == "failed"
    land.wire.answer = lambda _: Answer(status=200, body={})
    again = Ordered(verb="retry", actor="eve", reason="it is open again", step="book")
    row = Queued(
        lane="turns",
        consumer="workflow:visit",
        message=message_with(input_document(again), land.clock.now()),
        extra={"came": "order", "instance": land.instance("v1").id},
    )
    land.store.write(lambda transaction: transaction.enqueue([row]))
    land.run()
    assert land.status("v1", "book") == "held"
    land.wait(DAY)
    land.run()
    assert land.status("v1", "book") == "done"
    assert len(land.wire.asked) == 3  # tell, book, book again
    assert land.instance("v1").state["exceptions"] == {}


def message_with(payload: Any, at: Any) -> Message:
    return Message(id="0" * 32, correlationid="order", occurred_at=at, payload=payload)
