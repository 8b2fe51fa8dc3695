"""A workflow whose processes die anywhere (S24): every life is as if nobody had died."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from router.core.instants import time_text
from router.runtime.clock import SystemClock
from tests.crash.client import Sender
from tests.crash.parcels import (
    assert_each_once,
    assert_replays,
    lay,
    lives,
    parcels,
    ports,
    wait_closed,
    wait_held,
    write_environment,
)
from tests.crash.processes import Landscape, free_port, pause, wait_until
from tests.crash.traffic import Webhook
from tests.live.postgres import Postgres

SECONDS = 100
#: boundary -> at which time it is reached, of those that a portion of parcels goes through
BOUNDARIES = {
    "loop.before_record": 2,
    "loop.after_record": 2,
    "turns.before_record": 2,
    "turns.after_record": 3,
    "worker.before_intent": 5,
    "worker.after_intent": 6,
    "worker.after_call": 7,
    "worker.after_result": 8,
    "scheduler.before_commit": 1,
    "scheduler.after_commit": 1,
}
#: parcels between two deaths
PORTION = 12


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Landscape]:
    """A landscape of parcels whose sandbox runs."""
    root = tmp_path / "project"
    root.mkdir()
    made = Landscape(root=root, **ports())
    lay(made)
    made.start_sandbox()
    yield made
    made.close()


class Day:
    """Parcels that are sent portion by portion."""

    def __init__(self, place: Landscape) -> None:
        self.place = place
        self.count = 0
        self.senders: list[Sender] = []

    def send(self, portion: int) -> None:
        """Begin to send some more parcels; each delivery comes until it is taken."""
        sender = Sender(self.place.port, threads=4)
        sender.start(parcels(range(self.count, self.count + portion)))
        self.senders.append(sender)
        self.count += portion

    def wait_taken(self) -> None:
        """Wait until all is taken."""
        wait_until(lambda: all(one.done for one in self.senders), "all is taken", seconds=SECONDS)
        assert [one.complaints for one in self.senders if one.complaints] == []


def wait_dead(place: Landscape, boundary: str) -> None:
    daemon = place.daemon
    assert daemon is not None
    wait_until(lambda: daemon.poll() is not None, f"it dies at {boundary}", seconds=SECONDS)
    assert daemon.returncode == -signal.SIGKILL, place.log()


def close_windows(place: Landscape) -> None:
    """Let the windows close now: the daemon is down, and what has a time is due."""
    now = time_text(SystemClock().now())
    with sqlite3.connect(place.store, timeout=30) as beside:
        beside.execute("UPDATE due SET due_at = ? WHERE reason = 'window'", (now,))
    beside.close()


def uncrashed(root: Path, count: int) -> dict[str, Any]:
    """Return the lives of parcels when nobody dies."""
    root.mkdir()
    place = Landscape(root=root, **ports())
    lay(place)
    try:
        place.start_sandbox()
        place.start_daemon()
        day = Day(place)
        day.send(count)
        day.wait_taken()
        wait_held(place, count, SECONDS)
        place.kill_daemon()
        close_windows(place)
        place.start_daemon()
        wait_closed(place, count, SECONDS)
        return dict(lives(place))
    finally:
        place.close()


def test_a_life_does_not_tell_who_died(place: Landscape, tmp_path: Path) -> None:
    """One death at each boundary, then at random; windows close while it dies."""
    day = Day(place)
    for boundary, times in BOUNDARIES.items():
        place.failpoint = f"{boundary}:{times}"
        place.start_daemon(wait=False)
        day.send(PORTION)
        wait_dead(place, boundary)
    killed_at_random(place, day, kills=4, portion=20, seed=3)
    to_the_end(place, day)
    assert day.count == len(BOUNDARIES) * PORTION + 4 * 20
    expected = uncrashed(tmp_path / "calm", 3)
    found = lives(place)
    for number in range(day.count):
        calm = expected[f"P-{number % 3}"]
        assert told(found[f"P-{number}"], number) == told(calm, number % 3)


def told(life: Any, number: int) -> Any:
    """Return a life without the parcel's own number."""
    name = f"P-{number}"
    sent = {key.replace(name, "P", 1): n for key, n in life["sent"].items()}
    inputs = {(kind, what.replace(name, "P", 1)) for kind, what in life["inputs"]}
    return life["label"], life["final"], sent, inputs


def killed_at_random(place: Landscape, day: Day, kills: int, portion: int, seed: int) -> None:
    """Send portions, and kill within two seconds after the begin of each."""
    random = Random(seed)
    place.failpoint = ""
    place.start_daemon(wait=False)
    for _ in range(kills):
        day.send(portion)
        pause(random.uniform(0.2, 3.0))
        place.kill_daemon()
        place.start_daemon(wait=False)


def to_the_end(place: Landscape, day: Day) -> None:
    """Let all come to their window, which closes while the daemon dies at it; then all ends."""
    day.wait_taken()
    wait_held(place, day.count, SECONDS)
    place.kill_daemon()
    close_windows(place)
    place.failpoint = "turns.before_window"
    place.start_daemon(wait=False)
    wait_dead(place, place.failpoint)
    place.failpoint = "turns.before_record:2"
    place.start_daemon(wait=False)
    wait_dead(place, place.failpoint)
    place.failpoint = ""
    place.start_daemon()
    wait_closed(place, day.count, SECONDS)
    assert_each_once(place, day.count)
    assert_replays(place)


@dataclass(slots=True)
class Pair(Landscape):
    """Two processes share one store and have every role; which of them leads what is theirs."""

    second: int = 0
    members: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start one of them, and wait until it takes deliveries."""
        self.daemon = self.members[name] = self.begin("run", "--env", name, log="daemon.log")
        port, self.port = self.port, self.second if name == "other" else self.port
        self.wait_ready()
        self.port = port

    def kill(self, name: str) -> None:
        """Kill one of them as the machine would."""
        self.members[name].send_signal(signal.SIGKILL)
        self.members[name].wait(timeout=SECONDS)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A private server."""
    with Postgres().running() as server:
        yield server


@pytest.fixture
def pair(tmp_path: Path, postgres: Postgres) -> Iterator[Pair]:
    """A landscape of parcels on a server, for two processes."""
    root = tmp_path / "project"
    root.mkdir()
    made = Pair(root=root, **ports(), server=postgres.fresh(), second=free_port())
    lay(made)
    write_environment(made, "other", made.second)
    made.start_sandbox()
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_share_lives(pair: Pair) -> None:
    """One event to both, a timer and an event at one instant, each process killed by turns."""
    shared(pair, kills=3, portion=24, seed=5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_two_processes_share_lives_for_long(pair: Pair, seed: int) -> None:
    shared(pair, kills=30, portion=60, seed=seed)


def shared(pair: Pair, kills: int, portion: int, seed: int) -> None:
    random, count = Random(seed), 0
    names = ("crash", "other")
    for name in names:
        pair.start(name)
    senders: list[Sender] = []
    for number in range(kills):
        hooks = parcels(range(count, count + portion))
        lasts = [at_last(one) for one in range(count, count + portion)]
        count += portion
        for port in (pair.port, pair.second):  # each event to both
            senders.append(Sender(port, threads=4))
            senders[-1].start([*hooks, *lasts])
        pause(random.uniform(0.5, 2.0))
        due_now(pair, "timer")  # while the events that end the same wait are on their way
        pair.kill(names[number % 2])
        pair.start(names[number % 2])
    wait_until(lambda: all(one.done for one in senders), "all is taken", seconds=SECONDS)
    assert [one.complaints for one in senders if one.complaints] == []
    wait_held(pair, count, SECONDS)
    due_now(pair, "window")
    pair.kill(random.choice(names))
    wait_closed(pair, count, SECONDS)
    assert_each_once(pair, count)
    assert_replays(pair)
    found = lives(pair)
    assert {life["label"] for life in found.values()} == {"closed"}
    assert {n for life in found.values() for n in life["sent"].values()} == {1}


def at_last(number: int) -> Webhook:
    """Return what ends a wait that a timer ends as well."""
    body = {"id": f"P-{number}", "say": "at last"}
    return Webhook("moved", f"P-{number}-last", json.dumps(body).encode())


def due_now(pair: Pair, reason: str) -> None:
    """Let what has a time be due at this instant; of timers those that end the wait."""
    now = time_text(SystemClock().now())
    late = time_text(SystemClock().now() + timedelta(hours=1))
    with psycopg.connect(pair.server, connect_timeout=30) as beside:
        beside.execute(
            "UPDATE due SET due_at = %s WHERE reason = %s AND (reason = 'window' OR due_at < %s)",
            (now, reason, late),
        )


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_lives_of_a_daemon_that_is_killed_for_long(place: Landscape, seed: int) -> None:
    """Two thousand parcels, fifty kills."""
    day = Day(place)
    killed_at_random(place, day, kills=50, portion=40, seed=seed)
    to_the_end(place, day)
