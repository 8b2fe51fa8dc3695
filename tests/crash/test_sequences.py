"""A command of two calls is killed at each boundary: each call is made once, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.client import Sender
from tests.crash.processes import Landscape, Settings, wait_until
from tests.crash.traffic import make_day

#: boundary -> at which time it is reached
BOUNDARIES = {
    "worker.before_intent": 11,
    "worker.after_intent": 12,
    "worker.after_call": 13,
    "worker.after_result": 14,
    "worker.between_calls": 7,
}
SECONDS = 100
RELEASE = """  post_journal: {accept: financial_posting@1, calls: [enter_journal, release_journal]}
  release_journal:
    accept: financial_posting@1
    request: {post: "/releases/{enter_journal}", headers: {x-reference: "{reference}"}}
    idempotency: {kind: lookup, settles_in: 2s}
    outcome:
      - {if: "=status == `201`", is: done, reference: =body.of}
      - {otherwise: unknown}
    lookup: {request: {get: "/releases/{enter_journal}"}, found: "=status == `200`"}
  enter_journal:
"""
ENDPOINTS = """  - post: /ledger/releases/{of}
    insert: {into: releases, document: "={of: path.of, reference: headers.\\"x-reference\\"}"}
    answer: {status: 201, body: {of: =path.of}}
  - get: /ledger/releases/{of}
    find: {in: releases, by: =path.of}
    answer: {body: {of: =found.of}}
    missing: {status: 404}
  - post: /ledger/journals
"""


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_death_between_two_calls(landscape: Callable[..., Landscape], boundary: str) -> None:
    day = make_day(21, messages=40, files=0, mix={"refund": 1})
    place = landscape(Settings(orders=day.orders))
    in_two_calls(place.root)
    place.start_sandbox()
    place.failpoint = f"{boundary}:{BOUNDARIES[boundary]}"
    place.start_daemon()
    sender = Sender(place.port)
    sender.start(day.webhooks)
    daemon = place.daemon
    assert daemon is not None
    wait_until(lambda: daemon.poll() is not None, f"it dies at {boundary}", seconds=SECONDS)
    place.failpoint = ""
    place.start_daemon()
    wait_until(lambda: sender.done, "everything is taken", seconds=SECONDS)
    place.wait_idle(SECONDS)
    journals = place.journals()
    assert Counter(one["text"] for one in journals) == Counter(list(day.expected.postings))
    released = place.documents("releases")
    numbers = place.query(
        "SELECT their_reference FROM intents WHERE operation = 'ledger.enter_journal'"
    )
    assert Counter(one["of"] for one in released) == Counter(row[0] for row in numbers)
    assert len(released) == len(journals)
    done = place.query(
        "SELECT consumer, message_id, count(*) FROM journal WHERE word = 'done'"
        " AND consumer LIKE 'ledger.%' GROUP BY consumer, message_id"
    )
    assert Counter(row[0] for row in done) == dict.fromkeys(
        ("ledger.post_journal", "ledger.enter_journal", "ledger.release_journal"), len(journals)
    )
    assert {row[2] for row in done} == {1}
    assert place.query("SELECT count(*) FROM intents WHERE state <> 'done'") == [(0,)]


def in_two_calls(root: Path) -> None:
    """Let the ledger want a release after each journal."""
    path = root / "routes" / "systems" / "ledger.yaml"
    text = path.read_text()
    assert "  post_journal:\n" in text
    path.write_text(text.replace("  post_journal:\n", RELEASE))
    path = root / "routes" / "sandboxes" / "crash.yaml"
    text = path.read_text().replace("  - post: /ledger/journals\n", ENDPOINTS)
    kept = "  journals: {key: =item.reference}\n"
    assert kept in text
    path.write_text(text.replace(kept, f"{kept}  releases: {{key: =item.of}}\n"))
