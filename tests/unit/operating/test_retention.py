"""What has ended is forgotten when its time is over; what is under way stays with all it needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from router.infra.store.letters import LetterQuery
from router.runtime.journey import journey_lines, journeys
from router.runtime.retention import PIECE, Pass, Retention, bounds_at, forecast, last_pass
from tests.unit.operating.conftest import FILES, START
from tests.unit.operating.test_replay import plan, run

ENVIRONMENT = "routes/environments/test.yaml"
KEPT = {
    ENVIRONMENT: FILES[ENVIRONMENT] + "retention: {bodies: 10d, journal: 20d, claims: 30d}\n",
}
DAY = 86_400


def sizes(world: Any) -> dict[str, int]:
    """Return how many rows there are of what grows."""
    with world.store.read() as reader:
        lines = reader.lines(0, 10_000)
        records = {one["message_id"] for one in lines if one["consumer"] == "notes:note"}
        there = sum(
            reader.records.delivery(past.delivery) is not None
            for past in map(reader.records.past, records)
            if past is not None
        )
        effects = reader.intents([one["message_id"] for one in lines])
    return {"lines": len(lines), "deliveries": there, "effects": len(effects)}


def known(world: Any, word: str) -> list[Any]:
    with world.store.read() as reader:
        return journeys(reader, word)


def passed(world: Any) -> Any:
    with world.store.read() as reader:
        return last_pass(reader)


def forget(world: Any) -> None:
    """Let a day come, and the pass of that day go through."""
    world.later(DAY)
    for _ in range(100):
        world.work()
        found = passed(world)
        if found is not None and found.ended is not None and found.began == world.clock.now():
            return
    raise AssertionError("the pass does not end")


def test_without_being_told_nothing_goes(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200)
    world.give(1, "a")
    world.work()
    world.later(10_000 * DAY)
    assert sizes(world) == {"lines": 4, "deliveries": 1, "effects": 1}
    assert passed(world) is None


def test_each_age_goes_in_its_time(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200, KEPT)
    world.give(1, "a")
    world.work()
    world.later(9 * DAY)
    forget(world)
    assert sizes(world) == {"lines": 4, "deliveries": 1, "effects": 1}
    forget(world)
    assert sizes(world) == {"lines": 4, "deliveries": 0, "effects": 1}
    world.later(10 * DAY)
    forget(world)
    assert sizes(world) == {"lines": 0, "deliveries": 0, "effects": 0}
    world.give(1, "a")  # its claim is still there
    world.work()
    assert world.far.put == [1]
    world.later(40 * DAY)
    forget(world)
    world.give(1, "a")
    world.work()
    assert world.far.put == [1, 1]


def test_a_dead_letter_stays_with_all_that_it_needs(make_world: Any) -> None:
    answers = {1: 400}
    world = make_world(lambda verb, n: answers.get(n, 200) if verb == "POST" else 200, KEPT)
    world.give(1, "a")
    world.give(2, "a")  # it waits behind the first
    world.later(1)
    world.give(3, "b")
    world.work()
    world.change(("transforms/note.yaml", "thing: =body.thing", "thing: ='other'"))
    world.later(400 * DAY)
    forget(world)
    assert sizes(world)["deliveries"] == 2
    with world.store.read() as reader:
        (letter,) = reader.letters.find(LetterQuery())
        assert reader.revisions.texts(letter["revision"]) is not None
    (journey,) = known(world, letter["correlationid"])
    assert "refused" in "\n".join(journey_lines(journey))
    answers.clear()
    world.ask("retry", message=letter["message_id"], reason="mended")
    world.work()
    assert world.far.put == [3, 1, 2]
    assert [one["thing"] for one in world.far.bodies] == ["b", "a", "a"]
    world.later(400 * DAY)
    forget(world)
    forget(world)  # the configuration goes when nothing is left of its time
    assert sizes(world) == {"lines": 0, "deliveries": 0, "effects": 0}
    with world.store.read() as reader:
        assert reader.letters.find(LetterQuery(state="")) == []
        assert reader.revisions.texts(letter["revision"]) is None
        assert reader.revisions.texts(world.project.revision) is not None


def test_a_record_can_be_replayed_as_long_as_its_bytes_are_there(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200, KEPT)
    world.give(1, "a")
    world.work()
    world.later(5 * DAY)
    forget(world)
    assert run(world, plan(world, channel="notes"))["words"] == {"unchanged": 1}
    world.later(6 * DAY)
    forget(world)
    told = run(world, plan(world, channel="notes"))
    assert told["words"] == {}
    assert told["totals"] == {"all": 1, "skipped": 1}
    assert world.far.put == [1]


def test_what_a_job_is_to_replay_stays_until_it_has_run(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200, KEPT)
    world.give(1, "a")
    world.work()
    world.later(9 * DAY)
    number = plan(world, channel="notes")
    world.later(5 * DAY)
    forget(world)
    assert sizes(world) == {"lines": 4, "deliveries": 1, "effects": 1}
    assert run(world, number)["words"] == {"unchanged": 1}
    forget(world)
    assert sizes(world)["deliveries"] == 0


def test_a_step_is_bounded_and_another_process_goes_on_where_it_was(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200, KEPT)
    for number in range(2 * PIECE[1] + 10):
        world.give(number, f"t{number}")
        world.clock.move_to(world.clock.now() + timedelta(milliseconds=1))
    world.work()
    total = sizes(world)["deliveries"]
    world.clock.move_to(START + timedelta(days=12))
    step = Retention(world.store, world.clock, world.project.environments["test"].retention)._forget
    first = step(Pass(began=world.clock.now()), world.clock.now())
    assert first.gone == {"deliveries": PIECE[1]}
    assert sizes(world)["deliveries"] == total - PIECE[1]
    assert passed(world) == first
    world.restart()
    while passed(world).ended is None:
        world.parts.scheduler.step()
    assert passed(world).gone["deliveries"] == total
    assert passed(world).began == first.began
    assert sizes(world)["deliveries"] == 0


def test_what_would_go_is_told_and_stays(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200, KEPT)
    world.give(1, "a")
    world.work()
    settings = world.project.environments["test"].retention
    with world.store.read() as reader:
        found = forecast(reader, bounds_at(settings, START + timedelta(days=11)))
    assert found["deliveries"] == 1
    assert (found["claims"], found["journal"]) == (0, 0)
    assert sizes(world)["deliveries"] == 1
