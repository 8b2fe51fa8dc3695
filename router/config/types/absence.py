"""Owns: what to write where a function is given what may be null.
Imports: config.transforms.reads.
Never: proposes another currency or another amount: money is never guessed.
"""

from __future__ import annotations

from typing import Any

from router.config.transforms.reads import path_of

_MONEY = frozenset({"money", "minor"})


def guarded(name: str, child: Any, *, alone: bool) -> str:
    """Return how a call of a function stands only where its argument does.

    `alone`: it is the only argument.
    """
    path = path_of(child)
    read = ".".join(path) if path else "..."
    call = f"{name}({read})" if alone else f"{name}(...)"
    ways = [f"={read} && {call} where it may be left out"]
    ways += [] if name in _MONEY else ["first_of(..., what stands for it)"]
    return f"{', '.join(ways)}, or needed(..., 'what it is')"
