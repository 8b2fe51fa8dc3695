"""An event that several instances fit is told to a person at once, and given to one by a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.core.instants import time_text
from router.infra.store.letters import LetterQuery
from router.infra.store.overview import ExceptionQuery
from router.runtime.gauges import families
from router.runtime.journey import journey_lines, journeys
from router.runtime.outlook import outlook_of
from router.runtime.replaying import replayed
from router.runtime.turning import Turning
from router.runtime.workload import workload_lines, workload_of
from tests.unit.runtime.visits import VISITS, Visits

DAY = 24 * 3600.0
HOUR = 3600.0
NAME = "workflow:visit"


@pytest.fixture
def land(tmp_path: Path, noon: Any) -> Iterator[Visits]:
    made = Visits(tmp_path, noon, VISITS)
    yield made
    made.parts.close()


def ambiguous(land: Visits) -> str:
    """Let v1 and v2 go by one name, and an event come by it; return its message."""
    land.come("asked", id="v1", amount="n1")
    land.come("asked", id="v2", amount="n1")
    land.come("heard", about="n1")
    land.run()
    (found,) = parked(land)
    return str(found["message_id"])


def parked(land: Visits) -> list[dict[str, Any]]:
    with land.store.read() as reader:
        return reader.overview.parked("visit", 10)


def exceptions(land: Visits, **query: Any) -> list[dict[str, Any]]:
    with land.store.read() as reader:
        return reader.overview.exceptions(ExceptionQuery(**query))


def heard(land: Visits) -> list[str]:
    """Return which instances had the event, by how far they are."""
    return [key for key in ("v1", "v2") if land.status(key, "book") == "held"]


def test_it_is_seen_at_once(land: Visits) -> None:
    message, now = ambiguous(land), time_text(land.clock.now())
    assert heard(land) == []
    (waits,) = parked(land)
    assert (waits["event"], waits["candidates"]) == ("visit.heard", ["v1", "v2"])
    (found,) = exceptions(land)
    assert {name: found[name] for name in ("workflow", "message_id", "event", "candidates")} == {
        "workflow": "visit",
        "message_id": message,
        "event": "visit.heard",
        "candidates": ["v1", "v2"],
    }
    told = {name: found[name] for name in ("code", "category", "severity", "owner")}
    assert told == {
        "code": "ambiguous",
        "category": "permanent",
        "severity": "high",
        "owner": "us",
    }
    assert (found["opened_at"], found["due_at"]) == (now, "2025-03-14T16:00:00.000000Z")
    assert found["closed_at"] is None
    with land.store.read() as reader:
        (line,) = workload_lines(workload_of(reader))
    assert "exceptions: 1 permanent; 1 parked; 1 ambiguous;" in line
    series = {one.name: one.series for one in families(land.store, "r", land.clock.now())}
    assert series["router_workflow_ambiguous_events"] == {("visit",): 1}
    assert series["router_workflow_exceptions"] == {("visit", "permanent"): 1}


def test_the_journal_and_both_instances_tell_of_it(land: Visits) -> None:
    message = ambiguous(land)
    assert land.counted()[NAME, "parked", "ambiguous"] == 1
    with land.store.read() as reader:
        (found,) = journeys(reader, message)
        entry = next(one for one in found["entries"] if one["word"] == "parked")
        lines = journey_lines(found)
    assert entry["detail"]["reason"] == "ambiguous"
    assert entry["detail"]["candidates"] == ["v1", "v2"]
    text = "parked: visit.heard is ambiguous, nick n1 is one of v1, v2, waits until "
    assert any(text in line for line in lines)
    land.come("asked", id="v3", amount="n3")
    land.run()
    for key, may_be in (("v1", [message]), ("v2", [message]), ("v3", [])):
        kept = land.instance(key)
        with land.store.read() as reader:
            told = outlook_of(reader, kept, land.project.workflows["visit"])
        assert [one["message_id"] for one in told["unclear"]] == may_be


def unpark(land: Visits, message: str, **more: Any) -> dict[str, Any]:
    return land.ask("unpark", message=message, reason="I asked", **more)


def test_a_person_gives_it_to_one(land: Visits) -> None:
    message = ambiguous(land)
    unpark(land, message, instance=land.instance("v2").id, discard=False)
    land.wait(60)
    land.run()
    assert heard(land) == ["v2"]
    assert exceptions(land) == []
    (over,) = exceptions(land, closed=True)
    assert over["closed_at"] == time_text(land.clock.now())
    assert parked(land) == []
    assert land.letters() == []
    kept = land.instance("v2")
    with land.store.read() as reader:
        assert reader.overview.ambiguous_by_workflow() == {}
        by = {one.mark: one for one in land.project.workflows.values()}
        assert replayed(kept, reader.instances.turns(kept.id), by.get) is None


def test_a_person_gives_it_up(land: Visits) -> None:
    message = ambiguous(land)
    unpark(land, message, instance="", discard=True)
    assert exceptions(land) == []
    assert len(exceptions(land, closed=True)) == 1
    assert parked(land) == []
    land.wait(2 * DAY)
    land.run()
    assert heard(land) == []
    assert land.letters() == []


def test_looked_at_again_it_is_as_ambiguous_and_due_when_it_was(land: Visits) -> None:
    message = ambiguous(land)
    (before,) = exceptions(land)
    land.wait(HOUR)
    unpark(land, message, instance="", discard=False)
    land.run()
    (after,) = exceptions(land)
    assert after == before
    assert [one["message_id"] for one in parked(land)] == [message]
    assert land.counted()[NAME, "parked", "ambiguous"] == 2


def test_who_comes_to_be_known_by_the_name_is_one_of_them(land: Visits) -> None:
    ambiguous(land)
    land.come("asked", id="v3", amount="n1")
    land.run()
    (found,) = exceptions(land)
    assert found["candidates"] == ["v1", "v2", "v3"]
    assert [one["candidates"] for one in parked(land)] == [["v1", "v2", "v3"]]


def test_unanswered_it_becomes_a_letter_that_says_so(land: Visits) -> None:
    message = ambiguous(land)
    land.wait(DAY)
    land.run()
    why = "v1, v2 go by nick n1: nobody said which since 2025-03-14T12:00:00.000000Z"
    assert land.letters() == [("ambiguous", why)]
    assert exceptions(land) == []
    assert parked(land) == []
    land.ask("retry", message=message, reason="now I know")
    land.run()
    assert land.letters() == []
    (found,) = exceptions(land)  # it is asked anew, with the time of its own
    assert found["opened_at"] == time_text(land.clock.now())
    unpark(land, message, instance=land.instance("v1").id, discard=False)
    land.run()
    assert heard(land) == ["v1"]
    assert exceptions(land) == []


def test_when_the_others_have_ended_it_is_about_the_one_that_is_open(land: Visits) -> None:
    message = ambiguous(land)
    order = {"verb": "skip", "step": "hear", "item": "", "value": {}}
    for step in ("hear", "book"):
        said = {**order, "step": step}
        asked = {"order": said, "money": False, "reason": "she came"}
        land.ask("order", instance=land.instance("v1").id, **asked)
    land.run()
    assert land.instance("v1").state["final"]
    unpark(land, message, instance="", discard=False)
    land.run()
    assert heard(land) == ["v2"]
    assert exceptions(land) == []


def test_within_a_batch_it_may_come_before_both(land: Visits) -> None:
    land.come("heard", about="n1")
    land.come("asked", id="v1", amount="n1")
    land.come("asked", id="v2", amount="n1")
    for _ in range(3):
        land.parts.loop.step()
    assert land.parts.turner.step() == 3
    assert [one["candidates"] for one in parked(land)] == [["v1", "v2"]]
    assert len(exceptions(land)) == 1


def test_the_same_row_twice_asks_once(land: Visits) -> None:
    message = ambiguous(land)
    with land.store.read() as reader:
        row = reader.overview.parked_row(message)
    assert row is not None
    plain = {name: row.extra[name] for name in ("came", "event")}  # type: ignore[index]
    again = type(row)(lane="turns", consumer=row.consumer, message=row.message, extra=plain)
    land.wait(HOUR)
    land.store.write(lambda transaction: transaction.enqueue([again]))
    land.run()
    assert len(exceptions(land)) == 1
    unpark(land, message, instance=land.instance("v1").id, discard=False)
    land.run()
    assert exceptions(land) == []


def test_one_that_cannot_be_turned_leaves_nothing_open(
    land: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = ambiguous(land)

    def broken(*_: Any) -> Any:
        raise RuntimeError("no")

    monkeypatch.setattr(Turning, "take", broken)
    unpark(land, message, instance=land.instance("v1").id, discard=False)
    land.run()
    assert [reason for reason, _ in land.letters()] == ["poison"]
    assert exceptions(land) == []
    with land.store.read() as reader:
        assert reader.overview.parked_by_workflow() == {}
        assert reader.overview.ambiguous_by_workflow() == {}


def test_what_is_over_long_since_is_forgotten(land: Visits) -> None:
    message = ambiguous(land)
    unpark(land, message, instance="", discard=True)
    land.wait(9 * DAY)
    land.run()
    assert len(exceptions(land, closed=True)) >= 1
    land.wait(2 * DAY)
    land.run()
    assert [one for one in exceptions(land, closed=True) if one["key"] is None] == []


def test_a_pause_lets_it_wait_as_it_is(land: Visits) -> None:
    message = ambiguous(land)
    land.ask("pause", name=NAME, reason="x")
    unpark(land, message, instance=land.instance("v1").id, discard=False)
    land.run()
    assert heard(land) == []
    assert len(exceptions(land)) == 1  # it is given with its turn
    land.ask("resume", name=NAME)
    land.run()
    assert heard(land) == ["v1"]
    assert exceptions(land) == []


def test_a_workflow_that_drains_asks_all_the_same(land: Visits) -> None:
    message = ambiguous(land)
    land.ask("drain", name=NAME)
    land.wait(DAY)
    land.run()
    with land.store.read() as reader:
        (letter,) = reader.letters.find(LetterQuery())
    assert (letter["message_id"], letter["reason"]) == (message, "ambiguous")


DISCARDING = {
    **VISITS,
    "routes/workflows/visit.yaml": VISITS["routes/workflows/visit.yaml"].replace(
        "orphan: {park: 1d, then: exception}", "orphan: {park: 1d, then: discard}"
    ),
}


def test_where_orphans_are_discarded_it_is_so_as_ambiguous(tmp_path: Path, noon: Any) -> None:
    land = Visits(tmp_path, noon, DISCARDING)
    ambiguous(land)
    land.wait(DAY)
    land.run()
    assert land.letters() == []
    assert land.counted()[NAME, "discarded", "ambiguous"] == 1
    assert exceptions(land) == []
    land.parts.close()
