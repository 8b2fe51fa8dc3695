"""Owns: amounts in two columns, one for each side: which belong together, how they are read.
Imports: config.drafts (names, sources).
Never: says what a side means: that the author writes elsewhere.
"""

from __future__ import annotations

from router.config.drafts.names import Words, words_of
from router.config.drafts.sources import Leaf, Scope

#: the words that tell two columns apart, those of the one that leads first
_SIDES = ({"credit", "credited"}, {"debit", "debited"})


def other(leaf: Leaf, scope: Scope) -> Leaf | None:
    """Return the column of the other side, beside this one and named like it but for the side."""
    mine = words_of(leaf.names[-1])
    if not set(mine) & (_SIDES[0] | _SIDES[1]):
        return None
    for one in scope.leaves:
        beside = one.names[:-1] == leaf.names[:-1] and one.outer == leaf.outer
        words = words_of(one.names[-1])
        opposite = set(words) & _SIDES[leads(leaf)]
        if beside and opposite and _bare(words) == _bare(mine):
            return one
    return None


def leads(leaf: Leaf) -> bool:
    """Return whether a column is the one that is read for both."""
    return bool(set(words_of(leaf.names[-1])) & _SIDES[0])


def named(leaf: Leaf) -> tuple[str, ...]:
    """Return the names of both columns together: without the side."""
    bare = "_".join(_bare(words_of(leaf.names[-1])))
    return (*leaf.names[:-1], bare) if bare else leaf.names[:-1]


def written(function: str, read: tuple[Leaf, ...], code: str) -> str:
    """Return the amount of one column, or what the first has more than the second."""
    if len(read) == 1:
        return f"{function}({read[0].path}, {code})"
    first, second = (
        f"{function}({one.path if one.always else f'first_of({one.path}, `0`)'}, {code})"
        for one in read
    )
    return f"subtract({first}, {second})"


def _bare(words: Words) -> Words:
    return tuple(one for one in words if one not in _SIDES[0] | _SIDES[1])
