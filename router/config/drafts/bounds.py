"""Owns: a drafted contract made as strict as the map that reads it.
Imports: config.drafts (inference, matching).
Never: refuses what a sample has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.config.drafts.inference import PERHAPS_MINOR, Schema
from router.config.drafts.matching import Items, Node, Value


def bounded(schema: Schema, node: Node, *, words: bool) -> None:
    """Give the texts and amounts of a schema the bounds of the fields that they fill.

    What a field would refuse is refused where it comes in, and told there. `words`: where the field
    lists its texts, the schema does, too.
    """
    for held, value in _filled(schema, schema, node):
        if value.goal is not None and value.goal.kind == "money":
            _amount(held, minor="minor(" in value.text)
        else:
            _text(held, value, words=words)


def bounds_of(node: Node) -> frozenset[tuple[str, int]]:
    """Return the longest texts that a map takes, by where they stand in a message."""
    return frozenset(_bounds(node, ""))


def _bounds(node: Node, around: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, Value):
        longest = _longest(node)
        if longest is not None and node.leaf is not None:
            yield ("" if node.leaf.outer else around) + ".".join(node.leaf.names), longest
    elif isinstance(node, Items):
        names = node.listing.names if node.listing is not None else ()
        yield from _bounds(node.item, f"{'.'.join(names)}[]." if names else around)
    else:
        for _, one in node.entries:
            yield from _bounds(one, around)


def _longest(value: Value) -> int | None:
    """Return how long the text of a field may be that is taken over as it is."""
    goal, leaf = value.goal, value.leaf
    if goal is None or leaf is None or goal.kind != "text" or value.text != f"={leaf.path}":
        return None
    found = goal.schema.get("maxLength")
    return found if isinstance(found, int) else None


def _filled(schema: Any, whole: Schema, node: Node) -> Iterator[tuple[Schema, Value]]:
    """Yield each part of a schema that fills a field, with how."""
    if isinstance(node, Value):
        for leaf in node.read if node.goal is not None else ():
            held = _at(whole if leaf.outer else schema, leaf.names)
            if held is not None:
                yield held, node
    elif isinstance(node, Items):
        inner = _at(schema, node.listing.names) if node.listing is not None else schema
        if node.listing is not None and inner is not None:
            inner = inner.get("items", inner)
        yield from _filled(inner, whole, node.item)
    else:
        for _, one in node.entries:
            yield from _filled(schema, whole, one)


def _amount(schema: Schema, *, minor: bool) -> None:
    """Let amounts of units have a point, whatever the samples had; smallest units have none."""
    given = schema.get("type", [])
    types = [given] if isinstance(given, str) else list(given)
    if not minor and schema.get("description") == PERHAPS_MINOR:
        schema["description"] = "An amount beside a currency; whole in every sample."
    one, other = ("number", "integer") if minor else ("integer", "number")
    if one in types:
        made = list(dict.fromkeys(other if each == one else each for each in types))
        schema["type"] = made[0] if len(made) == 1 else made


def _text(schema: Schema, value: Value, *, words: bool) -> None:
    goal, leaf = value.goal, value.leaf
    assert goal is not None, "only these fill a field from a sample"
    assert leaf is not None, "only these fill a field from a sample"
    bare, longest = value.text == f"={leaf.path}", _longest(value)
    if longest is not None and "maxLength" in schema:
        schema["maxLength"] = min(schema["maxLength"], longest)
    elif goal.kind == "word" and words and not value.table:
        seen = {one for one in leaf.values if isinstance(one, str)}
        texts: list[Any] = sorted(seen | set(goal.words) if bare else seen)
        schema["enum"] = [*texts, None] if "null" in schema.get("type", ()) else texts
        for word in ("maxLength", "pattern", "format"):
            schema.pop(word, None)


def _at(schema: Any, names: tuple[str, ...]) -> Schema | None:
    """Return the part of a schema that describes a path of fields."""
    for name in names:
        schema = schema.get("properties", {}).get(name) if isinstance(schema, dict) else None
    return schema if isinstance(schema, dict) else None
