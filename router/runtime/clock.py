"""Owns: reading the time; the only module that does.
Imports: nothing of the router.
Never: waits.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

#: seconds; smaller differences are the slewing of the clock
STEP = 1.0


class SystemClock:
    """The machine's time, which never runs backwards within a process.

    Wall time at the start plus monotonic time since: a step backwards of the system clock is not
    followed. A step forwards (a machine that slept) is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = time.time() - time.monotonic()

    def now(self) -> datetime:
        """Return the time in UTC."""
        since = time.monotonic()
        if time.time() - since - self._offset > STEP:
            with self._lock:
                self._offset = max(self._offset, time.time() - time.monotonic())
        return datetime.fromtimestamp(since + self._offset, UTC)


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
