"""Owns: the ways in which a schema with alternatives can be satisfied.
Imports: config.types.schemas.
Never: says that a way can be gone: a validator does, of the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.config.types.schemas import Schema, Schemas, View


def sorts_of(schemas: Schemas, views: Sequence[View]) -> list[list[View]]:
    """Return the views of each way to take the first alternative of views; none has none.

    Of several `if` at most one is taken: they tell the texts of one field apart.
    """
    for place, (schema, root) in enumerate(views):
        for word in ("oneOf", "anyOf"):
            if schema.get(word):
                rest = {key: held for key, held in schema.items() if key != word}
                others = [*views[:place], (rest, root), *views[place + 1 :]]
                return [[*others, *schemas.child(one, root)] for one in schema[word]]
    cases = [(schema, root) for schema, root in views if "if" in schema]
    return _cases(schemas, views, cases) if cases else []


def _cases(schemas: Schemas, views: Sequence[View], cases: Sequence[View]) -> list[list[View]]:
    found: list[list[View]] = []
    plain = [_without_if(view) for view in views]
    for at, (schema, root) in enumerate(cases):
        taken = [*plain, *_inside(schemas, (schema, root), "if", "then")]
        for other in (*cases[:at], *cases[at + 1 :]):
            taken += _inside(schemas, other, "else")
        found.append(taken)
    found.append([*plain, *(one for case in cases for one in _not_taken(schemas, case))])
    return found


def _without_if(view: View) -> View:
    schema, root = view
    return {key: one for key, one in schema.items() if key not in ("if", "then", "else")}, root


def _inside(schemas: Schemas, view: View, *words: str) -> list[View]:
    schema, root = view
    return [one for word in words for one in schemas.child(schema.get(word), root)]


def _not_taken(schemas: Schemas, view: View) -> list[View]:
    """Return what holds where an `if` over texts of fields does not."""
    schema, root = view
    fields = schema["if"].get("properties", {}) if isinstance(schema["if"], Mapping) else {}
    refused: Schema = {"properties": {name: {"not": held} for name, held in fields.items()}}
    return [(refused, root), *_inside(schemas, view, "else")]
