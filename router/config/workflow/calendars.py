"""Owns: calendars (policy: calendar) and posting windows (policy: window), and their arithmetic.
Imports: config.components, config.workflow.spans, core.instants.
Never: reads a clock: every time is passed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Any

from router.config.components import Context, component, knob, place_of, report_wrong
from router.config.policies import KIND
from router.config.shapes import Choice, ListOf, Name, Parsed
from router.config.source import Node, Scalar
from router.config.workflow.spans import Span
from router.core.diagnostics import Place
from router.core.instants import InstantError, at_local, date_in, is_zone, time_in, to_date

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: days that are looked at for the next business day: a calendar without one for longer is wrong
_FAR = 400


def _date(text: str) -> date | None:
    try:
        return to_date(text)
    except InstantError:
        return None


def _clock(text: str) -> time | None:
    try:
        return time.fromisoformat(text) if len(text) == 5 else None
    except ValueError:
        return None


DATE = Parsed("a date such as 2026-12-24", _date, r"[0-9]{4}-[0-9]{2}-[0-9]{2}", ("2026-12-24",))
CLOCK = Parsed('a time of day such as "18:00"', _clock, r"[0-2][0-9]:[0-5][0-9]", ("18:00",))


@dataclass(frozen=True, slots=True)
class Zone:
    """An IANA time zone."""

    expects: str = "a time zone such as Europe/Berlin"

    def decode(self, node: Node, context: Context) -> Any:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, str) and is_zone(value):
            return value
        return report_wrong(self, node, context)


@component("calendar", doc="Which days are business days, where.")
class Calendar:
    policy: str = knob(KIND, doc="which kind of policy this is")
    name: str = knob(Name(), doc="its name, the same as its file")
    zone: str = knob(Zone(), doc="where its days begin")
    days: tuple[str, ...] = knob(
        ListOf(Choice(DAYS), least=1), doc="its business days", default=DAYS[:5]
    )
    holidays: tuple[date, ...] = knob(
        ListOf(DATE), doc="days that are none all the same", default=()
    )
    place: Place = place_of()

    def is_business(self, day: date) -> bool:
        """Return whether a day is a business day."""
        return DAYS[day.weekday()] in self.days and day not in self.holidays

    def after(self, at: datetime, span: Span) -> datetime:
        """Return the instant that is a span later; a business day ends at the same time of day."""
        if not span.business_days:
            return at + span.time
        day, left = date_in(at, self.zone), span.business_days
        for ahead in _days_after(day):
            left -= self.is_business(ahead)
            if not left:
                return at_local(ahead, time_in(at, self.zone), self.zone)
        return at + timedelta(days=_FAR)


@component("window", doc="When what was held together is sent: posting windows.")
class Window:
    policy: str = knob(KIND, doc="which kind of policy this is")
    name: str = knob(Name(), doc="its name, the same as its file")
    zone: str = knob(Zone(), doc="whose clocks it goes by")
    closes: time = knob(CLOCK, doc="the time of day at which it closes")
    days: tuple[str, ...] = knob(ListOf(Choice(DAYS), least=1), doc="on which days", default=DAYS)
    period: str = knob(Choice(("day", "month")), doc="what it posts into", default="month")
    place: Place = place_of()

    def closing(self, at: datetime) -> Closing:
        """Return the next close after an instant."""
        today = date_in(at, self.zone)
        for day in chain((today,), _days_after(today)):
            closes = at_local(day, self.closes, self.zone)
            if DAYS[day.weekday()] in self.days and closes > at:
                return Closing(window=self.name, closes_at=closes, period=self._period(day))
        raise AssertionError("a window has a day")

    def next_period(self, closing: Closing, at: datetime) -> Closing:
        """Return the first close in the period after that of a close, not before `at`."""
        found = self.closing(max(at, closing.closes_at))
        while found.period <= closing.period:
            found = self.closing(found.closes_at)
        return found

    def _period(self, day: date) -> str:
        return day.isoformat() if self.period == "day" else day.isoformat()[:7]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One close of a window: when, and the period that it posts into."""

    window: str
    closes_at: datetime
    period: str


def _days_after(day: date) -> Iterator[date]:
    return (day + timedelta(days=ahead) for ahead in range(1, _FAR))
