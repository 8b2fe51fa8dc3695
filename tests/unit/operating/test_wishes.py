"""What a far side wishes counts wherever it says it: in a look-up and in a read as well."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from router.core.errors import Retryable
from router.core.ports import Answer
from tests.unit.operating.conftest import FILES, START

LOOKED_UP = {
    "routes/systems/far.yaml": FILES["routes/systems/far.yaml"]
    .replace("idempotency: {kind: key, header: idempotency-key}", "idempotency: {kind: lookup}")
    .replace(
        "request: {post: /notes, contract: note@1}",
        """request: {post: /notes, contract: note@1}
    lookup: {request: {get: "/lookups/1"}, found: =body.there}
    confirmation: {every: 20s, within: 1h}""",
    )
    .replace(
        """is: refused, code: bad}
      - {otherwise: retry}""",
        """is: accepted}
      - {if: "=status == `429` || status == `503`", is: retry}
      - {otherwise: unknown}""",
    )
}


def due_in(world: Any) -> float:
    """Return in how many seconds the one due row comes."""
    at: datetime = world.parts.scheduler.next_at()
    return (at - world.clock.now()).total_seconds()


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [(503, "90", 90), (429, "90", 90), (503, "1", 20), (503, "nonsense", 20), (404, "90", 20)],
)
def test_a_lookup_that_is_turned_away_is_repeated_when_the_far_side_wishes(
    make_world: Any, status: int, header: str, seconds: float
) -> None:
    """It was accepted; the look-up says when it wants to be asked again. 404: it is not there."""

    def far(verb: str, _: int) -> Any:
        if verb == "POST":
            return 400  # accepted
        return Answer(status=status, headers={"retry-after": header}, body={"there": False})

    world = make_world(lambda verb, n: 200 if n == 7 and verb == "GET" else far(verb, n), LOOKED_UP)
    world.give(7, "a")
    world.work()
    assert due_in(world) == 20
    world.later(20)
    assert due_in(world) == seconds


@pytest.mark.parametrize(("header", "seconds"), [("90", 90), ("1", 10), ("", 10)])
def test_an_unknown_effect_is_looked_up_when_the_far_side_wishes(
    make_world: Any, header: str, seconds: float
) -> None:
    """The send broke off; the look-up is told to come back later, and then finds it."""
    found: list[int] = []

    def far(verb: str, number: int) -> Any:
        if verb == "POST":
            return Answer(status=302)
        if number == 1:
            there = bool(found)
            found.append(number)
            status = 200 if there else 503
            return Answer(status=status, headers={"retry-after": header}, body={"there": there})
        return 200

    files = {
        name: text.replace('=status == `400`", is: accepted', '=status == `302`", is: unknown')
        for name, text in LOOKED_UP.items()
    }
    world = make_world(far, files)
    world.give(7, "a")
    world.work()
    assert due_in(world) == 10
    world.later(10)
    assert due_in(world) == seconds
    world.later(seconds)
    assert world.sizes() == {}


def test_a_read_for_enrich_is_repeated_when_the_far_side_wishes(make_world: Any) -> None:
    busy = Answer(status=503, headers={"retry-after": "90"})
    world = make_world(lambda verb, n: busy if verb == "GET" else 200)
    world.give(1, "a")
    world.work()
    assert due_in(world) == 90


def test_a_wish_of_the_adapter_itself_counts(make_world: Any) -> None:
    def far(verb: str, number: int) -> int:
        if verb == "GET":
            raise Retryable("its limit", after=timedelta(seconds=90))
        return 200

    world = make_world(far)
    world.give(1, "a")
    world.work()
    assert world.clock.now() == START
    assert due_in(world) == 90
