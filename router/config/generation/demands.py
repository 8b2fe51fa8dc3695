"""Owns: all that the parts of a schema demand of one value, together.
Imports: config.types.schemas.
Never: makes a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

from router.config.generation.sorts import sorts_of
from router.config.types.schemas import Schemas, View
from router.core.document import Json, type_name

#: kinds of values in JSON Schema's words, in the order in which they are tried
KINDS = ("object", "array", "string", "integer", "number", "boolean", "null")
_WORDS = {"list": "array", "text": "string"}


@dataclass(eq=False)
class Demand:
    """What one value must satisfy. What it tells of its parts is worked out once."""

    schemas: Schemas
    views: tuple[View, ...]
    _fields: dict[str, Demand] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds that all let through; where none says, text."""
        said = [_said(schema["type"]) for schema, _ in self.views if "type" in schema]
        if not said:
            return (self._supposed(),)
        kept = reduce(_both, said)
        if "number" in kept and "integer" in kept:
            kept = kept - {"integer"}
        return tuple(kind for kind in KINDS if kind in kept)

    @cached_property
    def values(self) -> list[Json] | None:
        """Return the values that `const` and `enum` leave, None where neither is said."""
        said = [
            [schema["const"]] if "const" in schema else schema["enum"]
            for schema, _ in self.views
            if "const" in schema or "enum" in schema
        ]
        if not said:
            return None
        first, *rest = said
        return [
            one
            for one in first
            if all(_among(one, more) for more in rest) and not _among(one, self.refused)
        ]

    @cached_property
    def refused(self) -> list[Json]:
        """Return the values that `not` takes out."""
        return [one for schema, _ in self.views for one in _refused(schema)]

    def said(self, keyword: str) -> list[Any]:
        """Return what the views say by a keyword."""
        return [schema[keyword] for schema, _ in self.views if keyword in schema]

    def least(self, keyword: str) -> Any:
        """Return the strictest lower bound, None where there is none."""
        return max(self.said(keyword), default=None)

    def most(self, keyword: str) -> Any:
        """Return the strictest upper bound, None where there is none."""
        return min(self.said(keyword), default=None)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Return the fields that must be there."""
        return tuple(dict.fromkeys(name for names in self.said("required") for name in names))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the fields that are described or required."""
        told = [name for fields in self.said("properties") for name in fields]
        return tuple(dict.fromkeys([*told, *self.required]))

    @property
    def is_closed(self) -> bool:
        """Return whether no other field may be there."""
        words = ("additionalProperties", "unevaluatedProperties")
        return any(schema.get(word) is False for schema, _ in self.views for word in words)

    def of_field(self, name: str) -> Demand:
        """Return what is demanded of a field."""
        if name not in self._fields:
            found = [one for view in self.views for one in self.schemas.declared(view, name)]
            self._fields[name] = Demand(self.schemas, tuple(found))
        return self._fields[name]

    def of_item(self, index: int = 0) -> Demand:
        """Return what is demanded of an item; of the first also what the list must contain."""
        return self._first_item if index == 0 else self._item

    @cached_property
    def _first_item(self) -> Demand:
        return Demand(self.schemas, self._below("items", "contains"))

    @cached_property
    def _item(self) -> Demand:
        return Demand(self.schemas, self._below("items"))

    def _below(self, *keywords: str) -> tuple[View, ...]:
        """Return what the schemas that stand under these keywords say."""
        return tuple(
            one
            for schema, root in self.views
            for keyword in keywords
            for one in self.schemas.child(schema.get(keyword), root)
        )

    @cached_property
    def of_other_field(self) -> Demand:
        """Return what is demanded of a field that has no name in the schema."""
        return Demand(self.schemas, self._below("additionalProperties"))

    @cached_property
    def of_name(self) -> Demand:
        """Return what is demanded of the names of fields."""
        return Demand(self.schemas, (({"type": "string"}, {}), *self._below("propertyNames")))

    def sorts(self, turn: int = 0) -> list[Demand]:
        """Return the demand of each way in which its first alternative is taken; none has none.

        `turn` says with which the list begins: items of a list are of each sort.
        """
        found = self._ways
        first = turn % len(found) if found else 0
        return [*found[first:], *found[:first]]

    @cached_property
    def _ways(self) -> list[Demand]:
        ways = sorts_of(self.schemas, self.views)
        return [Demand(self.schemas, tuple(one)) for one in ways]

    def _supposed(self) -> str:
        words = {word for schema, _ in self.views for word in schema}
        if words & {"properties", "required", "additionalProperties", "propertyNames"}:
            return "object"
        if words & {"items", "contains", "minItems", "maxItems"}:
            return "array"
        return "number" if words & {"minimum", "maximum", "multipleOf"} else "string"


def kind_of(value: Json) -> str:
    """Return JSON Schema's word for what a value is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return "integer"
    return _WORDS.get(type_name(value), type_name(value))


def _said(word: Any) -> frozenset[str]:
    return frozenset([word] if isinstance(word, str) else word)


def _both(first: frozenset[str], second: frozenset[str]) -> frozenset[str]:
    """Return the kinds that two lists of kinds have in common: an integer is a number."""
    both = first & second
    if ("integer" in first and "number" in second) or ("integer" in second and "number" in first):
        both |= {"integer"}
    return both


def _refused(schema: Mapping[str, Any]) -> list[Json]:
    refused = schema.get("not")
    if not isinstance(refused, Mapping):
        return []
    return [refused["const"]] if "const" in refused else list(refused.get("enum", ()))


def _among(value: Json, values: Sequence[Json]) -> bool:
    return any(type(one) is type(value) and one == value for one in values)
