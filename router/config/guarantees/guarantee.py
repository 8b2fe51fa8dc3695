"""Owns: a computed guarantee: what weakens it and where, the ways to the far sides.
Imports: config.guarantees.promise.
Never: knows what a component means.
"""

from __future__ import annotations

from dataclasses import dataclass

from router.config.guarantees.promise import ASPECTS, weakest
from router.core.diagnostics import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Weakness:
    """One thing that makes a guarantee weaker: `aspect` is `word` and no better because of it.

    `write` says what to write instead, empty when nothing that is written makes it stronger.
    """

    aspect: str
    word: str
    place: Place
    why: str
    write: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Way:
    """A way to a far side: objects and flows in between, in order; `operation` is at its end."""

    operation: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A declared end of messages that reach no far side, with its reason."""

    place: Place
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """What holds of the messages of a route, from the sender to every far side.

    `weakened` is in the order of the aspects, then of places.
    """

    route: str
    place: Place
    weakened: tuple[Weakness, ...]
    ways: tuple[Way, ...]
    left_out: tuple[LeftOut, ...]

    def word(self, aspect: str) -> str:
        """Return what is guaranteed of an aspect."""
        return weakest(aspect, (one.word for one in self.weakened if one.aspect == aspect))

    @property
    def words(self) -> dict[str, str]:
        """Return what is guaranteed, by aspect."""
        return {one: self.word(one) for one in ASPECTS}
