"""Owns: what an expression's tree reads and calls. Trees are those of the jmespath parser.
Imports: config.transforms.functions (which functions give amounts).
Never: evaluates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.config.transforms.functions import LIBRARY

Tree = Any

#: nodes whose first child sees what the node sees, and whose other children see something else
_FIRST_ONLY = {
    "subexpression",
    "index_expression",
    "projection",
    "value_projection",
    "filter_projection",
    "flatten",
    "pipe",
    "slice",
}
#: JMESPath's own words that compare or add as numbers or texts
_NUMERIC = {"sum", "max", "min", "avg", "sort", "abs", "ceil", "floor"}


def roots_of(tree: Tree) -> set[str]:
    """Return the names at which the paths of an expression begin."""
    found: set[str] = set()
    _walk_roots(tree, found)
    return found


def calls_of(tree: Tree) -> Iterator[tuple[str, list[Tree]]]:
    """Yield every function call with its arguments."""
    for node in nodes_of(tree):
        if node["type"] == "function_expression":
            yield node["value"], node["children"]


def literals_of(tree: Tree) -> Iterator[Any]:
    """Yield every value that an expression writes itself, the names of its fields too."""
    for node in nodes_of(tree):
        if node["type"] in ("literal", "key_val_pair"):
            yield node["value"]


def nodes_of(tree: Tree) -> Iterator[Tree]:
    """Yield the node and all below it, in the order of the text."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        children = node.get("children")
        if children:
            waiting += [child for child in reversed(children) if isinstance(child, dict)]


def depth_of(tree: Tree) -> int:
    """Return how many nodes lie within each other."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [
            child for node in level for child in node.get("children", ()) if isinstance(child, dict)
        ]
    return depth


def compared_money(tree: Tree) -> Iterator[str]:
    """Yield each function whose amount is compared or added by JMESPath's own operators."""
    for node in nodes_of(tree):
        if node["type"] == "comparator" or (
            node["type"] == "function_expression" and node["value"] in _NUMERIC
        ):
            for child in node["children"]:
                yield from _amounts(child)


def has_stray_reference(tree: Tree) -> bool:
    """Return whether `&` stands where it is no argument: its value is no document."""
    return tree["type"] == "expref" or any(
        child["type"] == "expref"
        for node in nodes_of(tree)
        if node["type"] != "function_expression"
        for child in node.get("children", ())
        if isinstance(child, dict)
    )


def has_still_slice(tree: Tree) -> bool:
    """Return whether a slice goes nowhere: its step is 0."""
    return any(node["type"] == "slice" and node["children"][2] == 0 for node in nodes_of(tree))


def has_hasty_not(tree: Tree) -> bool:
    """Return whether a path goes on after `!`: `!a.b` is a field of `!a`, and always null."""
    return any(
        node["type"] in _FIRST_ONLY - {"pipe"}
        and node["children"]
        and isinstance(node["children"][0], dict)
        and node["children"][0]["type"] == "not_expression"
        for node in nodes_of(tree)
    )


def path_of(tree: Tree) -> tuple[str, ...] | None:
    """Return a chain of fields `a.b.c` as its names, or None when it is anything else."""
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] == "subexpression":
        parts = [path_of(child) for child in tree["children"]]
        if all(part is not None for part in parts):
            return tuple(name for part in parts if part for name in part)
    return None


def key_read(tree: Tree, part: int) -> tuple[str, ...]:
    """Return the path that a part of a table's key is read from, empty where that is not sure."""
    found = [arguments for name, arguments in calls_of(tree) if name == "lookup"]
    paths = {path_of(one[part + 1]) for one in found if len(one) > part + 1}
    return (paths.pop() or ()) if len(paths) == 1 else ()


def _amounts(tree: Tree) -> Iterator[str]:
    """Yield each function whose amount is the value of a tree, an item of it, or may be."""
    kind = tree.get("type")
    if _gives_amount(tree):
        yield tree["value"]
    elif kind in ("multi_select_list", "or_expression", "and_expression"):
        for child in tree["children"]:
            yield from _amounts(child)
    elif kind in ("projection", "filter_projection", "value_projection", "pipe", "subexpression"):
        yield from _amounts(tree["children"][1])


def _gives_amount(tree: Tree) -> bool:
    if tree.get("type") != "function_expression" or tree["value"] not in LIBRARY:
        return False
    return any(kind in ("money", "quantity") for kind in LIBRARY[tree["value"]].returns.split("|"))


def _walk_roots(tree: Tree, found: set[str]) -> None:
    kind = tree["type"]
    if kind == "field":
        found.add(tree["value"])
    elif kind in _FIRST_ONLY:
        if tree["children"]:
            _walk_roots(tree["children"][0], found)
    elif kind in ("current", "identity"):
        found.add("@")  # the document of all roots
    elif kind == "expref":
        return
    else:
        for child in tree.get("children", ()):
            if isinstance(child, dict):
                _walk_roots(child, found)
