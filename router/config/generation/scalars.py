"""Owns: the values that a text or a number may have: an ordinary one, those at its edges.
Imports: config.generation.demands, config.generation.patterns, core.document.
Never: gives a value that its bounds, its pattern or its enum do not allow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from router.config.generation.demands import Demand
from router.config.generation.patterns import matching
from router.core.document import Json

#: how far numbers go that have no bound, and texts that have none or a large one
FAR, LONG = 1_000_000_000, 2_000
#: texts of each form that is asserted; the first is the ordinary one
FORMS = {
    "date-time": (
        "2026-01-{:02d}T10:00:00Z",
        "1970-01-01T00:00:00Z",
        "2024-02-29T23:59:59.999999+14:00",
        "2099-12-31T23:59:59-12:00",
    ),
    "date": ("2026-01-{:02d}", "1970-01-01", "2024-02-29", "2099-12-31"),
    "time": ("10:00:{:02d}Z", "00:00:00Z", "23:59:59.999999+14:00"),
    "uuid": ("00000000-0000-4000-8000-0000000000{:02d}", "ffffffff-ffff-4fff-bfff-ffffffffffff"),
    "email": ("a{:02d}@example.org",),
    "uri": ("https://example.org/{:02d}", "urn:example:a"),
}
#: what texts look like for which only a pattern is said; those that match come first
_LIKELY = (
    *(
        "{0}",
        "{0}.00",
        "-{0}",
        "USD",
        "JPY",
        "TND",
        "usd",
        "jpy",
        "US",
        "2026010{0}",
        "202601{0:02d}",
    ),
    *("2026-01-{0:02d}", "2026-01-{0:02d}T10:00:00", "2026-01-{0:02d}T10:00:00Z", "2026-01"),
)


def texts(demand: Demand, hints: Sequence[Json], turn: int) -> list[str]:
    """Return texts that a demand allows, the ordinary one first; `turn` tells items apart."""
    number = turn % 28 + 1
    forms = [one.format(number) for form in demand.said("format") for one in FORMS.get(form, ())]
    patterns = demand.said("pattern")
    known = [one for one in hints if isinstance(one, str)]
    if known:
        known = [*known[turn % len(known) :], *known[: turn % len(known)]]
    likely = [one.format(number) for one in _LIKELY] if patterns else [f"text {number}"]
    made = [one for pattern in patterns for one in matching(pattern)]
    # three letters are a currency: those of a table of exceptions are not the ordinary ones
    first = [one for one in likely if one.isalpha() and len(one) == 3]
    wanted = forms or [*first, *known, *likely, *made]
    found = [one for one in wanted if allowed(demand, one)]
    if not forms and not patterns:
        found += [one for one in _edges(demand) if allowed(demand, one)]
    return list(dict.fromkeys(found))


def allowed(demand: Demand, text: str) -> bool:
    """Return whether a text keeps the lengths, the patterns and what is refused."""
    least, most = demand.least("minLength") or 0, demand.most("maxLength")
    if len(text) < least or (most is not None and len(text) > most) or text in demand.refused:
        return False
    return all(re.search(pattern, text) for pattern in demand.said("pattern"))


def numbers(demand: Demand, hints: Sequence[Json], turn: int) -> list[Json]:
    """Return numbers that a demand allows, the ordinary one first; `turn` tells items apart."""
    low, high = bounds(demand)
    known = [one for one in hints if isinstance(one, int | float) and not isinstance(one, bool)]
    whole = "number" not in demand.kinds
    step = demand.most("multipleOf")
    if step is not None:
        tried: Iterable[Any] = (turn * step + step, 0, math.ceil(low / step) * step,
                                math.floor(high / step) * step)  # fmt: skip
    else:
        least = math.ceil(low) if whole else low
        most = math.floor(high) if whole else high
        tried = (*known, turn + 1, *(() if whole else (turn + 1.5,)), 0, -1, least, most)
    found = [_plain(one) for one in tried if low <= one <= high]
    return list(dict.fromkeys(found)) or [_plain(low)]


def bounds(demand: Demand) -> tuple[Any, Any]:
    """Return the least and the greatest number that a demand allows."""
    least, above = demand.least("minimum"), demand.least("exclusiveMinimum")
    most, below = demand.most("maximum"), demand.most("exclusiveMaximum")
    lows = [
        one for one in (least, None if above is None else above + _inch(demand)) if one is not None
    ]
    highs = [
        one for one in (most, None if below is None else below - _inch(demand)) if one is not None
    ]
    low = max(lows, default=min(-FAR, min(highs, default=0)))
    return low, min(highs, default=max(FAR, low))


def _inch(demand: Demand) -> Any:
    return 0.001 if "number" in demand.kinds else 1


def _plain(number: Any) -> Any:
    """Return a whole number as an integer, as a decoder would."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _edges(demand: Demand) -> list[str]:
    least = demand.least("minLength") or 0
    most = demand.most("maxLength")
    longest = min(LONG if most is None else most, max(LONG, least))
    return ["x" * least, "text".ljust(least, "x"), "é" * least, "x" * longest]
