"""Owns: sources that are a clock: when a message is made, what becomes of a missed time.
Imports: config.components, config.controls, config.shapes.
Never: reads a clock (runtime does), counts ticks (engine.ticks does).
"""

from __future__ import annotations

from datetime import time, timedelta
from typing import ClassVar

from router.config.components import Context, component, knob, place_of
from router.config.controls import CLOCK, WEEKDAYS, ZONE
from router.config.shapes import DURATION, Choice, ListOf
from router.core.diagnostics import Place

#: a clock that ticks quicker is a loop
LEAST = timedelta(seconds=1)


@component("schedule source", doc="A message is made at times that are known before.")
class ScheduleSource:
    every: timedelta | None = knob(
        DURATION, doc="a tick each so long, counted from midnight UTC of 1970-01-01", default=None
    )
    at: tuple[time, ...] = knob(
        ListOf(CLOCK, least=1), doc="a tick at each of these times of day", default=()
    )
    zone: str = knob(ZONE, doc="at: whose clocks", default="")
    weekdays: tuple[str, ...] = knob(
        ListOf(Choice(WEEKDAYS), least=1), doc="at: on which days; by default all", default=()
    )
    missed: str = knob(
        Choice(("last", "all", "none")),
        doc="of ticks that came while nothing ran: the last one, each of them, none",
        default="last",
    )
    place: Place = place_of()

    #: what its messages are read by, as those of every source
    format: ClassVar[str] = "json"
    shape: ClassVar[None] = None
    long_numbers: ClassVar[str] = ""
    body_limit: ClassVar[int] = 1024
    records_limit: ClassVar[int] = 1


def check_schedule(source: ScheduleSource, context: Context) -> None:
    """Report what must not be between the keys of a source."""
    for wrong, message, hint in (
        (
            (source.every is None) != bool(source.at),
            "schedule: wants exactly one of every: and at:",
            'every: 15m, or at: ["06:00"] with a zone:',
        ),
        (
            bool(source.at) and not source.zone,
            "at: without zone: whose clocks show it is not said",
            "zone: Europe/Berlin, or UTC",
        ),
        (
            source.every is not None and bool(source.zone or source.weekdays),
            "zone: and weekdays: belong to at:",
            "leave them out: every: is the same length everywhere",
        ),
        (
            source.every is not None and source.every < LEAST,
            "every: is shorter than a second",
            "every: 1s",
        ),
    ):
        if wrong:
            context.report.error("E128", source.place, message, hint)
            return
