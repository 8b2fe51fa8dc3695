"""Owns: a day that is played while the daemon is killed again and again, and its figures.
Imports: the standard library.
Never: looks at what came of it (tests.crash.verdict does).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.crash.client import Sender, drop
from tests.crash.processes import Landscape, pause, wait_until
from tests.crash.traffic import Day

#: a kill comes at most so many seconds after the moment that was waited for
LATEST = 0.3


@dataclass(slots=True, kw_only=True)
class Plan:
    """How often to kill, and when."""

    random: Random
    #: at shares of what is sent
    sending: int
    #: at shares of what is sent, as soon as something waits for its next attempt
    retrying: int = 0
    #: at shares of what is left when all is sent
    working: int
    #: within a second after a start, often before it is ready
    early: int
    #: kills and starts what the daemon needs, which lives on itself: in half of the cases, instead
    upset: Callable[[], None] | None = None
    #: what was done
    kills: Counter[str] = field(default_factory=Counter)
    #: seconds for one thing to come
    patience: float = 300.0

    def moments(self, count: int) -> list[float]:
        """Return shares between 0 and 1, in order."""
        return sorted(self.random.uniform(0.02, 0.97) for _ in range(count))

    def sent_moments(self) -> list[tuple[float, str]]:
        """Return the shares of what is sent at which to kill, and what is waited for then."""
        kinds = ["sending"] * self.sending + ["retrying"] * self.retrying
        self.random.shuffle(kinds)
        return list(zip(self.moments(len(kinds)), kinds, strict=True))

    def is_early(self) -> bool:
        """Whether the next start is followed by another kill within a second."""
        if self.early and self.random.random() < 0.5:
            self.early -= 1
            return True
        return False

    def await_that(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something; fail when it does not come."""
        wait_until(holds, what, seconds=self.patience)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What happened on a killed day; seconds since its begin."""

    sender: Sender
    #: when everything was taken, and how much was left to do then
    taken: float
    left: int
    #: when nothing waited any longer
    idle: float
    status: dict[str, object]


def play(place: Landscape, day: Day, plan: Plan) -> Played:
    """Start everything, send the day, kill by the plan, return when nothing waits any longer."""
    place.start_sandbox()
    place.start_daemon()
    begun = time.monotonic()
    sender = _send(place, day, plan)
    taken, left = time.monotonic() - begun, place.backlog()
    _work_off(place, plan)
    status = place.wait_idle(plan.patience)
    idle = time.monotonic() - begun
    return Played(sender=sender, taken=taken, left=left, idle=idle, status=status)


def _send(place: Landscape, day: Day, plan: Plan) -> Sender:
    """Send the day while the daemon is killed, and return when everything was taken."""
    sender = Sender(place.port)
    sender.start(day.webhooks)
    files = list(day.files.items())
    moments = plan.sent_moments()
    portion = 1 + len(files) // len(moments)
    for share, kind in moments:
        wanted = int(share * len(day.webhooks))
        _await(place, plan, lambda n=wanted: sender.accepted >= n, f"{wanted} taken")  # type: ignore[misc]
        for name, body in files[:portion]:
            drop(place.inbox, name, body)
        files = files[portion:]
        if kind == "retrying":
            _await(place, plan, lambda: place.count("due") > 0, "something is due")
        _kill_and_start(place, plan, kind)
    for name, body in files:
        drop(place.inbox, name, body)
    _await(place, plan, lambda: sender.done, "everything is taken")
    assert not sender.complaints, sender.complaints[:3]
    return sender


def _work_off(place: Landscape, plan: Plan) -> None:
    """Kill while what is left is worked off."""
    backlog = place.backlog()
    for share in plan.moments(plan.working):
        left = int(backlog * (1 - share))
        _await(place, plan, lambda n=left: place.backlog() <= n, f"{left} are left")  # type: ignore[misc]
        _kill_and_start(place, plan, "working")
    while plan.early:
        _kill_and_start(place, plan, "at last")
    _await(place, plan, place.is_ready, "the daemon is ready")


def _await(place: Landscape, plan: Plan, holds: Callable[[], bool], what: str) -> None:
    """Wait for something as who watches over the daemon does: one that began while the store was
    away has said so and ended, and is started again.
    """

    def watched() -> bool:
        if plan.upset is not None and place.has_refused():
            place.start_daemon(wait=False)
        return holds()

    plan.await_that(watched, what)


def _kill_and_start(place: Landscape, plan: Plan, when: str) -> None:
    """Kill and start; some starts are killed again before or just after they are ready."""
    pause(plan.random.uniform(0.0, LATEST))
    if plan.upset is not None and plan.random.random() < 0.5:
        plan.upset()
        plan.kills["upset"] += 1
        return
    place.kill_daemon()
    plan.kills[when] += 1
    place.start_daemon(wait=False)
    while plan.is_early():
        pause(plan.random.uniform(0.0, 1.0))
        place.kill_daemon()
        plan.kills["early"] += 1
        place.start_daemon(wait=False)
