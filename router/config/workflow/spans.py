"""Owns: spans of time as workflows write them: durations, and business days of a calendar.
Imports: config.shapes, core.units.
Never: knows a calendar (config.workflow.calendars does).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from router.config.shapes import Parsed
from router.core import units

_BUSINESS = r"([1-9][0-9]{0,2})bd"
_WRITTEN = re.compile(_BUSINESS)


@dataclass(frozen=True, slots=True)
class Span:
    """A duration, or a number of business days."""

    time: timedelta = timedelta(0)
    business_days: int = 0

    @property
    def least(self) -> timedelta:
        """Return the least time that it takes, for sums along a path."""
        return self.time + timedelta(days=self.business_days)

    def __str__(self) -> str:
        if self.business_days:
            return f"{self.business_days}bd"
        return units.duration_text(self.time)


def span(text: str) -> Span | None:
    """Return `4h`, `30d`, `2bd` as a span; None when it is none of these."""
    match = _WRITTEN.fullmatch(text)
    if match is not None:
        return Span(business_days=int(match[1]))
    found = units.duration(text)
    return Span(time=found) if found else None


SPAN = Parsed(
    "a duration such as 4h or 30d, or business days such as 2bd",
    span,
    f"{units.DURATION}|{_BUSINESS}",
    ("4h", "30d", "2bd"),
)
