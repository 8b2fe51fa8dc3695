"""The daemon is killed again and again; nothing is lost, nothing is done twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest

from tests.crash.client import Sender, drop
from tests.crash.processes import Landscape, Settings, pause, wait_until
from tests.crash.traffic import Day, make_day
from tests.crash.verdict import assert_nothing_lost_or_doubled


@dataclass(slots=True)
class Plan:
    """When to kill: at shares of what is sent, at shares of what is worked off, and soon after."""

    random: Random
    sending: int
    working: int
    early: int
    #: what was done, for the summary
    kills: list[str] = field(default_factory=list)

    def moments(self, count: int) -> list[float]:
        """Return shares between 0 and 1, in order."""
        return sorted(self.random.uniform(0.03, 0.95) for _ in range(count))

    def is_early(self) -> bool:
        """Whether the next start is followed by another kill within a second."""
        if self.early and self.random.random() < 0.6:
            self.early -= 1
            return True
        return False


def kill_and_start(landscape: Landscape, plan: Plan, when: str) -> None:
    """Kill and start; some starts are killed again before or just after they are ready."""
    landscape.kill_daemon()
    plan.kills.append(when)
    landscape.start_daemon(wait=False)
    while plan.is_early():
        pause(plan.random.uniform(0.0, 1.0))
        landscape.kill_daemon()
        plan.kills.append("early")
        landscape.start_daemon(wait=False)


def play(landscape: Landscape, day: Day, plan: Plan, seconds: float) -> Sender:
    """Send the day while the daemon is killed, and return when everything was taken."""
    sender = Sender(landscape.port)
    sender.start(day.webhooks)
    files = list(day.files.items())
    for share in plan.moments(plan.sending):
        wanted = int(share * len(day.webhooks))
        wait_until(lambda n=wanted: sender.accepted >= n, f"{wanted} taken", seconds=seconds)  # type: ignore[misc]
        for name, body in files[: 1 + len(files) // plan.sending]:
            drop(landscape.inbox, name, body)
        files = files[1 + len(files) // plan.sending :]
        kill_and_start(landscape, plan, "sending")
    for name, body in files:
        drop(landscape.inbox, name, body)
    wait_until(lambda: sender.done, "everything is taken", seconds=seconds)
    assert not sender.complaints, sender.complaints[:3]
    return sender


def work_off(landscape: Landscape, plan: Plan, seconds: float) -> None:
    """Kill while the backlog is worked off."""
    backlog = landscape.backlog()
    for share in plan.moments(plan.working):
        left = int(backlog * (1 - share))
        wait_until(lambda n=left: landscape.backlog() <= n, f"{left} are left", seconds=seconds)  # type: ignore[misc]
        kill_and_start(landscape, plan, f"with {left} waiting")
    while plan.early:
        kill_and_start(landscape, plan, "at last")
    landscape.wait_ready()


def killed_day(landscape: Landscape, day: Day, plan: Plan, seconds: float) -> None:
    """Play a day with kills and compare every far side; print a summary."""
    landscape.start_sandbox()
    landscape.start_daemon()
    begun = time.monotonic()
    sender = play(landscape, day, plan, seconds)
    sent = time.monotonic() - begun
    backlog = landscape.backlog()
    work_off(landscape, plan, seconds)
    status = landscape.wait_idle(seconds)
    took = time.monotonic() - begun
    figures = assert_nothing_lost_or_doubled(landscape, day, sender.messages, status)
    calls = landscape.query("SELECT sum(sends), sum(sends > 1) FROM intents")[0]
    asked = landscape.query("SELECT count(*) FROM journal WHERE detail LIKE '%look-up: there%'")[0]
    print(
        f"\n{figures} after {len(plan.kills)} kills ({', '.join(plan.kills)});"
        f" {sender.resends} resends; taken in {sent:.1f} s with {backlog} left,"
        f" idle after {took:.1f} s ({figures['records'] / took:.0f} records/s);"
        f" calls {calls[0]}, repeated {calls[1]}, found by look-up {asked[0]}"
    )


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_ten_kills_lose_and_double_nothing(
    landscape: Callable[..., Landscape], record_property: Callable[[str, object], None]
) -> None:
    """5,000 messages; killed ten times: while they are sent, worked off, and just after a start."""
    day = make_day(20260302, messages=5000, files=6)
    plan = Plan(Random(7), sending=4, working=3, early=3)
    killed_day(landscape(Settings(orders=day.orders)), day, plan, seconds=150)
    record_property("kills", plan.kills)
    assert len(plan.kills) >= 10


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_fifty_kills(landscape: Callable[..., Landscape], seed: int) -> None:
    """20,000 messages, killed fifty times."""
    day = make_day(seed, messages=20_000, files=20)
    plan = Plan(Random(seed), sending=20, working=15, early=15)
    killed_day(landscape(Settings(orders=day.orders)), day, plan, seconds=1200)
    assert len(plan.kills) >= 50
