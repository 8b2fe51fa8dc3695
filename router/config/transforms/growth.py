"""Owns: how much more than it reads an expression can give, told from its tree.
Imports: core.value.
Never: evaluates; counts what one level of a document holds anyway.

`[@, @]` gives what it is applied to twice, ten of them in a row 1,024 times, and whoever walks that
result walks it all. Python cannot be interrupted, so what an expression can give is bounded before
it runs: copies of one value that it reads, and values that it makes for one item of a list.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field
from typing import Any

from router.core.value import value

Tree = Any
Path = tuple[Hashable, ...]

#: times that a value may stand in what an expression gives
MAX_COPIES = 64
#: fields of a path that are told apart
DEEPEST = 8
#: values that may be made for each item of a list: with 50,000 items 13 million, a second's work
MAX_EACH = 256


@value(frozen=True, slots=True)
class Growth:
    """What a tree gives: copies of what lies under each path, and values of its own beside."""

    #: fields from the document down (lists do not count) -> copies of what is there; () = all of it
    copies: Mapping[Path, int] = field(default_factory=dict)
    own: int = 0
    #: how often one value can stand in the result
    most: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "most", _most(self.copies))

    def then(self, after: Growth, own: int) -> Growth:
        """Return what it grows to when something is applied to it."""
        if len(self.copies) == 1 and self.most == 1:  # a path: what is read then goes on from it
            (path,) = self.copies
            longer = (((path + more)[:DEEPEST], count) for more, count in after.copies.items())
            return Growth(_summed(longer), own)
        factor = after.most
        return Growth({path: count * factor for path, count in self.copies.items()}, own)


def _most(copies: Mapping[Path, int]) -> int:
    """Return the largest sum along a path: what is above it holds it too."""
    if len(copies) < 2:
        return next(iter(copies.values()), 0)
    return max(sum(copies.get(path[:end], 0) for end in range(len(path) + 1)) for path in copies)


#: nodes without which an expression gives a part of what it reads
_MAKES = frozenset({"multi_select_list", "multi_select_dict", "function_expression", "literal"})
#: all of the document, once
WHOLE = Growth({(): 1})


def growth_of(tree: Tree, kinds: AbstractSet[str]) -> tuple[int, int]:
    """Return (copies of one value, values made for one item) at the worst place of a tree of nodes
    of these kinds.
    """
    if _MAKES.isdisjoint(kinds):
        return 1, 1
    walk = _Walk()
    walk.tree(tree, 1)
    return walk.copies, walk.each


class _Walk:
    """One walk down a tree. `times`: copies of the document that a tree is applied to."""

    def __init__(self) -> None:
        self.copies = self.each = 1

    def tree(self, tree: Tree, times: int) -> Growth:
        kind = tree["type"]
        if kind == "field":
            made = Growth({(tree["value"],): 1})
        elif kind in ("projection", "value_projection", "filter_projection"):
            made = self._projection(tree, times)
        elif kind in ("subexpression", "index_expression", "pipe"):
            made = self._chain(tree["children"], times)
        elif kind == "function_expression":
            made = self._call(tree, times)
        else:
            made = self._plain(tree, times)
        self.copies = max(self.copies, times * made.most)
        return made

    def _plain(self, tree: Tree, times: int) -> Growth:
        parts = [self.tree(child, times) for child in tree["children"] if isinstance(child, dict)]
        match tree["type"]:
            case "literal":
                return Growth({(id(tree),): 1}, _nodes(tree["value"]))
            case "multi_select_list" | "multi_select_dict":
                return _sum(parts, len(parts))
            case "or_expression" | "and_expression":
                return _either(*parts)
            case "comparator" | "not_expression":
                return Growth({}, 1)
        return parts[0] if parts else WHOLE  # a flatten, a key with its value; @, an index

    def _chain(self, children: list[Tree], times: int) -> Growth:
        made = WHOLE
        for child in children:
            after = self.tree(child, times * made.most)
            made = made.then(after, made.own * after.most + after.own)
        return made

    def _projection(self, tree: Tree, times: int) -> Growth:
        base, each, *condition = tree["children"]
        items = self.tree(base, times)
        for one in condition:
            self.tree(one, times * items.most)
        made = self._applied(each, items, times)
        if tree["type"] == "value_projection":  # names of any kind: no path goes on from here
            return Growth(dict.fromkeys(items.copies, made.most), made.own)
        return made

    def _applied(self, each: Tree, items: Growth, times: int) -> Growth:
        one = self.tree(each, times * items.most)
        made = one.most + one.own
        self.each = max(self.each, times * items.most * made)
        return items.then(one, items.own * made)

    def _call(self, tree: Tree, times: int) -> Growth:
        plain = [one for one in tree["children"] if one["type"] != "expref"]
        given = _sum([self.tree(one, times) for one in plain], 1)
        for one in tree["children"]:
            if one["type"] == "expref":
                made = self._applied(one["children"][0], given, times)
                given = made if tree["value"] == "map" else given
        return given


def _sum(parts: list[Growth], own: int) -> Growth:
    """Return what a result grows to that holds all parts and makes values beside them."""
    copies = _summed(one for part in parts for one in part.copies.items())
    return Growth(copies, own + sum(part.own for part in parts))


def _summed(counts: Iterable[tuple[Path, int]]) -> dict[Path, int]:
    made: dict[Path, int] = {}
    for path, count in counts:
        made[path] = made.get(path, 0) + count
    return made


def _either(one: Growth, other: Growth) -> Growth:
    keys = {**one.copies, **other.copies}
    most = {key: max(one.copies.get(key, 0), other.copies.get(key, 0)) for key in keys}
    return Growth(most, max(one.own, other.own))


def _nodes(value: Any) -> int:
    count, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        count += 1
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
    return count
