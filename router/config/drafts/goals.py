"""Owns: what a draft has to fill: the fields of a contract, their kinds, the names they go by.
Imports: config.annotations, config.drafts.names, config.validation.
Never: knows a field: what else it is called, the contract says (`x-also-called`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from router.config.annotations import ALSO
from router.config.drafts.names import Words, is_common, words_of

Schema = Mapping[str, Any]
Resolve = Callable[[str], Schema | None]

#: objects with exactly these fields are made by a function of the same name
_MADE = {frozenset({"amount", "currency"}): "money", frozenset({"value", "unit"}): "quantity"}
#: kinds of fields that say how much
AMOUNTS = frozenset({"money", "quantity"})
_DEEPEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A field of a contract. `kind` is text, word, instant, date, money, list ..."""

    name: str
    schema: Schema
    kind: str
    required: bool
    phrases: tuple[Words, ...]
    depth: int = 0

    @property
    def doc(self) -> str:
        """Return what the contract says of it."""
        return str(self.schema.get("description", ""))

    @property
    def words(self) -> tuple[str, ...]:
        """Return the values that it may have, when they are listed."""
        given = self.schema.get("enum", [])
        return tuple(one for one in given if isinstance(one, str))


def whole(schema: Schema, resolve: Resolve, title: str) -> Goal:
    """Return a contract as a goal."""
    return _goal(title, schema, resolve, None)


def fields_of(goal: Goal, resolve: Resolve) -> Iterator[Goal]:
    """Yield the fields of an object in the order of its contract; free notes are left out."""
    if goal.depth > _DEEPEST:
        return
    for name, schema in goal.schema.get("properties", {}).items():
        if isinstance(schema, dict):
            made = _goal(name, schema, resolve, goal)
            if made.kind != "open":
                yield made


def item_of(goal: Goal, resolve: Resolve) -> Goal | None:
    """Return what a list holds."""
    items = goal.schema.get("items")
    return _goal(goal.name, items, resolve, goal) if isinstance(items, dict) else None


def field_at(goal: Goal, path: str, resolve: Resolve) -> Goal | None:
    """Return the field that a dotted path names."""
    for part in path.split("."):
        found = next((one for one in fields_of(goal, resolve) if one.name == part), None)
        if found is None:
            return None
        goal = found
    return goal


def allows(goal: Goal, text: str) -> bool:
    """Return whether a field of text would take this one."""
    schema = goal.schema
    if goal.words and text not in goal.words:
        return False
    pattern = schema.get("pattern")
    longest, shortest = schema.get("maxLength", len(text)), schema.get("minLength", 0)
    fits = not isinstance(pattern, str) or re.search(pattern, text) is not None
    return fits and shortest <= len(text) <= longest


def allows_negative(goal: Goal) -> bool:
    """Return whether money or a quantity may be below zero."""
    name = "amount" if goal.kind == "money" else "value"
    pattern = goal.schema.get("properties", {}).get(name, {}).get("pattern", "")
    return not pattern or any(re.search(pattern, one) for one in ("-1", "-1.23"))


def _goal(name: str, schema: Schema, resolve: Resolve, parent: Goal | None) -> Goal:
    schema = _merged(schema, resolve)
    required = parent is not None and name in parent.schema.get("required", ())
    return Goal(
        name=name,
        schema=schema,
        kind=_kind(schema),
        required=required,
        phrases=_phrases(name, schema, parent, required=required),
        depth=parent.depth + 1 if parent else 0,
    )


def _phrases(
    name: str, schema: Schema, parent: Goal | None, *, required: bool
) -> tuple[Words, ...]:
    own = words_of(name)
    also = tuple(words_of(one) for one in schema.get(ALSO, ()) if isinstance(one, str))
    if parent is None or (parent.depth == 0 and not is_common(own)):
        return (own, *also)
    qualified = tuple((*words, *own) for words in parent.phrases)
    alone = required and len(parent.schema.get("required", ())) == 1 and parent.kind == "object"
    inherited = parent.phrases if alone else ()
    alone_says_little = is_common(own) and parent.depth > 0
    return (*(() if alone_says_little else (own,)), *qualified, *inherited, *also)


def _kind(schema: Schema) -> str:
    types = schema.get("type", "object" if "properties" in schema else "")
    types = [one for one in ([types] if isinstance(types, str) else types) if one != "null"]
    one = types[0] if len(types) == 1 else ""
    if one == "object":
        made = _MADE.get(frozenset(schema.get("properties", {})))
        return made or ("object" if schema.get("properties") else "open")
    if one == "string":
        return _text_kind(schema)
    return {"array": "list", "integer": "whole", "number": "number", "boolean": "flag"}.get(
        one, "open"
    )


def _text_kind(schema: Schema) -> str:
    if "enum" in schema or "const" in schema:
        return "word"
    return {"date-time": "instant", "date": "date"}.get(schema.get("format", ""), "text")


def _merged(schema: Schema, resolve: Resolve) -> Schema:
    """Return a schema with all that its $ref and allOf ask for."""
    made: dict[str, Any] = {}
    reference = schema.get("$ref")
    found = resolve(reference) if isinstance(reference, str) else None
    for one in (found, *schema.get("allOf", ())):
        if isinstance(one, Mapping):
            made.update(_merged(one, resolve))
    made.update(schema)
    return made
