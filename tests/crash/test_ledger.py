"""The ledger: the daemon is killed again and again, every far side misbehaves, and it adds up.

`CROSSDOCK_LEDGER_SEEDS=20 pytest -m soak tests/crash/test_ledger.py` plays twenty long days.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.crash.conditions import in_order, misbehave, retry_soon
from tests.crash.killing import Plan, Played, play
from tests.crash.processes import Landscape, Settings
from tests.crash.traffic import Day, disturbed, make_day
from tests.crash.verdict import assert_in_order, assert_nothing_lost_or_doubled
from tests.live.postgres import Postgres

SEEDS = range(int(os.environ.get("CROSSDOCK_LEDGER_SEEDS", "1")))
#: shares of the deliveries that senders send twice, and out of their order
TWICE, LATE = 0.03, 0.03


def ledger(place: Landscape, day: Day, plan: Plan) -> dict[str, Any]:
    """Play a day with faults and kills, compare every far side; return what is in the summary."""
    retry_soon(place)
    misbehave(place)
    in_order(place)
    day.webhooks = disturbed(plan.random, day.webhooks, TWICE, LATE)
    played = play(place, day, plan)
    figures = assert_nothing_lost_or_doubled(place, day, played.sender.messages, played.status)
    figures["in order"] = assert_in_order(place, played.sender.confirmed)
    return {**figures, **told(place, plan, played)}


def told(place: Landscape, plan: Plan, played: Played) -> dict[str, Any]:
    """Return the figures of a run: what was killed, called, repeated, looked up."""
    calls, repeated = place.query(
        "SELECT sum(sends), sum(CASE WHEN sends > 1 THEN 1 ELSE 0 END) FROM intents"
    )[0]
    found = "SELECT count(*) FROM journal WHERE word = 'done' AND detail LIKE '%look-up: there%'"
    return {
        "kills": dict(plan.kills),
        "resends": played.sender.resends,
        "calls": calls,
        "repeated": repeated,
        "found": place.query(found)[0][0],
        "retries": retries(place),
        "taken_s": round(played.taken, 1),
        "left": played.left,
        "idle_s": round(played.idle, 1),
    }


def retries(place: Landscape) -> dict[str, int]:
    """Return how often something was tried again, by what had come of it."""
    counted: Counter[str] = Counter()
    for (text,) in place.query("SELECT detail FROM journal WHERE word = 'retry'"):
        detail = json.loads(text)["detail"]
        asked = "look-up " if "look-up" in detail else ""
        counted[asked + detail.rpartition(" ")[2]] += 1
    return dict(sorted(counted.items()))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("messages", [700, pytest.param(5000, marks=pytest.mark.soak)])
def test_ten_kills_lose_and_double_nothing(
    landscape: Callable[..., Landscape],
    record_property: Callable[[str, object], None],
    messages: int,
) -> None:
    """Far sides that behave; ten kills while sending, working off, starting."""
    day = make_day(20260302, messages=messages, files=6)
    plan = Plan(random=Random(7), sending=4, working=3, early=3, patience=300)
    place = landscape(Settings(orders=day.orders))
    played = play(place, day, plan)
    figures = assert_nothing_lost_or_doubled(place, day, played.sender.messages, played.status)
    print(f"\n{figures} {told(place, plan, played)}")
    record_property("kills", dict(plan.kills))
    assert plan.kills.total() >= 10


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("messages", [1200, pytest.param(3000, marks=pytest.mark.soak)])
def test_the_ledger_adds_up(landscape: Callable[..., Landscape], messages: int) -> None:
    """Faults at every endpoint, eight kills."""
    day = make_day(1, messages=messages, files=3)
    plan = Plan(random=Random(1), sending=2, retrying=2, working=2, early=2, patience=300)
    place = landscape(Settings(orders=day.orders, workers=16))
    said = ledger(place, day, plan)
    print(f"\nledger: {said}")
    assert plan.kills.total() >= 8
    assert said["found"] > 0
    assert {"429", "500", "503", "time", "RemoteProtocolError"} <= set(said["retries"])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("messages", [500, pytest.param(1200, marks=pytest.mark.soak)])
def test_the_ledger_adds_up_on_a_server(landscape: Callable[..., Landscape], messages: int) -> None:
    """Faults at every endpoint; the daemon and the server are killed by turns."""
    with Postgres().running() as postgres:
        day = make_day(3, messages=messages, files=2)

        def upset() -> None:
            postgres.kill()
            postgres.start()

        plan = Plan(
            random=Random(3), sending=4, retrying=1, working=3, early=0, patience=300, upset=upset
        )
        place = landscape(Settings(orders=day.orders, workers=16, server=postgres.fresh()))
        said = ledger(place, day, plan)
        print(f"\nledger on a server: {said}")
    assert plan.kills["upset"] >= 3
    assert plan.kills.total() - plan.kills["upset"] >= 2


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_ledger_of_a_long_day_adds_up(landscape: Callable[..., Landscape], seed: int) -> None:
    """20,000 messages, faults at every endpoint, fifty kills."""
    day = make_day(seed, messages=20_000, files=20)
    plan = Plan(random=Random(seed), sending=15, retrying=12, working=8, early=15, patience=900)
    place = landscape(Settings(orders=day.orders, workers=16))
    said = ledger(place, day, plan)
    print(f"\nledger, seed {seed}: {said}")
    assert plan.kills.total() >= 50
