"""Owns: ids of what comes in: random, never given twice.
Imports: the standard library.
Never: an id that can be guessed.
"""

from __future__ import annotations

import os
import threading

#: ids drawn from the system at once: asking for each costs more than a message's decoding
DRAWN = 256
_BYTES = 16

_drawn: list[str] = []
_drawing = threading.Lock()


def fresh_id() -> str:
    """Return 32 random hex digits. Safe for many threads."""
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
