"""The daemon dies at each boundary of its work; after a start nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.client import Sender, drop
from tests.crash.processes import Landscape, Settings, wait_until
from tests.crash.traffic import Webhook, make_day
from tests.crash.verdict import assert_nothing_lost_or_doubled

#: boundary -> at which time it is reached
BOUNDARIES = {
    "ingress.before_commit": 20,
    "ingress.after_commit": 20,
    "folder.after_commit": 1,
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


@pytest.mark.timeout(120)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_death_at_a_boundary(landscape: Callable[..., Landscape], boundary: str) -> None:
    day = make_day(11, messages=120, files=1)
    place = landscape(Settings(orders=day.orders))
    if boundary.startswith("scheduler"):
        stumble(place)
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


def stumble(place: Landscape) -> None:
    """Let the ledger refuse a while, so that something becomes due soon."""
    path = place.root / "routes" / "sandboxes" / "crash.yaml"
    before = "  - post: /ledger/journals\n"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, before + "    faults: [{kind: error, at: [1, 2, 3]}]\n"))
    quick(place)


def quick(place: Landscape) -> None:
    """Retry soon and often: a test has no time for minutes."""
    path = place.root / "routes" / "policies" / "patient.yaml"
    delays = ", ".join(["100ms", "300ms", "1s"] + ["2s"] * 9)
    path.write_text(
        "policy: failure\nname: patient\n"
        f"retry: {{after: [{delays}], jitter: 20%, within: 1h}}\nat_last: dead_letter\n"
    )


@pytest.mark.timeout(120)
def test_the_killer_is_buried_alone(landscape: Callable[..., Landscape]) -> None:
    """A message that kills its process: three ends, then it is a dead letter."""
    day = make_day(5, messages=40, files=0)
    killer = Webhook("app/uninstalled", "killer", b'{"id": 1}')
    place = landscape(Settings(orders=day.orders))
    place.start_sandbox()
    place.failpoint = "loop.decide.app/uninstalled"
    place.start_daemon()
    sender = Sender(place.port)
    sender.start([*day.webhooks[:20], killer, *day.webhooks[20:]])
    ends = 0
    while ends < 3:
        daemon = place.daemon
        assert daemon is not None
        wait_until(lambda d=daemon: d.poll() is not None, "it dies", seconds=SECONDS)  # type: ignore[misc]
        ends += 1
        place.start_daemon(wait=False)
    wait_until(lambda: sender.done, "everything is taken", seconds=SECONDS)
    place.wait_ready()
    status = place.wait_idle(SECONDS)
    assert [(one["reason"], one["consumer"]) for one in status["dead_letters"]] == [
        ("killer", "shopify:app/uninstalled")
    ]
    assert {one["text"] for one in place.journals()} == set(day.expected.postings)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_faults_and_kills_together(landscape: Callable[..., Landscape]) -> None:
    """2,000 messages to a ledger that is slow, refuses, breaks off and falls silent; six kills."""
    day = make_day(77, messages=2000, files=2)
    place = landscape(Settings(orders=day.orders, timeout="1s", workers=16))
    quick(place)
    path = place.root / "routes" / "sandboxes" / "crash.yaml"
    before = "  - post: /ledger/journals\n"
    faults = """    faults:
      - {kind: too_many, share: 4%, lasts: 1s}
      - {kind: error, share: 4%}
      - {kind: html, share: 3%}
      - {kind: half, share: 4%}
      - {kind: no_answer, share: 2%, lasts: 2s}
      - {kind: slow, share: 5%, lasts: 300ms}
"""
    path.write_text(path.read_text().replace(before, before + faults))
    place.start_sandbox()
    place.start_daemon()
    sender = Sender(place.port)
    sender.start(day.webhooks)
    for share in (0.1, 0.3, 0.5, 0.7, 0.85, 0.95):
        wanted = int(share * len(day.webhooks))
        wait_until(lambda n=wanted: sender.accepted >= n, "more is taken", seconds=SECONDS)  # type: ignore[misc]
        place.kill_daemon()
        place.start_daemon(wait=False)
    for name, body in day.files.items():
        drop(place.inbox, name, body)
    wait_until(lambda: sender.done, "everything is taken", seconds=SECONDS)
    place.wait_ready()
    status = place.wait_idle(300)
    figures = assert_nothing_lost_or_doubled(place, day, sender.messages, status)
    words = dict(place.query("SELECT word, count(*) FROM journal GROUP BY word"))
    assert words["retry"] > 20
    found = place.query("SELECT count(*) FROM journal WHERE detail LIKE '%look-up: there%'")[0][0]
    assert found > 0
    print(f"\n{figures}; {words}; found by look-up {found}")
