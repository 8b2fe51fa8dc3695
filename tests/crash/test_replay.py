"""The daemon dies while a replay runs; its counts add up, and every effect is there once."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.crash.client import Sender
from tests.crash.processes import Landscape, Settings, pause, wait_until
from tests.crash.traffic import Day, make_day
from tests.crash.verdict import doubles

#: boundary -> at which time it is reached
BOUNDARIES = {
    "job.before_commit": 3,
    "job.after_commit": 3,
    "loop.after_record": 4,
    "replay.before_compared": 20,
    "replay.after_compared": 20,
    "worker.after_intent": 10,
    "worker.after_call": 10,
}
#: one of each kind: the job, a message, a comparison, a call; the others when there is time
KINDS = ("job.before_commit", "loop.after_record", "replay.after_compared", "worker.after_call")
SECONDS = 150
FLOW = """
flow: refunds_to_bi
owner: tests
from: {object: refund_event@1}
steps: [{send: {operation: bi.write_refund}}]
on_failure: patient
"""
OPERATION = """
  write_refund:
    accept: refund_event@1
    request: {write: "refunds/{reference}.json", format: json_line}
    idempotency: {kind: lookup, settles_in: 0s}
    outcome:
      - {if: "=status == `201` || status == `200`", is: done, reference: =body.name}
      - {otherwise: unknown}
    lookup: {request: {exists: "refunds/{reference}.json"}, found: "=status == `200`"}
"""


def changed(place: Landscape) -> None:
    """Add a flow with its operation, and let postings say something else."""
    routes = place.root / "routes"
    (routes / "flows" / "refunds_to_bi.yaml").write_text(FLOW.lstrip())
    system = routes / "systems" / "bi.yaml"
    system.write_text(system.read_text().replace("operations:", "operations:" + OPERATION, 1))
    journal = place.root / "transforms" / "ledger" / "journal.yaml"
    before = "text: =payload.external_document_id"
    assert before in journal.read_text()
    journal.write_text(journal.read_text().replace(before, "text: =payload.document_type"))


def played(place: Landscape, day: Day) -> None:
    """Take a day in and work it off, then change the project."""
    place.start_sandbox()
    place.start_daemon()
    Sender(place.port).send(day.webhooks)
    place.wait_idle(SECONDS)
    place.kill_daemon()
    changed(place)


def told(place: Landscape, *words: str) -> Any:
    done = place.command("replay", *words, "--env", "crash", "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def begin(place: Landscape, rate: int) -> int:
    words = ("--channel", "shopify", "--resend", "--rate", str(rate), "--reason", "tests")
    number: int = told(place, "plan", *words)["job"]
    done = place.command("replay", "start", str(number), "--env", "crash")
    assert done.returncode == 0, done.stderr
    return number


def totals(place: Landscape, number: int) -> dict[str, int]:
    """Return a job's counts, which add up at any moment."""
    found: dict[str, int] = told(place, "show", str(number))["job"]["totals"]
    assert sum(n for name, n in found.items() if name != "all") == found["all"]
    return found


def finish(place: Landscape, number: int, day: Day) -> None:
    """Wait for the end of a job, and count what is there."""
    state = "SELECT state FROM jobs WHERE id = ?"
    wait_until(lambda: place.query(state, number) == [("done",)], "the job ends", seconds=SECONDS)
    status = place.wait_idle(SECONDS)
    assert status["waiting"].get("dead", 0) == 0, status["dead_letters"]
    found = totals(place, number)
    assert found["succeeded"] == found["all"] > 0
    postings, journals = len(day.expected.postings), place.journals()
    assert doubles(one["reference"] for one in journals) == {}
    assert len(journals) == 2 * postings  # as it was, and as it is now
    refunds = place.bi_rows("refunds")
    assert (
        len(refunds)
        == place.query("SELECT count(*) FROM intents WHERE operation = 'bi.write_refund'")[0][0]
    )
    assert doubles(json.dumps(one, sort_keys=True) for one in refunds) == {}
    assert len(refunds) >= postings
    returns, sales = place.bi_rows("returns"), place.bi_rows("sales")
    assert len(returns) == len(day.expected.returns)
    assert len(sales) == len(day.expected.sales)
    assert place.query("SELECT count(*) FROM intents WHERE state <> 'done'") == [(0,)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "boundary",
    [pytest.param(one, marks=() if one in KINDS else pytest.mark.soak) for one in BOUNDARIES],
)
def test_a_death_at_a_boundary_of_a_replay(
    landscape: Callable[..., Landscape], boundary: str
) -> None:
    day = make_day(12, messages=100, files=0)
    place = landscape(Settings(orders=day.orders))
    played(place, day)
    place.failpoint = f"{boundary}:{BOUNDARIES[boundary]}"
    place.start_daemon()
    number = begin(place, rate=100)
    daemon = place.daemon
    assert daemon is not None
    wait_until(lambda: daemon.poll() is not None, f"it dies at {boundary}", seconds=SECONDS)
    assert daemon.poll() == -9
    totals(place, number)
    place.failpoint = ""
    place.start_daemon()
    finish(place, number, day)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [3, pytest.param(8, marks=pytest.mark.soak)])
def test_a_replay_killed_again_and_again(landscape: Callable[..., Landscape], kills: int) -> None:
    day = make_day(13, messages=40 * kills, files=0)
    place = landscape(Settings(orders=day.orders))
    played(place, day)
    place.start_daemon()
    number = begin(place, rate=40)
    random = Random(3)
    for _ in range(kills):
        pause(random.uniform(0.1, 0.9))
        place.kill_daemon()
        left = totals(place, number)
        place.start_daemon()
    assert left["succeeded"] < left["all"], "it was killed before its end"
    finish(place, number, day)
