"""Owns: who decides what a generated document looks like at each of its places.
Imports: nothing of the router.
Never: asks the process for chance: the same seed makes the same documents, everywhere.

Way 0 of a place is the ordinary one. A place is a path such as `.lines[].amount`; `=` after it is
what stands there, `?` whether it is there, `#` how many items, `|` which alternative of a schema.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

#: of a thousand places, how many are out of the ordinary, by kind of document
_ODDNESS = (8, 30, 120, 500)


class Chance(Protocol):
    """Decides."""

    def choose(self, place: str, ways: int) -> int:
        """Return which of so many ways a place goes, from 0."""
        ...


@dataclass(slots=True)
class Ordinary:
    """Everything is there, as it mostly is. `seen` tells how many ways each place has."""

    forced: Mapping[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def choose(self, place: str, ways: int) -> int:
        """Return 0, or the way that is forced here."""
        self.seen[place] = max(self.seen.get(place, 0), ways)
        return min(self.forced.get(place, 0), ways - 1)

    def others(self) -> list[tuple[str, int]]:
        """Return every way of every place that was seen, the ordinary ones aside."""
        return [(place, way) for place, ways in self.seen.items() for way in range(1, ways)]


@dataclass(slots=True)
class Seeded:
    """Goes by a seed: some documents are nearly ordinary, some odd in every part."""

    seed: str
    asked: int = 0

    def choose(self, place: str, ways: int) -> int:
        """Return 0 where the place is ordinary, else any way."""
        if ways < 2:
            return 0
        oddness = _ODDNESS[_number(self.seed) % len(_ODDNESS)]
        self.asked += 1
        drawn = _number(f"{self.seed}/{self.asked}/{place}")
        return drawn // 1000 % ways if drawn % 1000 < oddness else 0


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
