"""Owns: computed guarantees as text and as data.
Imports: config.guarantees.
Never: computes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from router.config.guarantees.guarantee import Guarantee
from router.config.guarantees.promise import ASPECTS
from router.core.diagnostics import Place


def guarantees_text(guarantees: Sequence[Guarantee]) -> str:
    """Return for each route its words, its ways, and what weakens it."""
    return "\n".join(line for one in guarantees for line in _lines(one))


def guarantees_data(guarantees: Sequence[Guarantee]) -> list[dict[str, Any]]:
    """Return guarantees as plain data, in their order."""
    return [
        {
            "route": one.route,
            "place": str(one.place),
            "guarantee": one.words,
            "weakened": [
                {
                    "aspect": weak.aspect,
                    "to": weak.word,
                    "place": str(weak.place),
                    "why": weak.why,
                    "write": weak.write,
                }
                for weak in one.weakened
            ],
            "ways": [{"by": list(way.by), "to": way.operation} for way in one.ways],
            "left_out": [{"place": str(end.place), "reason": end.reason} for end in one.left_out],
        }
        for one in guarantees
    ]


def _lines(one: Guarantee) -> Iterator[str]:
    yield f"{one.route}  {told(one)}"
    for way in one.ways:
        yield f"  leads to {' > '.join((*way.by, way.operation))}"
    if not one.ways:
        yield "  leads to no system"
    for aspect in ASPECTS:
        for weak in one.weakened:
            if weak.aspect == aspect:
                yield f"  {aspect}: {weak.word}, {weak.place} {weak.why}"
    if one.left_out:
        yield f"  left out on purpose: {', '.join(_counted([o.place for o in one.left_out]))}"
    yield ""


def told(one: Guarantee) -> str:
    """Return the words of a guarantee: `loss: none, duplicates: absorbed, order: none`."""
    return ", ".join(f"{aspect}: {word}" for aspect, word in one.words.items())


def _counted(places: Sequence[Place]) -> Iterator[str]:
    """Yield places, those of one file together."""
    files: dict[str, list[str]] = {}
    for place in places:
        files.setdefault(place.file, []).append(str(place.line))
    return (f"{file}:{','.join(dict.fromkeys(lines))}" for file, lines in files.items())
