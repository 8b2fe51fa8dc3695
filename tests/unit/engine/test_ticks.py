"""Ticks are a function of the schedule and of two moments; clocks that jump make none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.config.components import INVALID
from router.config.schedules import ScheduleSource
from router.engine.ticks import LATE, MOST, Tick, due

SECOND = timedelta(seconds=1)


@pytest.fixture
def schedule_of(workshop: Any) -> Any:
    """A maker of schedules."""

    def make(text: str) -> ScheduleSource:
        made = workshop.decode(ScheduleSource, text)
        assert made is not INVALID, workshop.told
        return made

    return make


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(ticks: Any) -> list[str]:
    return [f"{one.due:%m-%d %H:%M:%S}" for one in ticks]


def test_every_is_counted_from_one_moment_whenever_it_began(schedule_of: Any) -> None:
    schedule = schedule_of("{every: 15m, missed: all}")
    for second in (0, 7, 59):
        after = at("2026-03-01 10:00:00") + second * SECOND
        assert told(due(schedule, after, at("2026-03-01 10:31:00"))) == [
            "03-01 10:15:00",
            "03-01 10:30:00",
        ]


def test_a_tick_is_due_at_its_moment_and_not_behind_it(schedule_of: Any) -> None:
    schedule, tick = schedule_of("{every: 1h}"), at("2026-03-01 11:00:00")
    assert due(schedule, tick - SECOND, tick - SECOND / 2) == []
    assert due(schedule, tick - SECOND, tick) == [Tick(tick)]
    assert due(schedule, tick, tick + SECOND) == []


def test_of_what_was_missed_the_last_one_says_how_many(schedule_of: Any) -> None:
    schedule = schedule_of("{every: 1h}")
    assert due(schedule, at("2026-03-01 00:00:00"), at("2026-03-01 05:30:00")) == [
        Tick(at("2026-03-01 05:00:00"), 4)
    ]


def test_without_missed_ones_only_what_is_on_time_is_made(schedule_of: Any) -> None:
    schedule, tick = schedule_of("{every: 1h, missed: none}"), at("2026-03-01 05:00:00")
    before = at("2026-03-01 00:00:00")
    assert due(schedule, before, tick + LATE) == [Tick(tick)]
    assert due(schedule, before, tick + LATE + SECOND) == []


def test_an_outage_of_years_gives_no_flood(schedule_of: Any) -> None:
    now = at("2026-03-01 00:00:00")
    for text in ("{every: 1s, missed: all}", '{at: ["06:00"], zone: UTC, missed: all}'):
        found = due(schedule_of(text), at("2001-01-01 00:00:00"), now)
        assert len(found) == MOST
        assert now - found[-1].due <= timedelta(days=1)
        assert found == sorted(found, key=lambda one: one.due)


def test_times_of_day_are_those_of_the_zone(schedule_of: Any) -> None:
    schedule = schedule_of('{at: ["18:00", "06:00"], zone: Europe/Berlin, missed: all}')
    found = due(schedule, at("2026-03-28 00:00:00"), at("2026-03-30 00:00:00"))
    # the clocks go forward in the night to the 29th
    assert told(found) == ["03-28 05:00:00", "03-28 17:00:00", "03-29 04:00:00", "03-29 16:00:00"]


def test_a_time_that_clocks_skip_comes_as_much_later_once(schedule_of: Any) -> None:
    schedule = schedule_of('{at: ["02:30", "03:30"], zone: Europe/Berlin, missed: all}')
    found = due(schedule, at("2026-03-28 12:00:00"), at("2026-03-29 12:00:00"))
    assert told(found) == ["03-29 01:30:00"]  # both are 03:30 of that day


def test_a_time_that_clocks_show_twice_is_the_first(schedule_of: Any) -> None:
    schedule = schedule_of('{at: ["02:30"], zone: Europe/Berlin, missed: all}')
    found = due(schedule, at("2026-10-24 12:00:00"), at("2026-10-25 12:00:00"))
    assert told(found) == ["10-25 00:30:00"]


def test_weekdays_are_those_of_the_zone(schedule_of: Any) -> None:
    schedule = schedule_of(
        '{at: ["00:30"], zone: Asia/Tokyo, weekdays: [mon, tue, wed, thu, fri], missed: all}'
    )
    # half past midnight of a Monday in Tokyo is a Sunday in UTC
    found = due(schedule, at("2026-03-06 12:00:00"), at("2026-03-09 16:00:00"))
    assert told(found) == ["03-08 15:30:00", "03-09 15:30:00"]


def test_no_tick_is_told_twice_however_often_one_looks(schedule_of: Any) -> None:
    schedule = schedule_of('{at: ["02:30", "03:00"], zone: Europe/Berlin, missed: all}')
    moment, until, made = at("2026-10-24 00:00:00"), at("2026-10-27 00:00:00"), []
    after = moment
    while moment < until:
        moment += timedelta(minutes=7)
        for tick in due(schedule, after, moment):
            made.append(tick.due)
            after = tick.due
    assert made == [one.due for one in due(schedule, at("2026-10-24 00:00:00"), moment)]
    assert len(made) == len(set(made)) == 6
