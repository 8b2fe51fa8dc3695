"""Owns: which values an expression of a template looks at as a whole, told from its tree.
Imports: config.transforms.reads.
Never: evaluates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.config.transforms.reads import path_of

Tree = Any
#: functions that take one of their arguments, or a part of it, as it is
_PASSES = frozenset({"as_list", "at", "choose", "first_of", "length", "needed", "not_null", "type"})
_INHERITS = frozenset(
    {"and_expression", "or_expression", "not_expression", "subexpression", "index_expression"}
)


def weighed_paths(tree: Tree) -> tuple[tuple[str, ...], ...]:
    """Return each path below which an expression may look at everything."""
    return tuple(dict.fromkeys(_paths(tree, whole=False)))


def _paths(tree: Tree, *, whole: bool) -> Iterator[tuple[str, ...]]:
    path = path_of(tree)
    if path is not None:
        if whole:
            yield path
        return
    kind, children = tree["type"], tree.get("children", ())
    if kind == "function_expression":
        whole = whole or tree["value"] not in _PASSES
    elif kind == "comparator":
        whole = not any(one["type"] == "literal" and one["value"] is None for one in children)
    elif kind not in _INHERITS:
        whole = True
    for child in children:
        yield from _paths(child, whole=whole)
