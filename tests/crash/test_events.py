"""A far side that sends its events twice and out of order, to a daemon that is killed meanwhile."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.crash.processes import Landscape, Settings, pause, wait_until
from tests.crash.traffic import make_day
from tests.crash.verdict import assert_far_sides

EVENTS = """  - post: /shop/refunds
    insert: {into: told, document: =body}
    emit:
      - to: router
        headers:
          x-shopify-topic: refunds/create
          x-shopify-event-id: =text(number)
          x-shopify-shop-domain: outdoor-eu.example.com
        body: =body
        faults: [{kind: twice, share: 20%}, {kind: late, share: 20%, lasts: 700ms}]
    answer: {status: 201}
"""


def emitting(place: Landscape) -> None:
    """Let the shop of the sandbox send a webhook for each refund that it is given."""
    path = place.root / "routes" / "sandboxes" / "crash.yaml"
    text = path.read_text()
    receiver = (
        f'receivers:\n  router: {{url: "http://127.0.0.1:{place.port}/in/shopify",'
        " sign: {preset: shopify, secrets: [env:SHOPIFY_SECRET]}}\n"
    )
    text = text.replace("endpoints:\n", f"{receiver}endpoints:\n{EVENTS}")
    path.write_text(text.replace("collections:\n", "collections:\n  told: {key: =item.id}\n"))


def ask(place: Landscape, path: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{place.sandbox_port}{path}",
        body,
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def test_events_twice_and_late_have_one_effect_each(landscape: Callable[..., Landscape]) -> None:
    day = make_day(17, messages=120, files=0, mix={"refund": 1})
    place = landscape(Settings(orders=day.orders))
    emitting(place)
    place.start_sandbox()
    place.start_daemon()
    for number, hook in enumerate(day.webhooks):
        ask(place, "/shop/refunds", hook.body)
        if number in (40, 80):
            place.kill_daemon()
            pause(0.3)  # some come while nobody is there
            place.start_daemon(wait=False)
    wait_until(lambda: ask(place, "/_sandbox-events")["waiting"] == 0, "all are taken", seconds=60)
    place.wait_idle(60)
    assert_far_sides(place, day)
    events = ask(place, "/_sandbox-events")
    assert events["taken"] == events["sent"] > 120
    assert events["tries"] > events["sent"]
    words = Counter(
        {row["word"]: row["n"] for row in place.status()["counters"]
         if row["consumer"] == "shopify:refunds/create"}
    )  # fmt: skip
    assert words["duplicate"] >= events["sent"] - 120
    ids = [one["id"] for one in ask(place, "/_sandbox/told")]
    came = [
        json.loads(body)["id"]
        for (body,) in place.query("SELECT body FROM deliveries ORDER BY rowid")
    ]
    assert set(came) == set(ids)
    assert list(dict.fromkeys(came)) != ids  # some came late
