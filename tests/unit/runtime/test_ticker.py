"""A channel that is a clock: each tick is one delivery, stepped by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.infra.store.pauses import PAUSED
from router.runtime.operator import carry_out
from router.runtime.ticker import Ticker
from tests.unit.runtime.conftest import Landscape

CHANNEL = """
    channel: desk
    owner: us
    from: {schedule: {every: 1h, MORE}}
    kind: =`"tick"`
    identity: {object: [tick, =body.due]}
    routes: {tick: {discard: it is only counted}}
    otherwise: [{discard: not wanted}]
    on_failure: patient
    """


class Clockwork:
    """A landscape with one schedule."""

    def __init__(self, root: Path, noon: Any, more: str) -> None:
        text = CHANNEL.replace("MORE", more)
        self.land = Landscape(root, noon, {"routes/channels/desk.yaml": text})
        (self.ticker,) = self.land.parts.tickers

    def look(self) -> list[dict[str, Any]]:
        """Step the clock until it rests; return what it has made so far."""
        while self.ticker.step():
            self.land.run()
        with self.land.store.read() as reader:
            found = reader._connection.exec_driver_sql("SELECT body FROM deliveries ORDER BY id")
            return sorted((json.loads(body) for (body,) in found), key=lambda one: one["due"])

    def after(self, hours: float) -> list[dict[str, Any]]:
        self.land.wait(hours * 3600)
        return self.look()


@pytest.fixture
def make(tmp_path: Path, noon: Any) -> Iterator[Callable[..., Clockwork]]:
    made: list[Clockwork] = []

    def one(missed: str = "last") -> Clockwork:
        made.append(Clockwork(tmp_path, noon, f"missed: {missed}"))
        return made[-1]

    yield one
    for clockwork in made:
        clockwork.land.parts.close()


def hours(*numbers: int) -> list[str]:
    return [f"2025-03-14T{one:02}:00:00.000000Z" for one in numbers]


def test_it_begins_when_it_is_first_looked_at(make: Callable[..., Clockwork]) -> None:
    clock = make("all")
    assert clock.look() == []
    assert clock.after(0.5) == []
    assert clock.after(0.5) == [{"due": hours(13)[0], "missed": 0}]
    assert clock.look() == clock.after(0.9)
    assert [one["due"] for one in clock.after(0.2)] == hours(13, 14)


def test_the_store_is_asked_again_after_a_tick_alone(
    make: Callable[..., Clockwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = make()
    clock.look()
    clock.look()
    store, reads = clock.land.store, []
    read = store.read
    monkeypatch.setattr(store, "read", lambda: (reads.append(1), read())[1])
    for _ in range(5):
        assert clock.ticker.step() == 0
    assert reads == []
    clock.land.wait(3600)
    reads.clear()
    assert [clock.ticker.step() for _ in range(3)] == [1, 0, 0]
    assert len(reads) == 1


def test_a_tick_is_routed_like_every_message(make: Callable[..., Clockwork]) -> None:
    clock = make()
    clock.look()
    clock.after(1)
    assert clock.land.counted() == {("desk:tick", "discarded", "it is only counted"): 1}


@pytest.mark.parametrize(
    ("missed", "made"),
    [
        ("last", [(17, 4)]),
        ("all", [(13, 0), (14, 0), (15, 0), (16, 0), (17, 0)]),
        ("none", []),
    ],
)
def test_what_was_missed(make: Callable[..., Clockwork], missed: str, made: Any) -> None:
    clock = make(missed)
    clock.look()
    found = clock.after(5.5)
    assert [(one["due"], one["missed"]) for one in found] == [
        (hours(hour)[0], left) for hour, left in made
    ]
    assert [one["due"] for one in clock.after(0.5)][-1:] == hours(18)


def test_another_clock_over_the_same_store_makes_none_twice(
    make: Callable[..., Clockwork],
) -> None:
    clock = make("all")
    clock.look()
    clock.after(2)
    parts = clock.land.parts
    again = Ticker(clock.ticker.channel, (clock.land.store, parts.ingress, clock.land.clock))
    assert again.step() == 0
    assert [one["due"] for one in clock.look()] == hours(13, 14)


def test_a_channel_that_is_drained_makes_none_and_misses_them(
    make: Callable[..., Clockwork],
) -> None:
    clock = make()
    clock.look()
    now = clock.land.clock.now()
    said = {"name": "channel:desk", "reason": "a test"}
    clock.land.store.write(lambda one: carry_out(one, "drain", said, now))
    clock.land.parts.operator.step()
    assert clock.after(3) == []
    with clock.land.store.read() as reader:
        held = reader.pauses.get("channel:desk")
    assert held is not None
    assert held.mode != PAUSED
