"""Owns: how much of a project tests show, and what they leave out.
Imports: runtime.coverage.items, runtime.coverage.marks.
Never: rounds up: 100 % is everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from router.runtime.coverage.items import KINDS, Item
from router.runtime.coverage.marks import Marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of how many."""

    shown: int
    of: int

    @property
    def percent(self) -> Decimal:
        """Return the share with one decimal, rounded down; of nothing all is shown."""
        if not self.of:
            return Decimal(100)
        share = Decimal(100 * self.shown) / self.of
        return share.quantize(Decimal("0.1"), rounding=ROUND_FLOOR)

    def reaches(self, least: Decimal) -> bool:
        """Return whether it is at least so many percent, exactly."""
        return Decimal(100 * self.shown) >= least * self.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What tests show: the whole, each kind, and what is left out, by place."""

    whole: Share
    kinds: dict[str, Share]
    #: everything that no test shows
    left: tuple[Item, ...]
    #: of these, those that could have been shown: what lies in a way that is never gone is not here
    first: tuple[Item, ...]


def coverage_of(marks: Marks) -> Coverage:
    """Return what has been shown so far."""
    keys = {one.key for one in marks.items if _is_shown(one, marks)}
    left = sorted((one for one in marks.items if one.key not in keys), key=_by_place)
    counts = {kind: [one for one in marks.items if one.kind == kind] for kind in KINDS}
    kinds = {kind: _share(items, marks) for kind, items in counts.items()}
    return Coverage(
        whole=_share(marks.items, marks),
        kinds=kinds,
        left=tuple(left),
        first=tuple(one for one in left if one.within is None or one.within in keys),
    )


def _is_shown(item: Item, marks: Marks) -> bool:
    return item.key in marks.seen or item.shown_by in marks.seen


def _share(items: Iterable[Item], marks: Marks) -> Share:
    shown = [_is_shown(one, marks) for one in items]
    return Share(shown=sum(shown), of=len(shown))


def _by_place(item: Item) -> tuple[object, ...]:
    return (item.place, item.kind, item.word)
