"""Resuming is the second incident: what waited goes on by a policy, and what is dropped is said."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from router.infra.store.pauses import SLOW
from tests.unit.operating.conftest import FILES

NAMES = ["channel:notes", "flow:keep", "system:far"]
CONSUMERS = {"channel:notes": "notes:note", "flow:keep": "flow:keep", "system:far": "far.put"}
#: the operator lets go five times a second
TICK = timedelta(seconds=0.2)
OLD = "resume: older than 2h"
NEWER = "resume: a newer one of its key waits"


def paused(make_world: Any, name: str, answer: Any = lambda verb, n: 200) -> Any:
    world = make_world(answer)
    world.ask("pause", name=name, reason="maintenance")
    return world


@pytest.mark.parametrize("name", NAMES)
def test_without_a_policy_everything_goes_on(make_world: Any, name: str) -> None:
    world = paused(make_world, name)
    for number in (1, 2, 3):
        world.give(number, "a")
    world.work()
    result = world.ask("resume", name=name)
    assert (result["goes_on"], result["dropped"]) == (3, {})
    world.work()
    assert world.far.put == [1, 2, 3]
    assert world.pauses() == {}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_older_is_dropped_and_said(make_world: Any, name: str) -> None:
    world = paused(make_world, name)
    for number, thing in ((1, "a"), (2, "b"), (3, "a")):
        world.give(number, thing)
        world.later(3600)
    # 1 waits for three hours, 2 for two (not more), 3 for one
    result = world.ask("resume", name=name, older_s=7200)
    assert (result["goes_on"], result["dropped"]) == (2, {OLD: 1})
    world.work()
    assert world.far.put == [2, 3]
    assert world.journal("discarded") == [(CONSUMERS[name], OLD)]
    assert world.sizes() == {}


@pytest.mark.parametrize("name", NAMES)
def test_of_each_key_the_newest_goes_on(make_world: Any, name: str) -> None:
    world = paused(make_world, name)
    for number, thing in ((1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "b")):
        world.give(number, thing)
    world.work()
    result = world.ask("resume", name=name, latest=True)
    assert (result["goes_on"], result["dropped"]) == (2, {NEWER: 3})
    world.work()
    assert sorted(world.far.put) == [4, 5]
    assert world.journal("discarded") == [(CONSUMERS[name], NEWER)] * 3
    assert world.sizes() == {}


def test_messages_without_a_key_all_go_on(make_world: Any) -> None:
    path = "routes/channels/notes.yaml"
    files = {path: FILES[path].replace("    order_by: [thing, =body.thing]\n", "")}
    world = make_world(lambda verb, n: 200, files)
    world.ask("pause", name="flow:keep", reason="x")
    for number in (1, 2, 3):
        world.give(number, "a")
    world.work()
    assert world.ask("resume", name="flow:keep", latest=True)["dropped"] == {}
    world.work()
    assert world.far.put == [1, 2, 3]


def test_both_policies_together(make_world: Any) -> None:
    world = paused(make_world, "flow:keep")
    world.give(1, "a")
    world.later(3 * 3600)
    for number in (2, 3):
        world.give(number, "a")
    world.work()
    result = world.ask("resume", name="flow:keep", older_s=7200, latest=True)
    assert result["dropped"] == {NEWER: 1, OLD: 1}
    world.work()
    assert world.far.put == [3]


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_says_the_same_and_changes_nothing(make_world: Any, name: str) -> None:
    world = paused(make_world, name)
    for number in (1, 2, 3):
        world.give(number, "a")
    world.later(3 * 3600)
    world.give(4, "a")
    world.work()
    before = world.sizes()
    said = world.ask("resume", name=name, older_s=7200, dry_run=True)
    assert (said["goes_on"], said["dropped"]) == (1, {OLD: 3})
    world.work()
    assert (world.sizes(), set(world.pauses()), world.far.put) == (before, {name}, [])
    assert world.ask("resume", name=name, older_s=7200) == said
    world.work()
    assert world.far.put == [4]


def test_an_older_one_that_holds_its_key_lets_the_next_one_go(make_world: Any) -> None:
    """1 is first and comes again, 2 and 3 are held back behind it, 4 nobody has looked at."""
    broken = {1}
    world = make_world(lambda verb, n: 503 if verb == "GET" and n in broken else 200)
    for number in (1, 2, 3):
        world.give(number, "a")
    world.work()
    assert world.sizes() == {"due": 1, "held_back": 2}
    world.ask("pause", name="channel:notes", reason="x")
    world.give(4, "a")
    world.later(11)  # 1 is in the queue again, behind 4
    assert world.sizes() == {"held_back": 2, "loop": 2}
    assert world.ask("resume", name="channel:notes", latest=True)["dropped"] == {NEWER: 3}
    world.work()
    assert world.far.put == [4]
    assert world.sizes() == {}


def test_a_due_one_that_holds_its_key_is_dropped_and_the_next_one_goes(make_world: Any) -> None:
    world = make_world(lambda verb, n: 503 if verb == "GET" and n == 1 else 200)
    world.give(1, "a")
    world.work()
    world.ask("pause", name="channel:notes", reason="x")
    world.give(2, "a")
    assert world.sizes() == {"due": 1, "loop": 1}
    world.ask("resume", name="channel:notes", latest=True)
    world.work()
    assert world.far.put == [2]
    assert world.sizes() == {}


def test_a_command_that_was_sent_before_is_never_dropped(make_world: Any) -> None:
    broken = {1}
    world = make_world(lambda verb, n: 503 if verb == "POST" and n in broken else 200)
    world.give(1, "a")
    world.give(2, "b")
    world.work()
    assert world.sizes() == {"due": 1}
    world.ask("pause", name="system:far", reason="x")
    for number, thing in ((3, "a"), (4, "b")):
        world.give(number, thing)
    world.later(3 * 3600 - 1)
    result = world.ask("resume", name="system:far", older_s=3600)
    assert result["dropped"] == {"resume: older than 1h": 2}
    broken.clear()
    world.work()
    assert world.far.put == [2, 1]
    assert len(world.journal("discarded")) == 2


def test_a_command_of_several_calls_of_which_one_was_made_is_never_dropped(
    make_world: Any,
) -> None:
    """The first of two calls is done; nothing of the second was begun when the process ended."""
    path = "routes/systems/far.yaml"
    both = FILES[path].partition("  put:")[2]
    two = f"""  put: {{accept: note@1, calls: [make, close]}}
  make:{both}  close:{both.replace("post: /notes", "put: /notes")}"""
    world = make_world(lambda verb, n: 200, {path: FILES[path].partition("  put:")[0] + two})
    world.ask("pause", name="system:far", reason="x")
    for number in (1, 2):
        world.give(number, f"t{number}")
    world.work()
    with world.store.read() as reader:
        row = reader.queued("sys.far", 0, 1)[0]
    (worker,) = world.parts.workers
    commands = worker._commands
    assert commands._step(row, commands._exchange.operations["far.put"])
    world.later(3 * 3600)
    assert world.ask("resume", name="system:far", older_s=60)["dropped"] == {
        "resume: older than 1m": 1
    }
    world.work()
    assert world.far.put == [1]
    assert world.sizes() == {}


def test_an_identity_that_was_dropped_is_held_as_of_any_other_discard(make_world: Any) -> None:
    world = paused(make_world, "channel:notes")
    world.give(1, "a")
    world.later(3 * 3600)
    world.ask("resume", name="channel:notes", older_s=7200)
    world.give(1, "a")
    world.work()
    assert world.journal("duplicate") == [("notes:note", "")]
    assert world.far.put == []


def test_one_that_repeats_another_is_recorded_as_that(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200)
    world.give(1, "a")
    world.work()
    world.ask("pause", name="channel:notes", reason="x")
    for number in (1, 2, 2):
        world.give(number, "a")
    world.later(3 * 3600)
    result = world.ask("resume", name="channel:notes", older_s=7200)
    assert result["dropped"] == {OLD: 3}
    assert world.journal("discarded") == [("notes:note", OLD)]
    assert world.journal("duplicate") == [("notes:note", "")] * 2
    world.give(1, "a")
    world.work()
    assert world.journal("duplicate") == [("notes:note", "")] * 3
    assert world.far.put == [1]


def test_what_could_not_be_decoded_goes_to_the_dead_letters(make_world: Any) -> None:
    world = paused(make_world, "channel:notes")
    world.parts.ingress.receive(world.project.channels["notes"], {}, b"{").result()
    world.later(3 * 3600)
    assert world.ask("resume", name="channel:notes", older_s=60)["dropped"] == {}
    world.work()
    assert world.sizes() == {"dead": 1}


def test_a_row_in_hand_is_not_dropped(make_world: Any) -> None:
    world = paused(make_world, "flow:keep")
    world.give(1, "a")
    world.later(3 * 3600)
    with world.store.read() as reader:
        (row,) = reader.queued("loop", 0, 9)
    door = world.parts.operator._doors
    world.parts.operator._doors = SimpleNamespace(tell=door.tell, in_hand=lambda: {row.id})
    assert world.ask("resume", name="flow:keep", older_s=60)["dropped"] == {}
    world.work()
    assert world.far.put == [1]


@pytest.mark.parametrize(("verb", "name"), [("GET", "channel:notes"), ("POST", "system:far")])
def test_what_is_under_way_is_in_hand_and_not_dropped(
    make_world: Any, verb: str, name: str
) -> None:
    """The operator pauses and resumes while the far side is being asked."""
    said: list[Any] = []

    def far(asked: str, _: int) -> int:
        if asked == verb and not said:
            said.append(sorted(world.parts.operator._doors.in_hand()))
            world.ask("pause", name=name, reason="x")
            world.clock.move_to(world.clock.now() + timedelta(hours=3))
            said.append(world.ask("resume", name=name, older_s=60)["dropped"])
        return 200

    world = make_world(far)
    world.give(1, "a")
    world.work()
    assert len(said[0]) == 1
    assert said[1] == {}
    assert (world.far.put, world.sizes()) == ([1], {})
    assert world.parts.operator._doors.in_hand() == frozenset()


@pytest.mark.parametrize("name", NAMES)
def test_a_rate_lets_what_waited_go_on_slowly_and_then_everything(
    make_world: Any, name: str
) -> None:
    world = paused(make_world, name)
    for number in range(20):
        world.give(number, f"t{number}")
    world.work()
    world.ask("resume", name=name, rate=300)  # five a second: one in each of five steps
    world.parts.operator.step()
    world.work()
    assert len(world.far.put) <= 2
    seen = []
    for _ in range(10):
        world.clock.move_to(world.clock.now() + TICK)
        world.parts.operator.step()
        world.work()
        seen.append(len(world.far.put))
    assert seen == sorted(seen)
    assert seen[-1] == seen[0] + 9
    # one that comes meanwhile waits for its turn
    world.give(100, "late")
    world.work()
    assert 100 not in world.far.put
    assert world.left(name) == 20 - len(world.far.put)
    world.restart()
    assert world.pauses()[name].mode == SLOW
    before = len(world.far.put)
    for _ in range(3):
        world.clock.move_to(world.clock.now() + TICK)
        world.parts.operator.step()
        world.work()
    assert len(world.far.put) == before + 3
    for _ in range(30):
        world.clock.move_to(world.clock.now() + TICK)
        world.parts.operator.step()
        world.work()
    assert world.far.put == [*range(20), 100]
    assert world.pauses() == {}


def test_a_rate_waits_for_those_that_it_let_go(make_world: Any) -> None:
    """When the far side is slower than the rate, what was let go does not pile up."""
    world = paused(make_world, "system:far")
    for number in range(20):
        world.give(number, f"t{number}")
    world.work()
    world.ask("resume", name="system:far", rate=600)  # two in each of five steps
    for _ in range(5):
        world.clock.move_to(world.clock.now() + TICK)
        world.parts.operator.step()
    world.work()
    assert world.far.put == [0, 1]


def test_a_rate_with_nothing_waiting_is_no_rate(make_world: Any) -> None:
    world = paused(make_world, "flow:keep")
    world.ask("resume", name="flow:keep", rate=60)
    assert world.pauses() == {}


def test_pausing_again_stops_a_slow_one(make_world: Any) -> None:
    world = paused(make_world, "flow:keep")
    for number in range(5):
        world.give(number, f"t{number}")
    world.work()
    world.ask("resume", name="flow:keep", rate=60)
    world.parts.operator.step()
    world.work()
    world.ask("pause", name="flow:keep", reason="again")
    world.parts.operator.step()
    world.work()
    assert len(world.far.put) == 1
    world.ask("resume", name="flow:keep")
    world.work()
    assert world.far.put == [0, 1, 2, 3, 4]


def test_others_go_on_beside_what_is_held_back(make_world: Any) -> None:
    world = paused(make_world, "flow:keep")
    for number in range(300):
        world.give(number, f"t{number}")
    world.work()
    world.ask("resume", name="flow:keep", rate=60)
    bad = world.parts.ingress.receive(world.project.channels["notes"], {}, b"{").result()
    world.work()
    assert bad.delivery
    assert world.sizes()["dead"] == 1


def test_what_is_not_paused_is_not_resumed(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200)
    assert "is not paused" in world.ask("resume", name="flow:keep", latest=True)["error"]
