"""The daemon dies at each boundary of its work; after a start nothing is lost or doubled."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.crash.client import Sender, drop
from tests.crash.conditions import misbehave, retry_soon
from tests.crash.processes import Landscape, Settings, wait_until
from tests.crash.traffic import Webhook, make_day
from tests.crash.verdict import assert_nothing_lost_or_doubled

#: boundary -> at which time it is reached
BOUNDARIES = {
    "ingress.before_commit": 20,
    "ingress.after_commit": 20,
    "folder.after_commit": 1,
    "folder.after_marker": 1,
    "archive.named": 1,
    "loop.before_record": 3,
    "loop.after_record": 3,
    "scheduler.before_commit": 1,
    "scheduler.after_commit": 1,
    "worker.before_intent": 10,
    "worker.after_intent": 10,
    "worker.after_call": 10,
    "worker.after_result": 10,
}
SECONDS = 100


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_death_at_a_boundary(landscape: Callable[..., Landscape], boundary: str) -> None:
    day = make_day(11, messages=120, files=1)
    place = landscape(Settings(orders=day.orders))
    if boundary.startswith("scheduler"):
        misbehave(place, ("{kind: error, at: [1, 2, 3]}",), "- post: /ledger")
        retry_soon(place)
    place.start_sandbox()
    place.failpoint = f"{boundary}:{BOUNDARIES[boundary]}"
    place.start_daemon()
    sender = Sender(place.port)
    sender.start(day.webhooks)
    for name, body in day.files.items():
        drop(place.inbox, name, body)
    daemon = place.daemon
    assert daemon is not None
    wait_until(lambda: daemon.poll() is not None, f"it dies at {boundary}", seconds=SECONDS)
    assert daemon.poll() == -9
    place.failpoint = ""
    place.start_daemon()
    wait_until(lambda: sender.done, "everything is taken", seconds=SECONDS)
    assert not sender.complaints
    status = place.wait_idle(SECONDS)
    assert_nothing_lost_or_doubled(place, day, sender.messages, status)


def test_the_killer_is_buried_alone(landscape: Callable[..., Landscape]) -> None:
    """A message that kills its process: six ends, then it is a dead letter, and a copy of it none.

    Who sends it has no answer when the process ends, and sends it again.
    """
    day = make_day(5, messages=40, files=0)
    body = b'{"id": 1, "status": "CLOSED", "order": {"id": 1}}'
    killer = Webhook("returns/close", "killer", body)
    place = landscape(Settings(orders=day.orders))
    place.start_sandbox()
    place.failpoint = "loop.decide.returns/close"
    place.start_daemon()
    sender = Sender(place.port)
    sender.start([*day.webhooks[:20], killer, killer, *day.webhooks[20:]])
    ends = 0
    while ends < 6:
        daemon = place.daemon
        assert daemon is not None
        wait_until(lambda d=daemon: d.poll() is not None, "it dies", seconds=SECONDS)  # type: ignore[misc]
        assert daemon.returncode == -signal.SIGKILL, place.log()
        ends += 1
        place.start_daemon(wait=False)
    wait_until(lambda: sender.done, "everything is taken", seconds=SECONDS)
    place.wait_ready()
    status = place.wait_idle(SECONDS)
    assert [(one["reason"], one["consumer"]) for one in status["dead_letters"]] == [
        ("killer", "shopify:returns/close")
    ]
    copies = place.query("SELECT count(*) FROM journal WHERE word = ?", "duplicate")
    assert copies[0][0] >= 1, copies
    assert {one["text"] for one in place.journals()} == set(day.expected.postings)
