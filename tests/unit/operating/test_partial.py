"""What was taken in part: no job and no plain retry sends again what is there."""

from __future__ import annotations

from typing import Any

import pytest

from router.core.errors import MessageError
from router.core.ports import Answer
from router.runtime.journey import journey_lines, journeys
from tests.unit.operating.conftest import FILES
from tests.unit.operating.test_replay import LOUDER, foreseen, letters, plan, run, tell

SYSTEM = "routes/systems/far.yaml"
REFUSED = '      - {if: "=status == `400`"'
RULE = '      - {if: "=status == `207`", is: partial, code: half, left: =body.left}\n'
PARTLY = {SYSTEM: FILES[SYSTEM].replace(REFUSED, RULE + REFUSED)}
HALF = Answer(status=207, body={"left": ["line 2", 7]})


@pytest.fixture
def world(make_world: Any) -> Any:
    """Return a world in which the first note was taken in part."""
    half = {1}
    made = make_world(lambda verb, n: HALF if verb == "POST" and n in half else 200, PARTLY)
    made.give(1, "t1")
    made.work()
    half.clear()
    return made


def test_the_letter_and_the_trace_name_what_was_not_taken(world: Any) -> None:
    (letter,) = letters(world)
    assert (letter["consumer"], letter["reason"]) == ("far.put", "half")
    with world.store.read() as reader:
        (journey,) = journeys(reader, letter["message_id"])
    told = [line for line in journey_lines(journey) if "partial" in line]
    assert len(told) == 1
    assert "far.put  partial half: POST /notes, status 207" in told[0]
    assert told[0].endswith("not taken: line 2, 7")
    assert [line for line in journey_lines(journey) if "is a dead letter" in line]


def test_a_retry_of_it_has_to_say_that_all_of_it_goes(world: Any) -> None:
    (letter,) = letters(world)
    arguments = {"message": letter["message_id"], "reason": "tests"}
    with pytest.raises(MessageError, match=r"far\.put took a part of it: dead edit sends"):
        tell(world, "retry", **arguments)
    assert len(letters(world)) == 1
    assert tell(world, "retry", whole=True, **arguments) == {"retried": 1}
    world.work()
    assert world.far.put == [1]
    assert world.far.keys == [letter["message_id"]]
    assert letters(world) == []


def test_a_job_over_letters_skips_it(world: Any) -> None:
    number = tell(world, "plan", consumer="", reason_word="half", rate=100, reason="tests")["job"]
    done = run(world, number)
    assert done["totals"] == {"all": 1, "skipped": 1}
    assert done["skipped"] == {"partial": 1}
    assert world.far.put == []
    assert len(letters(world)) == 1


@pytest.mark.parametrize("changes", [(), LOUDER], ids=["same", "another"])
@pytest.mark.parametrize("resend", [False, True])
def test_a_replay_lists_it_and_sends_nothing(world: Any, changes: Any, resend: bool) -> None:
    if changes:
        world.change(*changes)
    number = plan(world, {"resend": resend}, channel="notes")
    said = foreseen(world, number)
    assert said["consequences"] == {"changed": 1}
    assert "a part of it was taken" in said["changed"][0]["why"]
    assert run(world, number)["words"] == {"changed": 1}
    assert world.far.put == []
    assert len(letters(world)) == 1
    world.later(60)
    assert world.far.put == []


def test_what_waits_behind_it_goes_when_the_rest_was_sent(world: Any) -> None:
    world.give(2, "t1")
    world.work()
    assert world.far.put == []
    (letter,) = letters(world)
    payload = {"id": 3, "thing": "t1"}
    tell(world, "edit", message=letter["message_id"], payload=payload, reason="tests")
    world.work()
    assert world.far.put == [3, 2]


def test_a_replay_after_it_was_resolved_parks_nobody_behind_it(world: Any) -> None:
    (letter,) = letters(world)
    tell(world, "resolve", message=letter["message_id"], reason="tests")
    assert run(world, plan(world, channel="notes"))["words"] == {"changed": 1}
    world.give(2, "t1")
    world.work()
    assert world.far.put == [2]
    assert world.sizes() == {}


def test_while_its_letter_is_open_a_replay_lets_nobody_pass(world: Any) -> None:
    assert run(world, plan(world, channel="notes"))["words"] == {"changed": 1}
    world.give(2, "t1")
    world.work()
    assert world.far.put == []


def test_that_a_part_was_taken_is_known_until_all_of_it_is(make_world: Any) -> None:
    answers: list[Any] = [HALF, 503, 503]
    world = make_world(
        lambda verb, _: answers.pop(0) if verb == "POST" and answers else 200, PARTLY
    )
    world.give(1, "t1")
    world.work()
    (letter,) = letters(world)
    arguments = {"message": letter["message_id"], "reason": "tests"}
    tell(world, "retry", whole=True, **arguments)
    for _ in range(5):
        world.later(10)
    (letter,) = letters(world)
    assert (letter["reason"], answers) == ("retries_exhausted", [])
    with pytest.raises(MessageError, match="took a part of it"):
        tell(world, "retry", **arguments)
    world.change(*LOUDER)
    assert run(world, plan(world, {"resend": True}, channel="notes"))["words"] == {"changed": 1}
    assert world.far.put == []
    tell(world, "retry", whole=True, **arguments)
    world.work()
    assert world.far.put == [1]
    assert run(world, plan(world, channel="notes"))["words"] == {
        "changed": 1
    }  # as any that is done
    assert run(world, plan(world, {"resend": True}, channel="notes"))["words"] == {"resent": 1}
