"""A day of files that is not complete is told once, and settled when what it lacks has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router.core.errors import MessageError
from router.engine.days import Debt, ends, missing, paid
from tests.unit.runtime.desk import Desk

DAY = """file:
        pattern: "*.json"
        format: json
        stable: 0s
        control:
          day: {files: {"a*.json": 1, "b*.json": 2}, by: "06:00", zone: Europe/Berlin WEEKDAYS}"""
#: 06:00 in Berlin on a Monday in winter
MONDAY = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def one(weekdays: str = "") -> Desk:
        text = DAY.replace(" WEEKDAYS", weekdays)
        made.append(Desk(tmp_path, MONDAY - timedelta(hours=12), text))
        made[-1].look()
        return made[-1]

    yield one
    for desk in made:
        desk.land.parts.close()


def at(desk: Desk, moment: datetime, *names: str) -> None:
    """Let it be a time, and files come."""
    desk.land.clock.move_to(moment)
    for name in names:
        text = f'[{{"id": "{name}{moment:%m%d%H%M}", "amount": "1"}}]'
        desk.drop(name, text)
    desk.look()


def told(desk: Desk) -> list[str]:
    return sorted(letter["detail"] for letter in desk.letters())


def test_a_complete_day_says_nothing(make: Callable[..., Desk]) -> None:
    desk = make()
    at(desk, MONDAY - timedelta(hours=1), "a.json", "b1.json", "b2.json")
    at(desk, MONDAY)
    at(desk, MONDAY + timedelta(hours=1))
    assert desk.letters() == []


def test_what_is_missing_is_told_once(make: Callable[..., Desk]) -> None:
    desk = make()
    at(desk, MONDAY - timedelta(hours=1), "b1.json")
    at(desk, MONDAY - timedelta(seconds=1))
    assert told(desk) == []
    for minutes in range(3):
        at(desk, MONDAY + timedelta(minutes=minutes))
    assert told(desk) == ["2026-03-02 by 06:00 Europe/Berlin: a*.json: 0 of 1, b*.json: 1 of 2"]
    (letter,) = desk.letters()
    assert (letter["reason"], letter["step"]) == ("day_incomplete", "day")
    assert desk.counted()["desk:?", "dead_lettered"] == 1
    assert "day_incomplete in day" in desk.told(letter["message_id"])


def test_a_name_counts_once_and_a_resend_does_not(make: Callable[..., Desk]) -> None:
    desk = make()
    at(desk, MONDAY - timedelta(hours=30), "b1.json")
    at(desk, MONDAY - timedelta(hours=1), "a.json", "b1.json", "b1.json")
    at(desk, MONDAY)
    assert told(desk) == ["2026-03-02 by 06:00 Europe/Berlin: b*.json: 1 of 2"]


def test_yesterdays_file_sent_again_is_not_todays(make: Callable[..., Desk]) -> None:
    desk = make()
    at(desk, MONDAY - timedelta(hours=1), "a.json", "b1.json", "b2.json")
    at(desk, MONDAY)
    for name in ("a.json", "b1.json", "b2.json"):
        text = f'[{{"id": "{name}{MONDAY - timedelta(hours=1):%m%d%H%M}", "amount": "1"}}]'
        desk.drop(name, text)
    at(desk, MONDAY + timedelta(days=1))
    assert told(desk) == ["2026-03-03 by 06:00 Europe/Berlin: a*.json: 0 of 1, b*.json: 0 of 2"]


def test_a_late_file_settles_its_day_and_counts_for_no_other(make: Callable[..., Desk]) -> None:
    desk = make()
    at(desk, MONDAY - timedelta(hours=1), "a.json", "b1.json")
    at(desk, MONDAY)
    assert len(told(desk)) == 1
    at(desk, MONDAY + timedelta(hours=1), "b2.json")
    assert told(desk) == []
    assert desk.counted()["desk:?", "resolved"] == 1
    at(desk, MONDAY + timedelta(hours=23), "a.json", "b1.json")
    at(desk, MONDAY + timedelta(days=1))
    assert told(desk) == ["2026-03-03 by 06:00 Europe/Berlin: b*.json: 1 of 2"]


def test_a_day_that_a_person_has_settled_is_waited_for_no_more(make: Callable[..., Desk]) -> None:
    desk = make()
    at(desk, MONDAY)
    (letter,) = desk.letters()
    with pytest.raises(MessageError, match="a day is no message"):
        desk.ask("retry", message=letter["message_id"], reason="why not")
    desk.ask("resolve", message=letter["message_id"], reason="a holiday")
    at(desk, MONDAY + timedelta(hours=20), "a.json", "b1.json", "b2.json")
    at(desk, MONDAY + timedelta(days=1))
    assert told(desk) == []


def test_days_that_passed_while_nobody_looked_are_told(make: Callable[..., Desk]) -> None:
    desk = make()
    at(desk, MONDAY - timedelta(hours=1), "a.json", "b1.json", "b2.json")
    at(desk, MONDAY + timedelta(days=2, hours=1))
    assert [one[:10] for one in told(desk)] == ["2026-03-03", "2026-03-04"]


def test_some_days_are_no_days(make: Callable[..., Desk]) -> None:
    desk = make(", weekdays: [tue]")
    at(desk, MONDAY + timedelta(days=7))
    assert [one[:10] for one in told(desk)] == ["2026-03-03"]


def test_the_first_look_tells_nothing_and_a_missing_folder_is_no_excuse(
    make: Callable[..., Desk],
) -> None:
    desk = make()
    assert told(desk) == []
    desk.inbox.rmdir()
    at(desk, MONDAY)
    assert len(told(desk)) == 1


def test_no_replay_takes_a_day_for_a_record(make: Callable[..., Desk]) -> None:
    desk = make()
    at(desk, MONDAY)
    query = {"since": "2000"}
    options = {"original": False, "resend": False, "edit": ""}
    job = desk.ask("replay", query=query, rate=100, reason="r", options=options)
    assert job["totals"]["all"] == 0


@pytest.mark.parametrize(
    ("zone", "by", "date", "utc"),
    [
        ("Europe/Berlin", "02:30", "2026-03-29", "01:30"),  # the clocks skip it
        ("Europe/Berlin", "02:30", "2026-10-25", "00:30"),  # they show it twice
        ("America/New_York", "23:59", "2026-07-01", "03:59"),
        ("UTC", "00:00", "2026-12-31", "00:00"),
    ],
)
def test_the_end_of_a_day_is_by_the_clocks_of_its_zone(
    make: Callable[..., Desk], zone: str, by: str, date: str, utc: str
) -> None:
    desk = make()
    day = desk.land.project.channels["desk"].control.day  # type: ignore[union-attr]
    assert day is not None
    hour, minute = map(int, by.split(":"))
    changed: Any = type(day)(
        files=day.files,
        by=day.by.replace(hour=hour, minute=minute),
        zone=zone,
        weekdays=day.weekdays,
    )
    noon = datetime.fromisoformat(f"{date}T12:00:00+00:00")
    found = dict(ends(changed, noon - timedelta(days=1), noon + timedelta(days=1)))
    assert {str(on): f"{end:%H:%M}" for on, end in found.items()}[date] == utc


def test_the_oldest_day_is_paid_first() -> None:
    debts = [Debt(letter="1", owed={"*.a": 1, "*.b": 2}), Debt(letter="2", owed={"*.a": 1})]
    left, spent = paid(debts, {"x.a", "y.b"})
    assert [dict(one.owed) for one in left] == [{"*.b": 1}, {"*.a": 1}]
    assert spent == {"*.a": 1, "*.b": 1}
    day: Any = type("", (), {"files": {"*.a": 1, "*.b": 1}})
    assert missing(day, {"x.a", "y.b"}, spent) == {"*.a": 1, "*.b": 1}
    assert missing(day, {"x.a", "y.b", "z.a"}, spent) == {"*.b": 1}
