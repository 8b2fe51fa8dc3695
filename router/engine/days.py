"""Owns: when a day of files ends, and whether it is complete.
Imports: core, config.controls.
Never: looks into a folder; lets a file count for two days.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from router.config.controls import WEEKDAYS, Day
from router.core.instants import at_local, date_in
from router.core.value import value

#: days that are looked back: a daemon that was down for longer tells the last ones
MOST = 31


@value(frozen=True, slots=True, kw_only=True)
class Debt:
    """What a day lacks: its letter, and how many files by their pattern."""

    letter: str
    owed: Mapping[str, int]


def ends(day: Day, after: datetime, until: datetime) -> Iterator[tuple[date, datetime]]:
    """Yield the ends of days within a time, the first first, each with the day in its zone."""
    last = date_in(until, day.zone)
    for back in range(MOST, -1, -1):
        on = last - timedelta(days=back)
        at = at_local(on, day.by, day.zone)
        if after < at <= until and WEEKDAYS[on.weekday()] in day.weekdays:
            yield on, at


def paid(debts: Sequence[Debt], names: Collection[str]) -> tuple[list[Debt], dict[str, int]]:
    """Return what is owed still, debt by debt, and how many files of each pattern were spent on it.

    The oldest is paid first; one that owes nothing any more stays, empty.
    """
    spent: dict[str, int] = {}
    left = []
    for debt in debts:
        owed = {}
        for pattern, n in debt.owed.items():
            part = min(n, _count(pattern, names) - spent.get(pattern, 0))
            spent[pattern] = spent.get(pattern, 0) + part
            owed[pattern] = n - part
        left.append(Debt(letter=debt.letter, owed={one: n for one, n in owed.items() if n}))
    return left, spent


def missing(day: Day, names: Collection[str], spent: Mapping[str, int]) -> dict[str, int]:
    """Return how many files of each pattern a day lacks, of which `spent` are of earlier days."""
    found = {
        pattern: n - max(0, _count(pattern, names) - spent.get(pattern, 0))
        for pattern, n in day.files.items()
    }
    return {pattern: n for pattern, n in found.items() if n > 0}


def _count(pattern: str, names: Collection[str]) -> int:
    return sum(fnmatch.fnmatchcase(name, pattern) for name in names)
