"""Limits over a real Redis: shared, and never exceeded while it is killed, full or read only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from router.core.decision import Call
from router.core.errors import Unavailable
from router.core.message import Message
from router.engine.admission import Gate, Law, Trip
from router.engine.limits import SECOND, rate_of
from router.infra.redis.link import Away, Link
from router.infra.store.rows import Entry
from router.infra.store.store import Store
from router.runtime.clock import SystemClock
from router.runtime.sharing import Part, SharedStates
from tests.crash.processes import wait_until
from tests.live.redis_server import PASSWORD, RedisServer

#: calls a second, and at once after a rest
RATE, BURST = 50, 10
GATE = Gate(laws=(Law(name="c", allows="", key="c", alone=False, rate=rate_of(60 * RATE, BURST)),))
WAIT = timedelta(milliseconds=500)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own: it is killed."""
    with RedisServer(tmp_path).running() as one:
        yield one


class Callers:
    """Threads of some processes' states that call as often as they may, all the time."""

    def __init__(self, address: str, processes: int, threads: int = 3) -> None:
        self.said: list[str] = []
        self.gone: list[float] = []
        self.states = [
            SharedStates(
                Link(address, WAIT),
                Part(name="t", share=100 // processes),
                SystemClock(),
                self.said.append,
            )
            for _ in range(processes)
        ]
        self._stop = threading.Event()
        self._errors: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._call, args=(one,))
            for one in self.states
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def _call(self, states: SharedStates) -> None:
        try:
            trip = Trip(who="x", lease=SECOND)
            while not self._stop.is_set():
                change = states.change("far", GATE.keys, lambda k, m: GATE.take(k, m, trip))
                if change.hold is None:
                    self.gone.append(time.monotonic())
                else:
                    self._stop.wait(min(change.hold.wait / SECOND, 0.05))
        except Exception as error:  # noqa: BLE001 (told by the test's own thread)
            self._errors.append(error)

    def apart(self) -> int:
        return sum(one.apart is not None for one in self.states)

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for one in self.states:
            one.close()
        assert self._errors == []

    def assert_kept(self, slack: int = 0) -> None:
        """Assert that no span of time has more calls than burst and rate; `slack` calls are by how
        much their own times may lie beside those at which they were let go.
        """
        gone = sorted(self.gone)
        worst = max(
            (
                last - first + 1 - BURST - (gone[last] - gone[first]) * RATE
                for first in range(len(gone))
                for last in range(first, len(gone))
            ),
            default=0,
        )
        assert worst <= slack, (worst, len(gone))


@pytest.fixture
def call(server: RedisServer) -> Iterator[Callable[[int], Callers]]:
    made: list[Callers] = []

    def begin(processes: int) -> Callers:
        one = Callers(server.address, processes)
        made.append(one)
        # a server that is new is not counted on at once
        wait_until(lambda: len(one.said) == 2 * processes, "they share", seconds=60)
        return one

    yield begin
    for one in made:
        one.end()


def settle(callers: Callers) -> None:
    """Return when all count together."""
    wait_until(lambda: callers.apart() == 0, "they share", seconds=60)


def rest(seconds: float) -> None:
    threading.Event().wait(seconds)


#: times are taken after a call was let go, on a machine with other work: half a second of calls
SLACK = RATE // 2


@pytest.mark.alone
def test_threads_of_several_processes_have_one_limit(call: Callable[[int], Callers]) -> None:
    callers = call(4)
    begun, before = time.monotonic(), len(callers.gone)
    rest(3)
    callers.end()
    lasted = time.monotonic() - begun
    callers.assert_kept(SLACK)
    gone = len(callers.gone) - before
    assert RATE * 3 * 0.6 <= gone <= BURST + RATE * lasted, "it is used, and no more"
    assert len(callers.said) == 8


def test_a_server_that_is_killed_and_comes_back_empty(
    server: RedisServer, call: Callable[[int], Callers]
) -> None:
    callers = call(4)
    for _ in range(2):
        server.kill()
        wait_until(lambda: callers.apart() == 4, "each counts for itself", seconds=60)
        before = len(callers.gone)
        rest(1)
        assert len(callers.gone) > before, "nothing stops"
        server.start()
        settle(callers)
        rest(0.5)
    callers.end()
    callers.assert_kept(SLACK)
    assert len([one for one in callers.said if "not counted on" in one]) == 12
    assert len([one for one in callers.said if "again after" in one]) == 12
    assert PASSWORD not in " ".join(callers.said)


@pytest.mark.parametrize(
    ("ill", "well", "why"),
    [
        (("CONFIG", "SET", "maxmemory", 1), ("CONFIG", "SET", "maxmemory", 0), "OutOfMemory"),
        (("REPLICAOF", "127.0.0.1", 1), ("REPLICAOF", "NO", "ONE"), "ReadOnly"),
        (("CLIENT", "PAUSE", 2500, "ALL"), (), "Timeout"),
    ],
    ids=["full", "a replica", "silent"],
)
def test_a_server_that_takes_nothing(
    server: RedisServer,
    call: Callable[[int], Callers],
    ill: tuple[str | int, ...],
    well: tuple[str | int, ...],
    why: str,
) -> None:
    callers = call(2)
    rest(0.5)
    server.ask(*ill)
    wait_until(lambda: callers.apart() == 2, "each counts for itself", seconds=60)
    assert all(why in one for one in callers.said[4:6])
    before = len(callers.gone)
    rest(1)
    assert len(callers.gone) > before
    if well:
        server.ask(*well)
    settle(callers)
    rest(0.5)
    callers.end()
    callers.assert_kept(SLACK)
    assert len(callers.said) == 8, "each of them twice: once new, once ill"


def test_values_are_set_all_or_none(server: RedisServer) -> None:
    link = Link(server.address, WAIT)
    _, before = link.read(["{a}:1", "{a}:2"])
    assert before == [None, None]
    assert link.swap(["{a}:1", "{a}:2"], before, [b"x", b"y"], [0, 60_000])
    assert not link.swap(["{a}:1", "{a}:2"], [b"x", None], [b"z", b"z"], [0, 0])
    now, held = link.read(["{a}:1", "{a}:2"])
    assert held == [b"x", b"y"]
    assert abs(now / SECOND - time.time()) < 5
    assert server.ask("PTTL", "{a}:1") == -1
    assert 0 < int(str(server.ask("PTTL", "{a}:2"))) <= 60_000
    server.ask("SCRIPT", "FLUSH")
    assert link.swap(["{a}:1", "{a}:2"], held, [None, b"z"], [0, 0])
    assert link.read(["{a}:1", "{a}:2"])[1] == [None, b"z"]
    link.close()


def test_by_tls_and_only_with_its_certificate(tmp_path: Path) -> None:
    with RedisServer(tmp_path).with_certificate().running() as server:
        link = Link(server.address, WAIT)
        assert link.read(["a"])[1] == [None]
        link.close()
        stranger = Link(server.address.partition("?")[0], WAIT)
        with pytest.raises(Away, match=r"(?i)certificate"):
            stranger.read(["a"])
        stranger.close()


def test_what_is_said_of_an_address_shows_no_password(server: RedisServer) -> None:
    for address in ("http://:secret@x", "nonsense", "redis://:secret@h:port/0"):
        with pytest.raises(Unavailable) as told:
            Link(address, WAIT)
        assert "secret@" not in str(told.value)
    wrong = Link(server.address.replace(PASSWORD, "another-secret"), WAIT)
    with pytest.raises(Away) as away:
        wrong.read(["a"])
    assert "another-secret" not in str(away.value)
    assert wrong.name == f"127.0.0.1:{server.port}"
    wrong.close()


def test_answers_are_shared_for_as_long_as_a_step_allows(server: RedisServer) -> None:
    said: list[str] = []
    part, clock = Part(name="t", share=100), SystemClock()
    one, two = (SharedStates(Link(server.address, WAIT), part, clock, said.append) for _ in "ab")
    call = Call(operation="far.get", arguments={"id": 1}, key="k", cache=timedelta(seconds=2))
    assert two.shelf("r").find(call) is None
    one.shelf("r").put(call, {"order": ["ä", 1.1, None]})
    found = two.shelf("r").find(call)
    assert found is not None
    assert (found.word, found.result) == ("done", {"order": ["ä", 1.1, None]})
    assert timedelta(0) <= found.age < timedelta(seconds=1)
    rest(2.1)
    assert two.shelf("r").find(call) is None
    server.kill()
    assert two.shelf("r").find(call) is None
    assert two.apart is not None
    one.shelf("r").put(call, {})
    for states in (one, two):
        states.close()


def test_the_journal_is_seen_on_a_stream_without_contents(server: RedisServer) -> None:
    store = Store.in_memory("r1")
    part = Part(name="t", share=100, events=100)
    states = SharedStates(Link(server.address, WAIT), part, SystemClock(), lambda _: None)
    write(store, 3)
    feed = states.feed(store)
    assert feed is not None
    assert feed.step() == 0, "it begins with what is written from now on"
    write(store, 4)
    assert (feed.step(), feed.step()) == (4, 0)
    assert [one[b"message_id"] for one in seen(server)] == [b"m0", b"m1", b"m2", b"m3"]
    assert seen(server)[0] == {
        b"seq": b"4",
        b"at": b"2026-05-01T08:00:00.000000Z",
        b"correlationid": b"order/1",
        b"message_id": b"m0",
        b"consumer": b"shop:plain",
        b"word": b"routed",
        b"attempt": b"1",
        b"revision": b"r1",
    }
    server.kill()
    write(store, 5)
    assert feed.step() == 0
    server.start()
    states.look()
    wait_until(lambda: (states.look(), states.apart is None)[1], "it is back", seconds=20)
    assert feed.step() == 5, "what was written meanwhile is seen"
    write(store, 900)
    while feed.step():
        pass
    assert 100 <= len(seen(server)) < 300
    states.close()


def write(store: Store, lines: int) -> None:
    at = datetime(2026, 5, 1, 8, tzinfo=UTC)
    for n in range(lines):
        message = Message(
            id=f"m{n}", correlationid="order/1", occurred_at=at, payload={"a": "secret"}
        )
        line = Entry(
            at=at, message=message, consumer="shop:plain", word="routed", detail={"b": "secret"}
        )
        store.write(lambda transaction, line=line: transaction.write(line))


def seen(server: RedisServer) -> list[dict[bytes, bytes]]:
    """Return what is on the stream."""
    found = server.ask("XRANGE", "router:1:{t}:events", "-", "+")
    assert isinstance(found, list)
    return [dict(pairs) if isinstance(pairs, dict) else _paired(pairs) for _, pairs in found]


def _paired(values: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(values[::2], values[1::2], strict=True))
