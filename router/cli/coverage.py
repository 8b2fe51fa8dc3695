"""Owns: what tests show of a project, as text and as data.
Imports: runtime.coverage.
Never: measures.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from router.cli.render import visible
from router.runtime.coverage.coverage import Coverage
from router.runtime.coverage.items import Item


def coverage_text(coverage: Coverage, least: Decimal | None) -> str:
    """Return what is left out, then how much is shown.

    What lies in a way that no test goes is not told: the way is.
    """
    lines = [f"{one.place} not tested: {said(one)}" for one in coverage.first]
    kinds = ", ".join(f"{kind} {one.shown} of {one.of}" for kind, one in coverage.kinds.items())
    lines.append(f"coverage {coverage.whole.percent} %: {kinds}")
    if least is not None and not coverage.whole.reaches(least):
        lines.append(f"coverage is below {least.normalize():f} %")
    return visible("\n".join(lines))


def said(item: Item) -> str:
    """Return what an item is called."""
    return f"{item.name} {item.word}".rstrip()


def coverage_data(coverage: Coverage) -> dict[str, Any]:
    """Return everything for the envelope; `first` tells ways that could have been gone."""
    first = {one.key for one in coverage.first}
    return {
        "percent": float(coverage.whole.percent),
        "shown": coverage.whole.shown,
        "of": coverage.whole.of,
        "kinds": {kind: {"shown": one.shown, "of": one.of} for kind, one in coverage.kinds.items()},
        "not_tested": [
            {
                "kind": one.kind,
                "name": said(one),
                "file": one.place.file,
                "line": one.place.line,
                "column": one.place.column,
                "first": one.key in first,
            }
            for one in coverage.left
        ],
    }
