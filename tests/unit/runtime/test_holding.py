"""Limits and breakers of a system: what has to wait keeps its place, and is no attempt."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router.core.errors import Retryable
from router.core.ports import Answer
from router.infra.store.letters import LetterQuery
from router.runtime.holds import held_systems
from router.runtime.journey import journey_lines, journeys
from tests.unit.runtime.conftest import TEXTS, Landscape

LOOKED_UP = """\
idempotency: {kind: lookup}
            lookup: {request: {ask: "/is/{reference}"}, found: "=status == `200`"}"""


def far(limits: str, more: str = "idempotency: {kind: none}") -> dict[str, Any]:
    """Return the system with limits."""
    text: str = TEXTS["routes/systems/far.yaml"].replace("idempotency: {kind: none}", more)
    head, _, tail = text.partition("        operations:\n")
    said = textwrap.indent(textwrap.dedent(limits).strip(), " " * 8)
    return {"routes/systems/far.yaml": f"{head}{said}\n        operations:\n{tail}"}


@pytest.fixture
def make(tmp_path: Path, noon: Any) -> Callable[..., Landscape]:
    def made(limits: str, *, idle: float = 60, **texts: Any) -> Landscape:
        land = Landscape(tmp_path, noon, {**far(limits, **texts)})
        land.wait(idle)  # the bucket fills
        return land

    return made


def sent(land: Landscape) -> list[str]:
    """Return the ids that were put, in order."""
    return [
        body.decode().split('"id": ')[1].split(",")[0].strip('"}')
        for target, body in land.wire.asked
        if target == "/put"
    ]


def test_commands_beyond_a_rate_stay_in_the_queue_in_their_order(make: Any) -> None:
    land = make("limits: {calls: {rate: 1/s, burst: 2}}")
    for n in range(5):
        land.take("plain", id=f"{n}", version=1, amount=1)
    land.run()
    assert sent(land) == ["0", "1"]
    assert land.sizes() == {"sys.far": 3}, "no row of its own, no slot, no attempt"
    for _ in range(3):
        land.wait(1)
        land.run()
    assert sent(land) == ["0", "1", "2", "3", "4"]
    assert land.sizes() == {}
    assert {word for _, word, _ in land.counted()} == {"routed", "done"}


def test_a_process_that_begins_takes_the_bucket_for_empty(make: Any) -> None:
    land = make("limits: {calls: {rate: 1/s, burst: 2}}", idle=0)
    land.take("plain", id="1", version=1, amount=1)
    land.run()
    assert sent(land) == []
    land.wait(1)
    land.run()
    assert sent(land) == ["1"]


def test_a_value_that_waits_holds_no_other(make: Any) -> None:
    land = make("limits: {by_amount: {rate: 1/s, per: =payload.amount, operations: [put]}}")
    for n, amount in enumerate([1, 1, 1, 2]):
        land.take("plain", id=f"{n}", version=1, amount=amount)
    land.run()
    assert sent(land) == ["0", "3"]
    assert land.sizes() == {"due": 2}
    with land.store.read() as reader:
        waiting = [
            (row.message.payload["id"], row.message.attempt)
            for row in reader.due(land.clock.now() + timedelta(hours=1), 9)
        ]
    assert waiting == [("1", 1), ("2", 1)], "each a step behind the other, and no attempt"
    land.wait(1)
    land.run()
    assert sent(land) == ["0", "3", "1"]
    land.wait(1)
    land.run()
    assert sent(land) == ["0", "3", "1", "2"]


def test_calls_without_a_value_are_counted_together(make: Any) -> None:
    land = make("limits: {by_shop: {rate: 1/s, per: =payload.shop, operations: [put]}}")
    for n in range(2):
        land.take("plain", id=f"{n}", version=1, amount=1)
    land.run()
    assert sent(land) == ["0"]


def test_a_wish_of_the_far_side_pauses_its_bucket(make: Any) -> None:
    land = make("limits: {calls: {rate: 1/s, burst: 5}}")
    land.wire.answer = lambda _: Answer(status=429, headers={"retry-after": "40"})
    land.take("plain", id="1", version=1, amount=1)
    land.run()
    land.wire.answer = lambda _: Answer(status=200, body={})
    land.take("plain", id="2", version=1, amount=1)
    land.run()
    assert sent(land) == ["1"]
    land.wait(39)
    land.run()
    assert sent(land) == ["1"]
    land.wait(1)
    land.run()
    assert "2" in sent(land)


def test_a_breaker_leaves_a_system_alone_that_fails(make: Any) -> None:
    land = make("breaker: {failures: 2, within: 1m, open_for: 20s}")
    land.wire.answer = lambda _: Retryable("no connection")
    for n in range(4):
        land.take("plain", id=f"{n}", version=1, amount=1)
    land.run()
    assert sent(land) == ["0", "1"]
    assert land.sizes() == {"sys.far": 2, "due": 2}
    land.wait(10)
    land.run()
    assert len(sent(land)) == 2
    land.wire.answer = lambda _: Answer(status=200, body={})
    land.wait(20)
    land.run()
    assert sorted(sent(land)[2:]) == ["0", "1", "2", "3"]
    assert land.sizes() == {}


def test_a_refusal_is_no_failure_of_the_far_side(make: Any) -> None:
    land = make("breaker: {failures: 1, share: 0%}")
    land.wire.answer = lambda _: Answer(status=409)
    for n in range(3):
        land.take("plain", id=f"{n}", version=1, amount=1)
    land.run()
    assert len(sent(land)) == 3


def test_a_look_up_counts_and_the_call_behind_it_is_owed(make: Any) -> None:
    land = make("limits: {calls: {rate: 1/s}}", more=LOOKED_UP)
    land.wire.answer = lambda _: Answer(status=500)
    land.take("plain", id="1", version=1, amount=1)
    land.run()
    land.wire.answer = lambda target: Answer(status=404 if "/is/" in target else 200, body={})
    for _ in range(20):
        land.wait(1)
        land.run()
    assert [target[:4] for target, _ in land.wire.asked] == ["/put", "/is/", "/put"]
    assert land.sizes() == {}


def test_an_answer_for_enrich_waits_in_line_and_that_is_no_attempt(make: Any) -> None:
    land = make("limits: {reads: {rate: 1/m, operations: [get]}}")
    land.wire.answer = lambda _: Answer(status=200, body={"id": 7})
    first, second, third = (
        land.take("asking", id=f"{n}", version=1, ask=n, amount=1) for n in (1, 2, 3)
    )
    land.run()
    assert land.words(first)[-1] == "routed"
    assert land.words(second) == land.words(third) == ["retry"]
    with land.store.read() as reader:
        due = reader.due(land.clock.now() + timedelta(hours=1), 9)
    assert [row.message.attempt for row in due] == [1, 1], "nobody was asked: it is no attempt"
    land.wait(60)
    land.run()
    assert (land.words(second)[-1], land.words(third)) == ("routed", ["retry"])
    land.wait(60)
    land.run()
    assert land.words(third) == ["retry", "enriched", "routed"]
    assert len([1 for target, _ in land.wire.asked if target.startswith("/get")]) == 3


def test_an_answer_that_is_held_for_too_long_ends_by_its_policy(make: Any) -> None:
    land = make("limits: {reads: {rate: 1/m, operations: [get]}}", idle=60)
    land.wire.answer = lambda _: Answer(status=429, headers={"retry-after": "7200"})
    land.take("asking", id="1", version=1, ask=1, amount=1)
    message = land.take("asking", id="2", version=1, ask=2, amount=1)
    land.run()
    assert land.words(message) == ["dead_lettered"], "beyond the hour of its policy"


def test_it_is_told_what_is_held_and_until_when(make: Any) -> None:
    land = make("limits: {calls: {rate: 2/m}}")
    said: list[str] = []
    land.parts.holds._complain = said.append
    ids = [land.take("plain", id=f"{n}", version=1, amount=1) for n in range(3)]
    land.run()
    land.parts.holds.step()
    with land.store.read() as reader:
        (held,) = held_systems(reader)
        lines = journey_lines(journeys(reader, ids[1])[0])
    assert (held.system, held.why) == ("far", "limit calls: 2/m")
    assert held.until - land.clock.now() == timedelta(seconds=30)
    assert any("far.put is held until" in line and "limit calls: 2/m" in line for line in lines)
    assert said == [], "a rate that is used up is no trouble"
    land.wait(60)
    land.parts.holds.step()
    with land.store.read() as reader:
        assert held_systems(reader) == []


def test_the_log_is_told_once_that_a_system_is_left_alone(make: Any) -> None:
    land = make("breaker: {failures: 1, share: 0%, open_for: 20s}")
    said: list[str] = []
    land.parts.holds._complain = said.append
    land.wire.answer = lambda _: Retryable("no connection")
    for n in range(2):
        land.take("plain", id=f"{n}", version=1, amount=1)
    land.run()
    for _ in range(3):
        land.parts.holds.step()
    assert said == ["system far is left alone: breaker: 1 of 1 calls failed"]
    land.wire.answer = lambda _: Answer(status=200, body={})
    land.wait(30)
    land.run()
    land.wait(30)
    land.parts.holds.step()
    assert said[1:] == ["system far is called again"]
    with land.store.read() as reader:
        assert reader.letters.find(LetterQuery(limit=9)) == []
