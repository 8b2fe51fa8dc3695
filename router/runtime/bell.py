"""Owns: waking a thread that has nothing to do.
Imports: nothing of the router.
Never: loses a ring: what rings while nobody waits is heard at the next wait.
"""

from __future__ import annotations

import threading


class Bell:
    """Rung by many threads, heard by one."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        """Wake the waiting thread."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Return when rung, at the latest after `seconds`."""
        self._event.wait(seconds)
        self._event.clear()
