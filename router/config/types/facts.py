"""Owns: what is known to hold where a condition holds, or does not.
Imports: config.transforms, core.value.
Never: evaluates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from router.config.transforms.functions import LIBRARY
from router.config.transforms.reads import path_of
from router.config.types.type import Equal
from router.core.value import value

Tree = Any
Path = tuple[str, ...]
#: JMESPath's own functions that raise for null
_STRICT = {"contains", "ends_with", "starts_with", "length", "join", "sort_by", "sum"}


@value(frozen=True, slots=True)
class Facts:
    """What is not null: trees by their text, and those that are paths as their names, too."""

    keys: frozenset[str] = frozenset()
    #: of these, what is not empty either
    full: frozenset[str] = frozenset()
    paths: frozenset[Path] = frozenset()
    #: paths at which one of these texts stands
    equal: Equal = frozenset()

    def plus(self, more: Facts) -> Facts:
        """Return both."""
        if not more.keys:
            return self
        return Facts(
            self.keys | more.keys,
            self.full | more.full,
            self.paths | more.paths,
            self.equal | more.equal,
        )

    def either(self, other: Facts) -> Facts:
        """Return what holds in both cases."""
        mine = dict(self.equal)
        equal = {(path, texts | mine[path]) for path, texts in other.equal if path in mine}
        return Facts(
            self.keys & other.keys,
            self.full & other.full,
            self.paths & other.paths,
            frozenset(equal),
        )

    def without(self, roots: Iterable[str]) -> Facts:
        """Return what does not speak of these roots: they are others from here on."""
        gone = set(roots)
        paths = frozenset(path for path in self.paths if path[0] not in gone)
        keys = frozenset(
            key for key in self.keys if not any(f'"value": "{one}"' in key for one in gone)
        )
        equal = frozenset(one for one in self.equal if one[0][0] not in gone)
        return Facts(keys, self.full & keys, paths, equal)


NONE = Facts()
_spelled = json.JSONEncoder(sort_keys=True, default=str).encode


def key_of(tree: Tree) -> str:
    """Return a text that only equal trees have."""
    return _spelled(tree)


def there(tree: Tree) -> Facts:
    """Return that a tree's value is not null, and so what it reads on its way."""
    keys, paths = {key_of(tree)}, set()
    path = path_of(tree)
    if path is not None:
        paths = {path[: n + 1] for n in range(len(path))}
    elif tree["type"] in ("subexpression", "index_expression", "projection", "flatten"):
        first = there(tree["children"][0])
        keys |= first.keys
        paths |= first.paths
    return Facts(keys=frozenset(keys), paths=frozenset(paths))


def when_true(tree: Tree) -> Facts:
    """Return what is not null where a tree holds."""
    kind, children = tree["type"], tree.get("children", ())
    if kind == "and_expression":
        return _all(children, when_true)
    if kind == "or_expression":
        left, right = (when_true(child) for child in children)
        return left.either(right)
    if kind == "not_expression":
        return when_false(children[0])
    if kind == "comparator":
        return _compared(tree, holds=True)
    made = replace(there(tree), full=frozenset({key_of(tree)}))
    return made.plus(_arguments(tree)) if kind == "function_expression" else made


def when_false(tree: Tree) -> Facts:
    """Return what is not null where a tree does not hold."""
    kind, children = tree["type"], tree.get("children", ())
    if kind == "or_expression":
        return _all(children, when_false)
    if kind == "not_expression":
        return when_true(children[0])
    if kind == "comparator":
        return _compared(tree, holds=False)
    if kind == "function_expression":
        return _arguments(tree)
    return NONE


def _all(children: Iterable[Tree], facts_of: Callable[[Tree], Facts]) -> Facts:
    made = NONE
    for child in children:
        made = made.plus(facts_of(child))
    return made


def _compared(tree: Tree, *, holds: bool) -> Facts:
    left, right = tree["children"]
    word = tree["value"]
    if word not in ("eq", "ne"):
        return there(left).plus(there(right)) if holds else NONE
    made = NONE
    for one, other in ((left, right), (right, left)):
        if other["type"] == "literal":
            is_null = other["value"] is None
            if is_null == (holds is (word == "ne")):
                made = made.plus(there(one))
            path = path_of(one)
            if path and isinstance(other["value"], str) and holds is (word == "eq"):
                texts = frozenset({other["value"]})
                made = replace(made, equal=made.equal | {(path, texts)})
    return made


def _arguments(tree: Tree) -> Facts:
    """Return that what a function refuses when it is null is not null: it was called."""
    ours = LIBRARY.get(tree["value"])
    made = NONE
    for place, child in enumerate(tree["children"]):
        if ours is not None:
            kind = ours.parameters[min(place, len(ours.parameters) - 1)].kind
            strict = "any" not in kind.split("|") and "null" not in kind.split("|")
        else:
            strict = tree["value"] in _STRICT
        if strict and child["type"] != "expref":
            made = made.plus(there(child))
    return made
