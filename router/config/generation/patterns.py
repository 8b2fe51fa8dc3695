"""Owns: texts that match a regular expression: short, long, with every class of character.
Imports: the parser of `re`.
Never: loops without a bound: a repeat has at most MOST turns.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

#: turns of a repeat that has no bound, or a large one
MOST = 64
_parse: Any = importlib.import_module("re._parser").parse
#: tried first where any character will do
_READABLE = "aA0 -_.é"
_CATEGORIES = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_WORD": "aA0_",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": "aA",
    "CATEGORY_NOT_WORD": " -",
    "CATEGORY_NOT_SPACE": "aA0",
}


@lru_cache(1024)
def matching(pattern: str) -> tuple[str, ...]:
    """Return texts that a pattern matches: the shortest first, then the longest, then others."""
    try:
        tree = _parse(pattern)
    except (re.error, RecursionError):
        return ()
    made = [_Writer(long=long, turn=turn).text(tree) for long, turn in _STYLES]
    return tuple(dict.fromkeys(one for one in made if re.search(pattern, one)))


#: whether repeats are long, and which member of a class is taken: the first non-zero, the last
_STYLES = ((False, 1), (True, 9), (False, 0), (True, 0), (False, 5), (True, 3), (False, 2))


class _Writer:
    """Writes one text."""

    def __init__(self, *, long: bool, turn: int) -> None:
        self._long = long
        self._turn = turn

    def text(self, tree: Any) -> str:
        return "".join(self._node(str(word), held) for word, held in tree)

    def _node(self, word: str, held: Any) -> str:
        match word:
            case "LITERAL":
                return chr(held)
            case "NOT_LITERAL":
                return next(one for one in _READABLE if ord(one) != held)
            case "ANY":
                return str(self._of(_READABLE[:3]))
            case "IN":
                return self._class(held)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self._repeated(held)
            case "SUBPATTERN":
                return self.text(held[-1])
            case "ATOMIC_GROUP":
                return self.text(held)
            case "BRANCH":
                branch: Any = self._of(held[1])
                return self.text(branch)
        return ""  # an anchor

    def _repeated(self, held: Any) -> str:
        least, most, inner = held
        times = min(int(most), int(least) + MOST) if self._long else int(least)
        return "".join(self.text(inner) for _ in range(times))

    def _class(self, members: Any) -> str:
        negated = bool(members) and str(members[0][0]) == "NEGATE"
        known = "".join(_members(str(word), held) for word, held in members)
        if negated:
            known = "".join(one for one in _READABLE if one not in known)
        return str(self._of(known)) if known else ""

    def _of(self, ways: Sequence[Any]) -> Any:
        return ways[self._turn % len(ways)]


def _members(word: str, held: Any) -> str:
    if word == "LITERAL":
        return chr(held)
    if word == "RANGE":
        low, high = held
        return "".join(map(chr, range(low, min(high, low + 25) + 1)))
    return _CATEGORIES.get(str(held), "") if word == "CATEGORY" else ""
