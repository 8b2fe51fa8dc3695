"""Owns: conditions of a schema that tell the texts of one field apart, said as cases.
Imports: the standard library.
Never: changes what a schema lets through.

Each `if` that stands beside others doubles the ways in which they can turn out together; but a
field has one text, so there are only as many cases as there are texts, and three more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

#: conditions that are worth it: one or two have no fewer cases
_MANY = 3
#: where parts are named by where they stand, or told of what others looked at, none can move
_FIXED = re.compile(
    r'"(?:unevaluated\w+|\$anchor|\$dynamic\w+)":'
    r'|"\$ref": (?!"(?:urn:[\w:./-]*)?(?:#(?:/\$defs/[\w.-]+)?)?")'
)
#: what holds values, not schemas
_VALUES = ("const", "enum", "default", "examples")


class _Condition(NamedTuple):
    """Where a field is this text, `then` holds, and of what has no fields. Of an object without the
    field it holds as well, unless the condition asks for the field: then it is strict.
    """

    field: str
    text: str
    then: Any
    strict: bool


def as_cases(schema: Any) -> Any:
    """Return a schema that lets the same values through, with cases for its conditions.

    One in which nothing may move is returned as it is.
    """
    return schema if _FIXED.search(json.dumps(schema)) else _rewritten(schema)


def _rewritten(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_rewritten(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: one if key in _VALUES else _rewritten(one) for key, one in schema.items()}
    if isinstance(made.get("allOf"), list):
        made["allOf"] = list(_grouped(made["allOf"]))
    return made


def _grouped(parts: Iterable[Any]) -> Iterator[Any]:
    """Yield the parts of an `allOf`; many conditions about one field are one part."""
    by_field: dict[str, list[tuple[_Condition, Any]]] = {}
    for part in parts:
        condition = _condition(part)
        if condition is None:
            yield part
        else:
            by_field.setdefault(condition.field, []).append((condition, part))
    for name, found in by_field.items():
        if len(found) < _MANY:
            yield from (part for _, part in found)
        else:
            yield {"anyOf": list(_cases(name, [condition for condition, _ in found]))}


def _cases(name: str, conditions: Sequence[_Condition]) -> Iterator[Any]:
    """Yield what holds for each text of a field, for its other values, and without it."""
    there = {"type": "object", "required": [name]}
    texts = list(dict.fromkeys(one.text for one in conditions))
    for text in texts:
        then = [one.then for one in conditions if one.text == text]
        yield {**there, "properties": {name: {"const": text}}, "allOf": then}
    yield {**there, "properties": {name: {"not": {"enum": texts}}}}
    without = {"type": "object", "properties": {name: False}}
    yield {**without, "allOf": [True, *(one.then for one in conditions if not one.strict)]}
    yield {"not": {"type": "object"}, "allOf": [one.then for one in conditions]}


def _condition(part: Any) -> _Condition | None:
    if not isinstance(part, dict) or part.keys() != {"if", "then"}:
        return None
    asked = part["if"]
    fields = asked.get("properties") if isinstance(asked, dict) else None
    if not isinstance(fields, dict) or len(fields) != 1:
        return None
    name, held = next(iter(fields.items()))
    strict = asked == {"properties": fields, "required": [name]}
    told = isinstance(held, dict) and held.keys() == {"const"} and isinstance(held["const"], str)
    if not told or not (strict or asked.keys() == {"properties"}):
        return None
    return _Condition(name, held["const"], part["then"], strict)
