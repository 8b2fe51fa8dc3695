"""Several processes share one store: each killed at random, they lose and double nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.crash.client import Sender
from tests.crash.crew import Crew
from tests.crash.killing import Plan
from tests.crash.processes import Settings, wait_until
from tests.crash.test_ledger import ledger
from tests.crash.traffic import make_day
from tests.crash.verdict import assert_far_sides, assert_one_final_state
from tests.live.postgres import Postgres

#: seconds in which a process that is asked to has to end
GRACE = 60


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A private server."""
    with Postgres().running() as server:
        yield server


def played(root: Path, postgres: Postgres, seed: int, messages: int, plan: Plan) -> Crew:
    """Play a day with faults while members are killed; everything adds up afterwards."""
    day = make_day(seed, messages=messages, files=2)
    settings = Settings(orders=day.orders, workers=8, server=postgres.fresh())
    place = Crew.copied(root, settings)
    place.random = Random(seed)
    try:
        said = ledger(place, day, plan)
    finally:
        place.close()
    print(f"\nledger of a crew: {said}, killed {dict(place.killed)}")
    return place


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_members_killed_by_turns_lose_and_double_nothing(
    tmp_path: Path, postgres: Postgres
) -> None:
    """600 messages, faults at every endpoint; two routers, two workers, each killed at random."""
    plan = Plan(random=Random(5), sending=4, retrying=1, working=3, early=1, patience=200)
    place = played(tmp_path / "project", postgres, 5, 600, plan)
    assert plan.kills.total() >= 9
    assert len(place.killed) >= 3


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_members_killed_for_ten_minutes_lose_and_double_nothing(
    tmp_path: Path, postgres: Postgres, seed: int
) -> None:
    """5,000 messages, faults at every endpoint, sixty kills."""
    plan = Plan(random=Random(seed), sending=25, retrying=10, working=15, early=10, patience=900)
    place = played(tmp_path / "project", postgres, seed, 5000, plan)
    assert plan.kills.total() >= 60
    assert len(place.killed) == 6


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_operators_ask_holds_in_every_process(tmp_path: Path, postgres: Postgres) -> None:
    day = make_day(6, messages=120, files=0, mix={"return": 1, "refund": 2})
    place = Crew.copied(tmp_path / "project", Settings(orders=day.orders, server=postgres.fresh()))
    try:
        place.start_sandbox()
        place.start_daemon()
        wait_until(lambda: len(workers(place)) == 2, "the one that came later has its share")
        led = place.wait_led()
        names = {unit: name for unit, (name, _) in led.items()}
        assert names["loop"] not in {names["due"], names["sys.shop"], names["in.poslog"]}
        assert len(workers(place)) == 2
        sender = Sender(place.port)
        sender.send(day.webhooks[:40])
        place.wait_idle(120)
        for verb in ("pause", "drain"):
            done = place.command(verb, "system:ledger", "--reason", "a test", "--env", "crash")
            assert done.returncode == 0, done.stdout + done.stderr
            before = len(place.journals())
            sender.send(day.webhooks[40:80] if verb == "pause" else day.webhooks[80:])
            wait_until(
                lambda: (
                    place.query(
                        "SELECT count(*) FROM queue WHERE lane = 'loop' OR lane = 'sys.shop'"
                    )
                    == [(0,)]
                ),
                "only the ledger's commands wait",
            )
            assert len(place.journals()) == before, verb
            assert place.query("SELECT count(*) FROM queue WHERE lane = 'sys.ledger'")[0][0] > 0
            done = place.command("resume", "system:ledger", "--env", "crash")
            assert done.returncode == 0, done.stdout + done.stderr
            place.wait_idle(120)
        assert_far_sides(place, day)
        assert_one_final_state(place, sender.messages)
        assert set(place.end_members(GRACE).values()) == {0}
        assert place.query("SELECT value FROM marks WHERE name LIKE 'state:%'") == [
            ("stopped",)
        ] * len({unit for unit in led if unit.partition(".")[0] in ("loop", "turns", "sys", "in")})
    finally:
        place.close()


def workers(place: Crew) -> set[str]:
    """Return the processes that lead a system."""
    return {led[0] for unit, led in place.wait_led().items() if unit.startswith("sys.")}
