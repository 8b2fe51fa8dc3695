"""Owns: a drafted contract made as strict as the map that reads it.
Imports: config.drafts (inference, matching, sources).
Never: refuses what a sample has.
"""

from __future__ import annotations

from typing import Any

from router.config.drafts.inference import Schema
from router.config.drafts.matching import Items, Node, Value
from router.config.drafts.sources import Leaf


def bounded(schema: Schema, node: Node) -> None:
    """Give the texts of a schema the bounds of the fields that they fill.

    What a field would refuse is refused where it comes in, and told there.
    """
    _bound(schema, schema, node)


def _bound(schema: Any, whole: Schema, node: Node) -> None:
    if isinstance(node, Value):
        if node.leaf is not None and node.goal is not None:
            held = _at(whole if node.leaf.outer else schema, node.leaf.names)
            if held is not None:
                _text(held, node, node.leaf)
    elif isinstance(node, Items):
        inner = _at(schema, node.listing.names) if node.listing is not None else schema
        if node.listing is not None and inner is not None:
            inner = inner.get("items", inner)
        _bound(inner, whole, node.item)
    else:
        for _, one in node.entries:
            _bound(schema, whole, one)


def _text(schema: Schema, value: Value, leaf: Leaf) -> None:
    goal = value.goal
    assert goal is not None, "who calls has looked"
    bare = value.text == f"={leaf.path}"
    if goal.kind == "text" and bare and "maxLength" in schema:
        schema["maxLength"] = min(schema["maxLength"], goal.schema.get("maxLength", 1 << 20))
    elif goal.kind == "word" and not value.table:
        seen = {one for one in leaf.values if isinstance(one, str)}
        words: list[Any] = sorted(seen | set(goal.words) if bare else seen)
        schema["enum"] = [*words, None] if "null" in schema.get("type", ()) else words
        for word in ("maxLength", "pattern", "format"):
            schema.pop(word, None)


def _at(schema: Any, names: tuple[str, ...]) -> Schema | None:
    """Return the part of a schema that describes a path of fields."""
    for name in names:
        schema = schema.get("properties", {}).get(name) if isinstance(schema, dict) else None
    return schema if isinstance(schema, dict) else None
