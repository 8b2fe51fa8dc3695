"""Owns: the ticks of a schedule: which are due, and which of them become messages.
Imports: core, config.schedules.
Never: reads a clock; tells one tick twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from router.config.controls import WEEKDAYS
from router.config.schedules import ScheduleSource
from router.core.instants import at_local, date_in
from router.core.value import value

#: ticks of one look; of more, the newest count
MOST = 1000
#: a tick that is made later than this was missed
LATE = timedelta(minutes=1)
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@value(frozen=True, slots=True)
class Tick:
    """One moment of a schedule, and how many before it are left out for it."""

    due: datetime
    missed: int = 0


def due(source: ScheduleSource, after: datetime, now: datetime) -> Sequence[Tick]:
    """Return the ticks behind one moment that are to be made now, the first first."""
    found = sorted(_newest(source, after, now))
    if source.missed == "all":
        return [Tick(one) for one in found]
    if source.missed == "none":
        return [Tick(one) for one in found if now - one <= LATE]
    return [Tick(found[-1], len(found) - 1)] if found else []


def _newest(source: ScheduleSource, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the ticks within a time, the newest first, at most `MOST`."""
    every = source.every
    ticks = _times(source, after, until) if every is None else _steps(every, after, until)
    for _, tick in zip(range(MOST), ticks, strict=False):
        yield tick


def _steps(every: timedelta, after: datetime, until: datetime) -> Iterator[datetime]:
    tick = _BEGIN + (until - _BEGIN) // every * every
    while tick > after:
        yield tick
        tick -= every


def _times(source: ScheduleSource, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield times of day. Two that clocks skip to one instant, or that they show twice, are one."""
    day, first = date_in(until, source.zone), date_in(after, source.zone)
    days = source.weekdays or WEEKDAYS
    while day >= first:
        if WEEKDAYS[day.weekday()] in days:
            ticks = {at_local(day, one, source.zone) for one in source.at}
            yield from (one for one in sorted(ticks, reverse=True) if after < one <= until)
        day -= _DAY
