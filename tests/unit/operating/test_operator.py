"""What operators do with dead letters, jobs and pauses: nothing is lost, totals add up."""

from __future__ import annotations

from typing import Any

import pytest

from router.core.errors import MessageError
from router.infra.store.letters import LetterQuery
from router.runtime.operator import carry_out


def tell(world: Any, verb: str, **arguments: Any) -> dict[str, Any]:
    return world.store.write(
        lambda transaction: carry_out(transaction, verb, arguments, world.clock.now())
    )


def letters(world: Any, state: str = "open") -> list[dict[str, Any]]:
    with world.store.read() as reader:
        return reader.letters.find(LetterQuery(state=state))


def job(world: Any, number: int) -> dict[str, Any]:
    with world.store.read() as reader:
        return reader.jobs.told(number)


def words(world: Any, message: str) -> list[str]:
    with world.store.read() as reader:
        return [
            entry["word"]
            for correlation in reader.correlations(message)
            for entry in reader.history(correlation)
            if entry["message_id"] == message
        ]


def test_a_retried_letter_is_sent_and_what_waited_behind_it_follows(make_world: Any) -> None:
    broken = {1}
    world = make_world(lambda verb, n: 400 if verb == "POST" and n in broken else 200)
    for number, thing in ((1, "a"), (2, "a"), (3, "b")):
        world.give(number, thing)
    world.work()
    assert world.far.put == [3]
    letter = letters(world)[0]
    assert (letter["consumer"], letter["reason"]) == ("far.put", "bad")
    broken.clear()
    assert tell(world, "retry", message=letter["message_id"], reason="mended") == {"retried": 1}
    world.work()
    assert world.far.put == [3, 1, 2]
    assert world.sizes() == {}
    assert letters(world) == []
    assert letters(world, "retried")[0]["note"] == "mended"
    assert words(world, letter["message_id"]) == ["refused", "replayed", "done"]


def test_a_letter_that_dies_again_is_open_again(make_world: Any) -> None:
    world = make_world(lambda verb, n: 400 if verb == "POST" else 200)
    world.give(1, "a")
    world.work()
    first = letters(world)[0]
    tell(world, "retry", message=first["message_id"], reason="hope")
    world.work()
    again = letters(world)
    assert [one["message_id"] for one in again] == [first["message_id"]]
    assert again[0]["attempts"] == 2
    assert world.far.put == []


def test_a_resolved_letter_lets_its_key_go_on_without_it(make_world: Any) -> None:
    world = make_world(lambda verb, n: 404 if verb == "GET" and n == 1 else 200)
    for number in (1, 2, 3):
        world.give(number, "a")
    world.work()
    assert world.far.put == []
    assert world.sizes() == {"dead": 1, "held_back": 2}
    letter = letters(world)[0]
    tell(world, "resolve", message=letter["message_id"], reason="never existed")
    world.work()
    assert world.far.put == [2, 3]
    assert world.sizes() == {}
    assert words(world, letter["message_id"])[-1] == "resolved"


def test_an_edited_letter_goes_on_as_a_new_message_caused_by_the_original(make_world: Any) -> None:
    world = make_world(lambda verb, n: 404 if verb == "GET" and n == 1 else 200)
    world.give(1, "a")
    world.give(2, "a")
    world.work()
    letter = letters(world)[0]
    made = tell(
        world, "edit", message=letter["message_id"], payload={"id": 7, "thing": "a"}, reason="typo"
    )["message"]
    world.work()
    assert sorted(world.far.put) == [2, 7]
    assert letters(world, "edited")[0]["message_id"] == letter["message_id"]
    assert words(world, made) == ["edited", "enriched", "routed"]
    with pytest.raises(MessageError, match="no open dead letter"):
        tell(world, "edit", message=letter["message_id"], payload={}, reason="again")


def test_a_job_cancelled_half_way_loses_nothing_and_adds_up(make_world: Any) -> None:
    broken = set(range(2000))
    world = make_world(lambda verb, n: 400 if verb == "POST" and n in broken else 200)
    for number in range(2000):
        world.give(number, f"t{number}")
    world.work()
    assert world.sizes() == {"dead": 2000}
    number = tell(
        world, "plan", consumer="far.put", reason_word="bad", rate=1000, reason="they are back"
    )["job"]
    # one that dies after the plan is not in the job, one that is settled by hand is skipped
    broken.add(5000)
    world.give(5000, "late")
    world.work()
    tell(world, "resolve", message=letters(world)[-1]["message_id"], reason="by hand")
    broken -= set(range(0, 2000, 2))
    tell(world, "start", job=number)
    for _ in range(9):
        world.parts.operator.step()
        world.later(0.25)
    halfway = tell(world, "cancel", job=number)["totals"]
    world.parts.operator.step()
    world.work()
    totals = job(world, number)["totals"]
    assert totals["all"] == 2000
    assert sum(n for name, n in totals.items() if name != "all") == 2000
    assert 0 < totals["remaining"] == halfway["remaining"] < 2000
    assert totals["under_way"] == 0
    assert totals["succeeded"] == len(world.far.put)
    #: every message is somewhere, once: delivered, dead, or settled by hand
    assert len(world.far.put) + len(letters(world)) + 1 == 2001
    assert len(set(world.far.put)) == len(world.far.put)

    broken.clear()
    tell(world, "start", job=number)
    while job(world, number)["state"] == "running":
        world.parts.operator.step()
        world.later(0.25)
    totals = job(world, number)["totals"]
    assert (totals["remaining"], totals["skipped"]) == (0, 1)
    assert sum(n for name, n in totals.items() if name != "all") == 2000


def test_a_bulk_retry_without_a_filter_is_refused(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200)
    with pytest.raises(MessageError, match="would mean everything"):
        tell(world, "plan", consumer="", reason_word="", rate=1, reason="all")


@pytest.mark.parametrize("name", ["channel:notes", "flow:keep", "system:far"])
def test_what_is_paused_waits_in_its_order_and_goes_on(make_world: Any, name: str) -> None:
    world = make_world(lambda verb, n: 200)
    world.give(1, "a")
    world.work()
    tell(world, "pause", name=name, reason="maintenance")
    world.parts.operator.look()
    for number in (2, 3, 4):
        world.give(number, "a")
    world.later(60)
    assert world.far.put == [1]
    assert sum(world.sizes().values()) == 3
    tell(world, "resume", name=name)
    world.parts.operator.look()
    world.work()
    assert world.far.put == [1, 2, 3, 4]
    with pytest.raises(MessageError, match="is not paused"):
        tell(world, "resume", name=name)


def test_a_question_put_into_the_inbox_is_answered_once(make_world: Any) -> None:
    world = make_world(lambda verb, n: 404 if verb == "GET" else 200)
    world.give(1, "a")
    world.work()
    message = letters(world)[0]["message_id"]
    asked = [
        world.store.write(
            lambda transaction: transaction.inbox.ask(
                world.clock.now(), "ann", "resolve", {"message": message, "reason": "x"}
            )
        )
        for _ in range(2)
    ]
    world.parts.operator.step()
    with world.store.read() as reader:
        first, second = (reader.inbox.get(number) for number in asked)
        assert reader.inbox.asked() == []
    assert (first.state, second.state) == ("done", "failed")
    assert "no open dead letter" in second.result["error"]
