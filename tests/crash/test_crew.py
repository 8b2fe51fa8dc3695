"""Several processes share one store: each killed at random, they lose and double nothing."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.crash.crew import Crew
from tests.crash.killing import Plan
from tests.crash.processes import Settings
from tests.crash.test_ledger import ledger
from tests.crash.traffic import make_day
from tests.live.postgres import Postgres


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_routers_and_two_workers_killed_by_turns_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    with Postgres().running() as postgres:
        day = make_day(5, messages=1200, files=2)
        plan = Plan(random=Random(5), sending=6, retrying=2, working=4, early=2, patience=150)
        settings = Settings(orders=day.orders, workers=8, server=postgres.fresh())
        place = Crew.copied(tmp_path / "project", settings)
        try:
            said = ledger(place, day, plan)
        finally:
            place.close()
        print(f"\nledger of a crew: {said}, killed {dict(place.killed)}")
