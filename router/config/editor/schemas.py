"""Owns: shapes as JSON Schema: plain values, lists, mappings, components, names of the landscape.
Imports: config.components, config.shapes, config.references.
Never: repeats a key, a default or a pattern: each is read where the loader reads it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from router.config.components import Context, Knob, Shape, knobs_of, name_of
from router.config.contracts import REFERENCE
from router.config.editor.values import written
from router.config.references import (
    ContractShape,
    ExpressionShape,
    Named,
    ValueShape,
    WishShape,
)
from router.config.shapes import (
    DURATION,
    NAME,
    Choice,
    Document,
    Flag,
    Integer,
    Lazy,
    ListOf,
    MapOf,
    Name,
    Nested,
    OneKey,
    Parsed,
    Text,
    Wrapped,
)

Schema: TypeAlias = dict[str, Any]
#: what a value of a shape must be
Writer: TypeAlias = "Callable[[Any, Schemas], Schema]"

EXPRESSION = "^="


@dataclass(slots=True)
class Schemas:
    """Writes shapes as JSON Schema. A component is written once, under `$defs`.

    `context` holds the library whose names are suggested. `adapter` is the name of the adapter
    whose request stands in the operations that are being written; "" = any.
    """

    context: Context
    writers: Mapping[type[Any], Writer]
    adapter: str = ""
    defs: dict[str, Schema] = field(default_factory=dict)

    def of(self, shape: Shape) -> Schema:
        """Return what a value of the shape must be; anything, for a shape without a writer."""
        write = self.writers.get(type(shape))
        return {"description": shape.expects} if write is None else write(shape, self)

    def component(self, cls: type[Any]) -> Schema:
        """Return a reference to a component."""
        return self.define(name_of(cls), lambda: self.body(cls))

    def define(self, name: str, make: Callable[[], Schema]) -> Schema:
        """Return a reference to a definition, made when it is first named."""
        key = "-".join([*name.split(), *([self.adapter] if self.adapter else [])])
        if key not in self.defs:
            self.defs[key] = {}  # it may name itself
            self.defs[key].update(make())
        return {"$ref": f"#/$defs/{key}"}

    def body(self, cls: type[Any]) -> Schema:
        """Return a component: its keys, which of them must be there, and nothing beside them."""
        knobs = knobs_of(cls)
        return {
            "title": name_of(cls),
            "description": cls.__summary__,
            "type": "object",
            "properties": {one.key: self._key(one) for one in knobs},
            "required": [one.key for one in knobs if one.required],
            "additionalProperties": False,
        }

    def with_adapter(self, name: str) -> Schemas:
        """Return a writer into the same definitions for systems that speak by an adapter."""
        return dataclasses.replace(self, adapter=name)

    def _key(self, one: Knob) -> Schema:
        schema = self.of(one.shape)
        said = [one.doc, *([schema["description"]] if "description" in schema else [])]
        if isinstance(one.roots, frozenset) and one.roots:
            said.append(f"Expressions see {', '.join(sorted(one.roots))}.")
        schema["description"] = "\n".join(said)
        value = None if one.required else written(one)
        return schema if value in (None, "", [], {}) else {**schema, "default": value}


def _text(shape: Text, _make: Schemas) -> Schema:
    schema: Schema = {"description": shape.expects, "type": "string", "minLength": 1}
    return {**schema, "pattern": whole(shape.pattern)} if shape.pattern else schema


def _name(shape: Name, _make: Schemas) -> Schema:
    return {"description": shape.expects, "type": "string", "pattern": whole(NAME)}


def _flag(_shape: Flag, _make: Schemas) -> Schema:
    return {"type": "boolean"}


def _integer(shape: Integer, _make: Schemas) -> Schema:
    bounds = {"minimum": shape.low, "maximum": shape.high}
    return {"description": shape.expects, "type": "integer", **bounds}


def _parsed(shape: Parsed, _make: Schemas) -> Schema:
    schema: Schema = {"description": shape.expects, "type": "string"}
    return {**schema, "pattern": whole(shape.written), "examples": list(shape.examples)}


def _choice(shape: Choice, _make: Schemas) -> Schema:
    return {"type": "string", "enum": list(shape.words)}


def _document(shape: Document, _make: Schemas) -> Schema:
    return {"description": shape.expects}


def _list(shape: ListOf, make: Schemas) -> Schema:
    schema: Schema = {"type": "array", "items": make.of(shape.item)}
    return {**schema, "minItems": shape.least} if shape.least else schema


def _map(shape: MapOf, make: Schemas) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": make.of(shape.value)}
    if shape.key:
        schema["propertyNames"] = {"pattern": whole(shape.key)}
    return {**schema, "minProperties": shape.least} if shape.least else schema


def _nested(shape: Nested, make: Schemas) -> Schema:
    return make.component(shape.cls)


def _one_key(shape: OneKey, make: Schemas) -> Schema:
    return make.define(
        shape.noun,
        lambda: {
            "title": shape.noun,
            "type": "object",
            "properties": {word: make.of(one) for word, one in shape.options.items()},
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        },
    )


def _lazy(shape: Lazy, make: Schemas) -> Schema:
    return make.of(shape.build())


def _wrapped(shape: Wrapped, make: Schemas) -> Schema:
    return {**make.of(shape.shape), "description": shape.cls.__summary__}


def _expression(shape: ExpressionShape, _make: Schemas) -> Schema:
    return {"description": shape.expects, "type": "string", "pattern": EXPRESSION}


def _value(shape: ValueShape, _make: Schemas) -> Schema:
    return {"description": shape.expects, "type": ["string", "number", "boolean"]}


def _wish(shape: WishShape, _make: Schemas) -> Schema:
    texts = {"type": "string", "pattern": f"{EXPRESSION}|{whole(DURATION.written)}"}
    return {"description": shape.expects, "anyOf": [texts, {"type": "integer", "minimum": 0}]}


def _contract(shape: ContractShape, make: Schemas) -> Schema:
    names = {one.ref.subject for one in make.context.library.contracts.all()}
    return _suggesting(names, {"type": "string", "pattern": whole(REFERENCE.pattern)}, shape)


def _named(shape: Named, make: Schemas) -> Schema:
    return _suggesting(shape.known(make.context), {"type": "string"}, shape)


def _suggesting(names: Iterable[str], schema: Schema, shape: Shape) -> Schema:
    """Return a schema of which editors offer names, and which takes others as well."""
    known = sorted(names)
    said = {"description": shape.expects}
    return {**said, "anyOf": [schema, {"enum": known}]} if known else {**said, **schema}


def whole(pattern: str) -> str:
    """Return a pattern that the whole of a text must match."""
    return f"^(?:{pattern})$"


#: the shapes of plain values, and of names
PLAIN: Mapping[type[Any], Writer] = {
    Text: _text,
    Name: _name,
    Flag: _flag,
    Integer: _integer,
    Parsed: _parsed,
    Choice: _choice,
    Document: _document,
    ListOf: _list,
    MapOf: _map,
    Nested: _nested,
    OneKey: _one_key,
    Lazy: _lazy,
    Wrapped: _wrapped,
    ExpressionShape: _expression,
    ValueShape: _value,
    WishShape: _wish,
    ContractShape: _contract,
    Named: _named,
}
