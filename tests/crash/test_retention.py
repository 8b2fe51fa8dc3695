"""The daemon dies between two pieces of what it forgets; nothing under way is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.crash.client import Sender
from tests.crash.processes import Landscape, Settings, wait_until
from tests.crash.traffic import make_day
from tests.crash.verdict import assert_far_sides

SECONDS = 100
#: all that has ended goes at once
KEPT = "retention: {bodies: 0s, journal: 0s}\n"


@pytest.mark.parametrize("boundary", ["retention.before_commit", "retention.after_commit"])
def test_a_death_between_two_pieces(landscape: Callable[..., Landscape], boundary: str) -> None:
    day = make_day(11, messages=60, files=0)
    place = landscape(Settings(orders=day.orders))
    place.start_sandbox()
    place.start_daemon()
    first = Sender(place.port)
    first.send(day.webhooks[:30])
    place.wait_idle(SECONDS)
    place.kill_daemon()
    environment = place.root / "routes" / "environments" / "crash.yaml"
    environment.write_text(environment.read_text() + KEPT)
    place.failpoint = f"{boundary}:2"
    place.start_daemon(wait=False)
    sender = Sender(place.port)
    sender.start(day.webhooks[30:])
    daemon = place.daemon
    assert daemon is not None
    wait_until(lambda: daemon.poll() is not None, f"it dies at {boundary}", seconds=SECONDS)
    assert daemon.poll() == -9
    place.failpoint = ""
    place.start_daemon()
    wait_until(lambda: sender.done, "everything is taken", seconds=SECONDS)
    assert not sender.complaints
    status = place.wait_idle(SECONDS)
    assert status["waiting"].get("dead", 0) == 0, status["dead_letters"]
    assert_far_sides(place, day)
    wait_until(lambda: told(place)["pass"]["ended"], "the pass goes on and ends", seconds=SECONDS)
    assert set(told(place)["pass"]["gone"]) > {"deliveries", "intents", "journal"}
    left = place.query("SELECT correlationid FROM journal")
    assert {word for (word,) in place.query("SELECT correlationid FROM reference_words")} == {
        word for (word,) in left
    }


def told(place: Landscape) -> Any:
    done = place.command("retention", "--env", "crash", "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
