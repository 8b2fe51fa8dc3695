"""Owns: how far behind its cursor a reader looks again, where other processes publish too.
Imports: nothing of the router.
Never: leaves a row out for ever: now and then it looks from the start.

Numbers of rows are drawn before the commit: a row can come to light behind who reads by number.
Most do within a moment, so each look goes back to where the reader was some looks ago.
"""

from __future__ import annotations

from collections import deque

#: looks that a row may take to come to light before only a look from the start finds it
MOMENT = 3
#: one look of so many is from the start: a commit may have waited for long
WHOLE = 30


class Lookback:
    """Says where to read from again. One thread calls it, at an even pace."""

    def __init__(self) -> None:
        self._were: deque[int] = deque(maxlen=MOMENT)
        self._looks = 0

    def next(self, cursor: int) -> int:
        """Return the row behind which to read again, when the reader is at `cursor`; 0 = all."""
        self._looks += 1
        back = self._were[0] if len(self._were) == MOMENT else 0
        self._were.append(cursor)
        return 0 if self._looks % WHOLE == 0 else min(back, cursor)
