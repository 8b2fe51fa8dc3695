"""Owns: ids of what comes in: they sort by time, and are never given twice; tokens of leases.
Imports: core.message.
Never: an id that can be guessed, a clock.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime

from router.core.message import BORN

#: ids drawn from the system at once: asking for each costs more than a message's decoding
DRAWN = 256
#: random bytes of an id
_BYTES = 10

_drawn: list[str] = []
_drawing = threading.Lock()


def fresh_id(now: datetime) -> str:
    """Return 12 hex digits of milliseconds and 20 random ones. Safe for many threads."""
    return f"{max(0, int(now.timestamp() * 1000)):0{BORN}x}"[:BORN] + fresh_token()


def fresh_token() -> str:
    """Return 20 random hex digits. Safe for many threads."""
    while True:
        try:
            return _drawn.pop()
        except IndexError:
            _draw()


def _draw() -> None:
    with _drawing:
        if not _drawn:
            digits, width = os.urandom(_BYTES * DRAWN).hex(), 2 * _BYTES
            _drawn.extend(digits[at : at + width] for at in range(0, len(digits), width))
