"""A schedule over the ends of the daemon: each tick is there once, none is missing."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.crash.processes import Landscape, wait_until

#: seconds in which a tick must have come
SOON = 60.0
CHANNEL = """channel: clock
owner: operations
from: {schedule: {every: 1s, missed: all}}
kind: =`"tick"`
identity: {object: [tick, =body.due]}
routes: {tick: {discard: it is only counted}}
otherwise: [{dead_letter: unknown_kind}]
on_failure: patient
"""


def ticks(place: Landscape) -> list[datetime]:
    rows = place.query("SELECT body FROM deliveries WHERE channel = 'clock'")
    return sorted(datetime.fromisoformat(json.loads(body)["due"]) for (body,) in rows)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("boundary", ["before_commit", "after_commit"])
def test_each_tick_is_there_once_over_deaths(
    landscape: Callable[..., Landscape], boundary: str
) -> None:
    place = landscape()
    (place.root / "routes" / "channels" / "clock.yaml").write_text(CHANNEL)
    environment = place.root / "routes" / "environments" / "crash.yaml"
    environment.write_text(environment.read_text().replace("takes: [", "takes: [clock, "))
    for _ in range(3):
        place.failpoint = f"tick.{boundary}:2"
        place.start_daemon(wait=False)
        daemon = place.daemon
        assert daemon is not None
        wait_until(lambda d=daemon: d.poll() is not None, "it dies", seconds=SOON)  # type: ignore[misc]
        assert daemon.poll() == -signal.SIGKILL, place.log()
    place.failpoint = ""
    place.start_daemon()
    before = len(ticks(place))
    wait_until(lambda: len(ticks(place)) >= before + 3, "it ticks on", seconds=SOON)
    assert place.end_daemon(signal.SIGTERM, SOON) == 0
    found = ticks(place)
    second = timedelta(seconds=1)
    assert found == [found[0] + n * second for n in range(len(found))]
    counted = "SELECT n FROM counters WHERE consumer = 'clock:tick' AND word = 'discarded'"
    said = place.command("cursor", "list", "--env", "crash").stdout
    assert said == f"schedule: clock has come to {found[-1]:%Y-%m-%dT%H:%M:%S}.000000Z\n"
    left = place.backlog()
    assert place.query(counted)[0][0] + left == len(found)
