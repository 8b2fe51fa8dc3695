"""Order by key: a message that waits holds back the later ones of its key, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest


def test_a_retry_holds_back_its_own_key_alone(make_world: Any) -> None:
    failing = {1}
    world = make_world(lambda verb, n: 0 if verb == "POST" and n in failing else 200)
    for number, thing in ((1, "a"), (2, "a"), (3, "b"), (4, "a")):
        world.give(number, thing)
    world.work()
    assert world.far.put == [3]
    assert world.sizes() == {"due": 1, "held_back": 2}
    failing.clear()
    world.later(11)
    assert world.far.put == [3, 1, 2, 4]
    assert world.sizes() == {}


def test_an_answer_that_is_not_back_holds_back_its_key(make_world: Any) -> None:
    failing = {1}
    world = make_world(lambda verb, n: 0 if verb == "GET" and n in failing else 200)
    for number, thing in ((1, "a"), (2, "a"), (3, "b")):
        world.give(number, thing)
    world.work()
    assert world.far.put == [3]
    failing.clear()
    world.later(11)
    assert world.far.put == [3, 1, 2]
    assert world.sizes() == {}


@pytest.mark.parametrize(("verb", "status"), [("GET", 404), ("POST", 400)])
def test_a_dead_letter_parks_its_key_and_nobody_elses(
    make_world: Any, verb: str, status: int
) -> None:
    world = make_world(lambda v, n: status if v == verb and n == 1 else 200)
    for number, thing in ((1, "a"), (2, "a"), (3, "b"), (4, "a")):
        world.give(number, thing)
    world.work()
    assert world.far.put == [3]
    assert world.sizes() == {"dead": 1, "held_back": 2}
    world.give(5, "a")
    world.later(3600)
    assert world.far.put == [3]
    assert world.sizes() == {"dead": 1, "held_back": 3}


def test_a_newcomer_does_not_overtake_what_is_released(make_world: Any) -> None:
    failing = {1}
    world = make_world(lambda verb, n: 0 if verb == "POST" and n in failing else 200)
    for number in (1, 2, 3):
        world.give(number, "a")
    world.work()
    failing.clear()
    world.clock.move_to(world.clock.now() + timedelta(seconds=11))
    world.parts.scheduler.step()
    world.give(4, "a")
    world.work()
    assert world.far.put == [1, 2, 3, 4]
    assert world.sizes() == {}


def test_many_keys_many_failures_no_inversion(make_world: Any) -> None:
    tries: dict[int, int] = {}

    def decide(verb: str, number: int) -> int:
        tries[number] = tries.get(number, 0) + 1
        return 0 if (number * 7 + tries[number]) % 3 == 0 else 200

    world = make_world(decide)
    for number in range(200):
        world.give(number, f"t{number % 7}")
        if number % 13 == 0:
            world.work()
        if number % 31 == 0:
            world.later(4)
    for _ in range(400):
        world.later(11)
    assert world.sizes() == {}
    assert sorted(world.far.put) == list(range(200))
    for key in range(7):
        mine = [number for number in world.far.put if number % 7 == key]
        assert mine == sorted(mine)
