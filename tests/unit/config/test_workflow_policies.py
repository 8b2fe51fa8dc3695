"""Calendars, windows, decision tables: arithmetic with no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router.config.project import Project, load_project
from router.config.workflow.calendars import Calendar, Window
from router.config.workflow.decisions import DecisionTable, ExceptionClasses
from router.config.workflow.spans import Span, span
from router.runtime.installed import installed_adapters

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def landscape() -> Project:
    return load_project(ROOT, installed_adapters())[0]


def rule(landscape: Project, name: str) -> Any:
    return landscape.rules[name]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("2bd", Span(business_days=2)),
        ("4h", Span(time=timedelta(hours=4))),
        ("0bd", None),
        ("bd", None),
        ("0s", None),
        ("1w", None),
    ],
)
def test_a_span_is_a_duration_or_business_days(text: str, made: Span | None) -> None:
    assert span(text) == made
    assert made is None or str(made) == text


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-03-02T09:00", 1, "2026-03-03T09:00"),
        ("2026-03-06T09:00", 1, "2026-03-09T09:00"),  # over a weekend
        ("2026-04-02T09:00", 1, "2026-04-07T09:00"),  # over Easter
        ("2026-03-06T23:30", 1, "2026-03-08T23:30"),  # Saturday, Monday where it counts
        ("2026-03-27T09:00", 1, "2026-03-30T08:00"),  # over the change of clocks
    ],
)
def test_business_days_leave_out_weekends_and_holidays(
    landscape: Project, start: str, days: int, end: str
) -> None:
    calendar: Calendar = rule(landscape, "weekdays")
    found = calendar.after(at(start), Span(business_days=days))
    assert found == at(end)


def test_a_window_closes_in_its_zone_and_the_next_period_is_the_next_month(
    landscape: Project,
) -> None:
    window: Window = rule(landscape, "gl_posting")
    first = window.closing(at("2026-03-02T09:00"))
    assert (first.closes_at, first.period) == (at("2026-03-02T21:00"), "2026-03")
    assert window.closing(first.closes_at).closes_at == at("2026-03-03T21:00")
    later = window.next_period(first, first.closes_at)
    assert (later.closes_at, later.period) == (at("2026-04-01T20:00"), "2026-04")


def test_a_rule_holds_between_its_days(landscape: Project) -> None:
    table: DecisionTable = rule(landscape, "refund_approval")
    dated = next(one for one in table.rules if one.since is not None)
    assert dated.since is not None
    assert dated.is_due(dated.since)
    assert not dated.is_due(dated.since - timedelta(days=1))


@pytest.mark.parametrize(
    ("step", "code", "by", "category"),
    [
        ("refund", "card_closed", {}, "tender_closed"),
        ("adjust_tax", "card_closed", {}, "permanent"),
        ("post_refund", "PERIOD_LOCKED", {"region": "us"}, "period_closed"),
        ("post_refund", "PERIOD_LOCKED", {"region": "de"}, "permanent"),
    ],
)
def test_failures_are_classified_by_step_code_and_place(
    landscape: Project, step: str, code: str, by: dict[str, str], category: str
) -> None:
    classes: ExceptionClasses = rule(landscape, "return_failures")
    assert classes.classify(step, code, by).category == category


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
