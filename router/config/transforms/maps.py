"""Owns: YAML maps: nodes to the tree of what they build (`each`, `let`, `if`, `map`).
Imports: core, config.components, config.transforms.maptree.
Never: evaluates.
"""

from __future__ import annotations

from typing import Any

from router.config.components import INVALID, Context, Invalid
from router.config.references import EXPRESSION
from router.config.source import Entry, Node, Scalar, Sequence, Table
from router.config.transforms.expressions import looks_like_expression
from router.config.transforms.maptree import Block, Builder, Constant, Items, Leaf, Record
from router.core.diagnostics import nearest

_BLOCK_KEYS = ("each", "let", "if", "map")


def decode_map(node: Node, context: Context) -> Builder | Invalid:
    """Return the part that builds the document which a `map:` describes."""
    match node:
        case Scalar():
            return _leaf(node, context)
        case Sequence():
            return _list(node, context)
        case Table() if node.get("map") is not None or node.get("each") is not None:
            return _block(node, context)
    return _record(node, context)


def check_name(entry: Entry, context: Context) -> None:
    """Report a `let` whose name is in reach already."""
    if entry.key in (context.roots or ()):
        context.report.error(
            "E122", entry.place, f"let {entry.key} hides a root of that name", "choose another"
        )


def _leaf(node: Scalar, context: Context) -> Builder | Invalid:
    if node.plain and node.value is None:
        return Constant(None, node.place)
    if not (isinstance(node.value, str) and node.value.startswith("=")):
        value = node.value
        if isinstance(value, str) and looks_like_expression(value, context.roots):
            context.report.error(
                "E123",
                node.place,
                f"{value} is literal here and looks like an expression",
                f"did you mean ={value}? To write just this text: ='{value}'",
            )
            return INVALID
        return Constant(value, node.place)
    expression: Any = EXPRESSION.decode(node, context)
    return expression if isinstance(expression, Invalid) else Leaf(expression)


def _record(node: Table, context: Context) -> Builder | Invalid:
    built = [(entry.key, decode_map(entry.node, context)) for entry in node.entries]
    if any(builder is INVALID for _, builder in built):
        return INVALID
    return Record(tuple(built))  # type: ignore[arg-type]


def _list(node: Sequence, context: Context) -> Builder | Invalid:
    parts: list[Any] = [decode_map(one, context) for one in node.items]
    if any(part is INVALID for part in parts):
        return INVALID
    return Items(tuple(parts))


def _block(node: Table, context: Context) -> Builder | Invalid:
    for entry in node.entries:
        if entry.key not in _BLOCK_KEYS:
            close = nearest(entry.key, _BLOCK_KEYS)
            hint = close if close.startswith("did") else f"map: {{{entry.key}: ...}}"
            beside = "map:" if node.get("map") is not None else "each:"
            context.report.error("E121", entry.place, f"{entry.key} beside {beside}", hint)
            return INVALID
    each, inner = _each(node, context)
    lets, inner = _lets(node.get("let"), inner)
    guard_node = node.get("if")
    guard = EXPRESSION.decode(guard_node, inner) if guard_node is not None else None
    body_node = node.get("map")
    if body_node is None:
        context.report.error("E121", node.place, "each: without map:", "map: {field: =item.field}")
        return INVALID
    body = decode_map(body_node, inner)
    if INVALID in (each, lets, guard, body):
        return INVALID
    if each is None and not lets and guard is None:
        return body
    return Block(lets, guard, body, each)  # type: ignore[arg-type]


def _each(node: Table, context: Context) -> tuple[Any, Context]:
    each = node.get("each")
    if each is None:
        return None, context
    source = EXPRESSION.decode(each, context)
    return source, context.plus_roots("item", "index", "position")


def _lets(node: Node | None, context: Context) -> tuple[Any, Context]:
    """Decode `let:`; each name may use those before it."""
    if node is None:
        return (), context
    if not isinstance(node, Table):
        context.report.error("E012", node.place, "let: must be a mapping", "let: {name: =expr}")
        return INVALID, context
    found: list[tuple[str, Any]] = []
    for entry in node.entries:
        builder = _let(entry, context)
        found.append((entry.key, builder))
        context = context.plus_roots(entry.key)
    bad = any(builder is INVALID for _, builder in found)
    return INVALID if bad else tuple(found), context


def _let(entry: Entry, context: Context) -> Any:
    check_name(entry, context)
    return decode_map(entry.node, context)
