"""Shared states over a pretended server: one limit for all, a share of it while it is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.engine.admission import Change, Gate, Heard, Law, Trip
from router.engine.breaker import BreakerLaw
from router.engine.limits import MINUTE, SECOND, rate_of
from router.infra.redis.link import Away
from router.runtime.clock import ManualClock
from router.runtime.sharing import Part, SharedStates
from router.runtime.states import micros

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
#: the server's clock is another one
AHEAD = timedelta(minutes=7)
GATE = Gate(laws=(Law(name="calls", allows="1/s", key="calls", alone=False, rate=rate_of(60, 8)),))


class Server:
    """A server in memory that can be away, full, or read only."""

    name = "pretended"

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.kept: dict[str, bytes] = {}
        self.spans: dict[str, int] = {}
        self.away = ""
        self.takes = True
        #: how often others are quicker
        self.quicker = 0
        self.asked = 0

    def read(self, names: Sequence[str]) -> tuple[int, list[bytes | None]]:
        self.asked += 1
        if self.away:
            raise Away(self.away)
        return micros(self.clock.now() + AHEAD), [self.kept.get(name) for name in names]

    def swap(self, names: Any, old: Any, new: Any, spans: Any) -> bool:
        if not self.takes:
            raise Away("ReadOnlyError: You can't write against a read only replica.")
        if self.quicker:
            self.quicker -= 1
            return False
        assert [self.kept.get(name) for name in names] == list(old)
        for name, value, span in zip(names, new, spans, strict=True):
            self.spans[name] = span
            if value is None:
                self.kept.pop(name, None)
            else:
                self.kept[name] = value
        return True

    def close(self) -> None:
        pass


class Office:
    """Some processes on one server."""

    def __init__(self, processes: int, share: int = 25) -> None:
        self.clock = ManualClock(START)
        self.server = Server(self.clock)
        self.said: list[str] = []
        part = Part(name="t", share=share)
        self.states = [
            SharedStates(self.server, part, self.clock, self.said.append)  # type: ignore[arg-type]
            for _ in range(processes)
        ]
        self._trips = 0

    def later(self, seconds: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))

    def take(self, process: int, gate: Gate = GATE) -> Change:
        self._trips += 1
        trip = Trip(who=str(self._trips), lease=10 * SECOND)
        return self.states[process].change(
            "far", gate.keys, lambda kept, at: gate.take(kept, at, trip)
        )

    def taken(self, gate: Gate = GATE) -> int:
        """Let every process take what it gets; return how many calls that are."""
        gone = 0
        for process in range(len(self.states)):
            while self.take(process, gate).hold is None:
                gone += 1
        return gone

    def fail(self, process: int, gate: Gate) -> None:
        trip = Trip(who="x", lease=SECOND)
        self.states[process].change(
            "far", gate.keys, lambda kept, at: gate.back(kept, at, trip, Heard(failed=True))
        )


def settled(processes: int, share: int = 25) -> Office:
    """Return processes that count together, with full buckets."""
    office = Office(processes, share)
    for seconds in (0, 6, 60):
        office.later(seconds)
        for process in range(processes):
            office.states[process].look()
    office.said.clear()
    return office


def test_processes_have_one_limit_together_by_the_servers_clock() -> None:
    office = Office(3)
    assert office.taken() == 0, "an empty server knows nothing: each begins with its share"
    office.later(6)
    assert office.taken() == 0, "from here on they count together, with an empty bucket"
    office.later(60)
    assert office.taken() == 8
    office.later(3)
    assert office.taken() == 3
    assert [("not counted on" in one, "after 6 s" in one) for one in office.said] == (
        [(True, False)] * 3 + [(False, True)] * 3
    )


def test_what_others_have_changed_meanwhile_is_read_again() -> None:
    office = settled(1)
    office.server.quicker = 19
    assert office.take(0).hold is None
    office.server.quicker = 100
    hold = office.take(0).hold
    assert hold is not None
    assert (hold.wait, hold.alone) == (20_000, False)
    office.server.quicker = 0
    assert office.taken() == 7


@pytest.mark.parametrize("how", ["away", "read only"])
def test_each_process_uses_its_share_while_the_server_is_away(how: str) -> None:
    office = settled(4)
    assert office.taken() == 8
    if how == "away":
        office.server.away = "ConnectionError: refused"
    else:
        office.server.takes = False
    assert office.taken() == 0, "others have used the bucket until now"
    assert len(office.said) == 4, "each says it once"
    assert "25% of each limit" in office.said[0]
    apart = office.states[0].apart
    assert apart is not None
    assert (apart.since, apart.share) == (START + timedelta(seconds=66), 25)
    office.later(8)
    assert office.taken() == 8, "eight seconds, one a second"
    office.server.away, office.server.takes = "", True
    office.later(6)
    assert office.taken() == 4, "it is back, and not counted on as yet: a rest of 25% of the burst"
    office.later(6)
    assert office.taken() == 0, "the parts were used until now"
    assert len(office.said) == 8
    assert "again after 20 s" in office.said[4]
    assert office.states[0].apart is None
    office.later(5)
    assert office.taken() == 5


def test_a_server_that_is_away_is_not_asked_for_every_call() -> None:
    office = settled(1)
    office.server.away = "TimeoutError"
    asked = office.server.asked
    for _ in range(50):
        office.take(0)
    assert office.server.asked == asked + 1
    for _ in range(60):
        office.later(1)
        office.take(0)
    assert office.server.asked < asked + 16
    office.server.away = ""
    for _ in range(2):
        office.later(6)
        office.states[0].look()
    assert office.states[0].apart is None, "also when nobody calls"


def test_a_server_that_lost_everything_begins_with_empty_buckets() -> None:
    office = settled(2, share=50)
    assert office.taken() == 8
    office.server.kept.clear()
    assert office.taken() == 0
    office.later(2)
    assert office.taken() == 2, "by their shares"
    office.later(4)
    assert office.taken() == 0
    office.later(2)
    assert office.taken() == 2, "together"
    assert len(office.said) == 4


def test_an_open_breaker_that_was_seen_stays_open_without_the_server() -> None:
    law = BreakerLaw(failures=1, share=0, within=MINUTE, open_for=30 * SECOND, probes=1)
    gate = Gate(laws=(), breaker=law)
    office = settled(2)
    office.fail(0, gate)
    assert office.take(1, gate).hold is not None
    office.server.away = "ConnectionError"
    assert office.take(1, gate).hold is not None
    office.later(29)
    assert office.take(1, gate).hold is not None
    office.later(1)
    assert office.take(1, gate).hold is None


def test_values_end_when_they_say_nothing_more() -> None:
    office = settled(1)
    office.taken()
    assert office.server.spans["router:1:{t}:since"] == 0
    assert office.server.spans["router:1:{t}:far:calls"] == 9000
    assert "router:1:{t}:far:breaker" not in office.server.kept


def test_a_time_that_another_clock_wrote_is_written_anew() -> None:
    office = settled(1)
    office.server.kept["router:1:{t}:since"] = b"99999999999999999"
    office.taken()
    office.later(6)
    office.taken()
    assert office.states[0].apart is None


@pytest.mark.parametrize("value", [b"{", b"7", b"[1]", b'[["x"]]', b'{"a": 1}'])
def test_a_state_that_is_none_is_as_if_the_server_was_away(value: bytes) -> None:
    office = settled(1)
    office.server.kept["router:1:{t}:far:calls"] = value
    assert office.taken() == 0
    assert "is no state of ours" in office.said[0]
