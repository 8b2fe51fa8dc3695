"""Answers that processes share: not older than a step allows, and never needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.core.decision import Call
from router.core.outcome import Outcome
from router.runtime.answers import Answers
from router.runtime.clock import ManualClock
from router.runtime.shelf import LARGEST, RedisShelf

START = datetime(2026, 5, 1, 8, tzinfo=UTC)


class Server:
    """Values that end with their time."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.kept: dict[str, tuple[bytes, datetime]] = {}

    def get(self, name: str) -> tuple[bytes | None, int]:
        value, end = self.kept.get(name, (None, START))
        left = (end - self.clock.now()) // timedelta(milliseconds=1)
        return (value, left) if value is not None and left > 0 else (None, -2)

    def put(self, name: str, value: bytes, span: timedelta) -> None:
        self.kept[name] = value, self.clock.now() + span


class Exchange:
    """Answers with how often it was asked."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.asked = 0
        self.outcome: Callable[[int], Outcome] = lambda n: Outcome(word="done", result={"n": n})

    def read(self, _name: str, _arguments: Any) -> Outcome:
        self.asked += 1
        return self.outcome(self.asked)


class Process:
    """The answers of one process, asked as the loop does."""

    def __init__(self, server: Server | None, exchange: Exchange, revision: str = "r1") -> None:
        def reach(use: Callable[[Any, str], Any]) -> Any:
            return None if server is None else use(server, "p:")

        self.exchange = exchange
        self.answers = Answers(exchange, 0, RedisShelf(reach, revision))  # type: ignore[arg-type]

    def ask(self, seconds: int | None = 60) -> Any:
        cache = None if seconds is None else timedelta(seconds=seconds)
        call = Call(operation="far.get", arguments={"id": 1}, key="k1", cache=cache)
        now = self.exchange.clock.now()
        known, document = self.answers.cached(call, now)
        if known:
            return document
        outcome = self.answers.ask(call, lambda: None).result()
        if outcome.word == "done":
            self.answers.keep(call, outcome, now)
        return outcome.result


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def exchange(clock: ManualClock) -> Exchange:
    return Exchange(clock)


@pytest.fixture
def server(clock: ManualClock) -> Server:
    return Server(clock)


def later(clock: ManualClock, seconds: float) -> None:
    clock.move_to(clock.now() + timedelta(seconds=seconds))


def test_one_asks_for_all(server: Server, exchange: Exchange) -> None:
    assert [Process(server, exchange).ask() for _ in range(3)] == [{"n": 1}] * 3
    assert exchange.asked == 1


def test_an_answer_is_nowhere_older_than_its_step_allows(
    server: Server, exchange: Exchange, clock: ManualClock
) -> None:
    first, second = Process(server, exchange), Process(server, exchange)
    first.ask()
    later(clock, 50)
    assert second.ask() == {"n": 1}
    later(clock, 10)
    assert second.ask() == {"n": 1}, "sixty seconds, wherever it was kept"
    later(clock, 0.001)
    assert second.ask() == {"n": 2}


def test_a_step_that_wants_it_fresher_asks_itself(
    server: Server, exchange: Exchange, clock: ManualClock
) -> None:
    Process(server, exchange).ask(60)
    later(clock, 30)
    assert Process(server, exchange).ask(20) == {"n": 2}
    assert Process(server, exchange).ask(None) == {"n": 3}


def test_each_configuration_has_its_own(server: Server, exchange: Exchange) -> None:
    Process(server, exchange).ask()
    assert Process(server, exchange, "r2").ask() == {"n": 2}


@pytest.mark.parametrize("word", ["refused", "retry", "unknown"])
def test_what_is_no_answer_is_not_kept(server: Server, exchange: Exchange, word: str) -> None:
    exchange.outcome = lambda _: Outcome(word=word)
    Process(server, exchange).ask()
    assert server.kept == {}


def test_a_large_answer_is_kept_by_who_asked(server: Server, exchange: Exchange) -> None:
    exchange.outcome = lambda _: Outcome(word="done", result="x" * LARGEST)
    asking = Process(server, exchange)
    asking.ask()
    asking.ask()
    assert (server.kept, exchange.asked) == ({}, 1)


@pytest.mark.parametrize("value", [b"", b"{", b"[1]", b'["x", {}]', b"7"])
def test_what_is_not_ours_is_not_taken(server: Server, exchange: Exchange, value: bytes) -> None:
    server.kept["p:answer:r1:k1"] = value, START + timedelta(hours=1)
    assert Process(server, exchange).ask() == {"n": 1}


def test_what_json_cannot_hold_is_not_kept(server: Server, exchange: Exchange) -> None:
    exchange.outcome = lambda _: Outcome(word="done", result={"n": 10**30})
    assert Process(server, exchange).ask() == {"n": 10**30}
    assert server.kept == {}


def test_without_the_server_each_asks_for_itself(exchange: Exchange) -> None:
    assert [Process(None, exchange).ask() for _ in range(2)] == [{"n": 1}, {"n": 2}]
