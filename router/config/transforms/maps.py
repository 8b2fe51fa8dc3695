"""Owns: YAML maps: nodes to a function that builds a document (`each`, `let`, `if`, `map`).
Imports: core, config.components, config.transforms.expressions.
Never: writes a key for a null: a computed null leaves its key out, a literal null is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from router.config.components import INVALID, Context, Invalid
from router.config.references import EXPRESSION
from router.config.source import Entry, Node, Scalar, Sequence, Table
from router.config.transforms.expressions import Expression, looks_like_expression
from router.core.diagnostics import Place, nearest
from router.core.document import Json, type_name
from router.core.errors import LimitExceeded, TransformError

#: items that one `each` may give
MAX_ITEMS = 50_000

_BLOCK_KEYS = ("each", "let", "if", "map")


class Absent:
    """What a builder gives when its key is to be left out."""

    __slots__ = ()


ABSENT = Absent()

Scope: TypeAlias = Mapping[str, Json]
#: gives a document, ABSENT, or (inside a list) Many
Builder: TypeAlias = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class Many:
    """The items of an `each`, to be spliced into the list around it."""

    items: list[Json]


def decode_map(node: Node, context: Context) -> Builder | Invalid:
    """Return the function that builds the document which a `map:` describes."""
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
        return lambda _scope: None
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
        return lambda _scope: value
    expression: Any = EXPRESSION.decode(node, context)
    if isinstance(expression, Invalid):
        return expression

    def leaf(scope: Scope) -> Json:
        value = expression(scope)
        return ABSENT if value is None else value

    return leaf


def _record(node: Table, context: Context) -> Builder | Invalid:
    built = [(entry.key, decode_map(entry.node, context)) for entry in node.entries]
    if any(builder is INVALID for _, builder in built):
        return INVALID
    parts: list[tuple[str, Builder]] = [(key, builder) for key, builder in built]  # type: ignore[misc]

    def record(scope: Scope) -> Json:
        made = {}
        for key, builder in parts:
            value = builder(scope)
            if value is not ABSENT:
                made[key] = value.items if isinstance(value, Many) else value
        return made

    return record


def _list(node: Sequence, context: Context) -> Builder | Invalid:
    parts: list[Any] = [decode_map(one, context) for one in node.items]
    if any(part is INVALID for part in parts):
        return INVALID

    def build(scope: Scope) -> Json:
        made: list[Json] = []
        for part in parts:
            value = part(scope)
            if isinstance(value, Many):
                made.extend(value.items)
            elif value is not ABSENT:
                made.append(value)
        return made

    return build


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
    one = _one(lets, guard, body)
    return one if each is None else _items(each, one)


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


def _one(lets: Any, guard: Expression | None, body: Any) -> Builder:
    if not lets and guard is None:
        return body  # type: ignore[no-any-return]

    def one(scope: Scope) -> Json:
        if lets:
            scope = dict(scope)
            for name, builder in lets:
                value = builder(scope)
                value = value.items if isinstance(value, Many) else value
                scope[name] = None if value is ABSENT else value
        if guard is not None and not guard.holds(scope):
            return ABSENT
        return body(scope)

    return one


def _items(each: Expression, one: Builder) -> Builder:
    place: Place = each.place

    def items(scope: Scope) -> Many:
        source = each(scope)
        if not isinstance(source, list):
            raise TransformError(
                f"each: ={each.source} is {type_name(source)}, not a list: as_list(...) makes one",
                place=place,
            )
        if len(source) > MAX_ITEMS:
            raise LimitExceeded(f"each: more than {MAX_ITEMS} items", place=place)
        made = []
        inner = dict(scope)
        for index, item in enumerate(source):
            inner["item"] = item
            inner["index"] = index
            inner["position"] = index + 1
            value = one(inner)
            if value is not ABSENT:
                made.append(value)
        return Many(made)

    return items
