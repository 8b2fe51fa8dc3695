"""Owns: the values that expressions compare a field with, or look up by it: what it may well be.
Imports: config.transforms.
Never: guesses a value that no expression and no table writes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.config.systems import Operation
from router.config.transforms.expressions import Expression
from router.config.transforms.reads import Tree, nodes_of
from router.config.transforms.tables import Table
from router.config.validation import Contract
from router.core.diagnostics import Place
from router.core.document import Json

#: values that one field is asked for
MOST = 24
_LEAVES = (Contract, Operation, Table, Place, str, bytes, int, type)


def hints_of(parts: Any, tables: Mapping[str, Table]) -> dict[str, tuple[Json, ...]]:
    """Return the values that the expressions in steps or maps know, by the name of the field."""
    found: dict[str, dict[Json, None]] = {}
    for expression in expressions_in(parts):
        for node in nodes_of(expression.evaluate.tree):
            for name, value in _told(node, tables):
                found.setdefault(name, {})[value] = None
    return {name: tuple(values)[:MOST] for name, values in found.items()}


def expressions_in(part: Any) -> Iterator[Expression]:
    """Yield the expressions of steps, maps, transforms, whatever they lie in."""
    if isinstance(part, Expression):
        yield part
    elif isinstance(part, _LEAVES):
        return
    elif isinstance(part, Mapping):
        for one in part.values():
            yield from expressions_in(one)
    elif isinstance(part, list | tuple):
        for one in part:
            yield from expressions_in(one)
    elif dataclasses.is_dataclass(part):
        for one in dataclasses.fields(part):
            yield from expressions_in(getattr(part, one.name, None))


def _told(node: Tree, tables: Mapping[str, Table]) -> Iterator[tuple[str, Json]]:
    children = node.get("children") or []
    if node["type"] == "comparator":
        yield from _compared(children)
    elif node["type"] == "function_expression":
        if node["value"] == "lookup":
            yield from _keys(children, tables)
        elif node["value"] in ("contains", "starts_with"):
            yield from _held(children)


def _compared(children: Sequence[Tree]) -> Iterator[tuple[str, Json]]:
    for one, other in (children, reversed(children)):
        name = last_name(one)
        if name and other["type"] == "literal" and _is_plain(other["value"]):
            yield name, other["value"]


def _held(children: Sequence[Tree]) -> Iterator[tuple[str, Json]]:
    """Yield what a list of texts, or the beginning of a text, says of a field."""
    first, second = children[0], children[-1]
    if first["type"] == "multi_select_list" and last_name(second):
        for one in first["children"]:
            if one["type"] == "literal" and _is_plain(one["value"]):
                yield last_name(second), one["value"]
    elif second["type"] == "literal" and last_name(first) and _is_plain(second["value"]):
        yield last_name(first), second["value"]


def _keys(children: Sequence[Tree], tables: Mapping[str, Table]) -> Iterator[tuple[str, Json]]:
    if not children or children[0]["type"] != "literal":
        return
    table = tables.get(str(children[0]["value"]))
    keys = children[1:]
    for row in table.rows if table is not None else ():
        literal = [one["type"] == "literal" for one in keys]
        if any(
            said and str(key["value"]) != text
            for said, key, text in zip(literal, keys, row, strict=False)
        ):
            continue
        for said, key, text in zip(literal, keys, row, strict=False):
            if not said and last_name(key) and text:
                yield last_name(key), text


def last_name(node: Tree) -> str:
    """Return the name of the field that a path ends with, or a function is given; "" for none."""
    kind, children = node["type"], node.get("children") or []
    if kind == "field":
        return str(node["value"])
    if kind == "subexpression":
        return last_name(children[-1])
    if kind == "function_expression" and children:
        return last_name(children[0])
    return ""


def _is_plain(value: Json) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
