"""Owns: reading the time; the only module that does.
Imports: nothing of the router.
Never: waits.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's time, which never runs backwards within a process.

    A step of the system clock is smoothed out: wall time at start plus monotonic time since.
    """

    def __init__(self) -> None:
        self._start = datetime.fromtimestamp(time.time(), UTC)
        self._base = time.monotonic()

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self._start + timedelta(seconds=time.monotonic() - self._base)


class ManualClock:
    """Time that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self._now

    def move_to(self, at: datetime) -> None:
        """Go forward to a time; an earlier one changes nothing."""
        self._now = max(self._now, at)
