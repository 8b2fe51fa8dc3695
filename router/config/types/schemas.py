"""Owns: the type of what a contract's schema lets through.
Imports: config.types.type, config.pointers.
Never: is stricter than the schema: what it cannot read lets anything through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from router.config.pointers import pointed
from router.config.types.type import UNKNOWN, Type, union
from router.core.document import type_name

Schema = Mapping[str, Any]
#: a part of a schema, and the whole one that its references mean
View = tuple[Schema, Schema]
_KINDS = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}
_LIST, _OBJECT = frozenset({"list"}), frozenset({"object"})
#: by which a schema tells several sorts apart
_BRANCHES = frozenset({"oneOf", "anyOf", "if"})
#: sorts of objects that one schema may tell apart; more are anything
_MOST_SORTS = 24
#: choices within choices
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Schemas:
    """Reads schemas; `by_urn` gives another contract's. `where` is its name, for reasons."""

    by_urn: Callable[[str], Schema | None]
    where: str

    def type_of(self, views: Sequence[View], path: str) -> Type:
        """Return the type of what satisfies all of these views; `path` names it in reasons."""
        if all(_BRANCHES.isdisjoint(schema) for schema, _ in views):
            return self._one(views, path)
        sorts = list(self._sorts(views))
        if len(sorts) > _MOST_SORTS:
            return UNKNOWN
        return union([self._one(sort, path) for sort in sorts])

    def views(self, schema: Schema, root: Schema) -> list[View]:
        """Return a schema and all that it demands as well: what it refers to, `allOf`."""
        if "$ref" not in schema and "allOf" not in schema:
            return [(schema, root)]
        return list(self._all(schema, root, frozenset()))

    def child(self, schema: Any, root: Schema) -> list[View]:
        """Return the views of a part of a schema; none where it says nothing."""
        return self.views(schema, root) if isinstance(schema, Mapping) else []

    def declared(self, view: View, name: str) -> Iterator[View]:
        """Yield what a view of an object demands of its field of a name."""
        schema, root = view
        properties = schema.get("properties", {})
        if name in properties:
            yield from self.child(properties[name], root) or [({}, root)]
            return
        for pattern, child in schema.get("patternProperties", {}).items():
            if re.search(pattern, name):
                yield from self.child(child, root) or [({}, root)]
        rest = schema.get("additionalProperties")
        if isinstance(rest, Mapping):
            yield from self.child(rest, root) or [({}, root)]

    def _one(self, views: Sequence[View], path: str) -> Type:
        kinds, null = _kinds_of(views)
        if kinds is None:
            return UNKNOWN
        name = path.lstrip(".")
        origin = f"{name} in {self.where}" if name else self.where
        is_text = "text" in kinds
        texts = _texts_of(views) if is_text else None
        made = Type(
            kinds=kinds - {"list", "object"},
            null=f"{path} may be null in {self.where}" if null else "",
            texts=texts,
            never=frozenset(one for schema, _ in views for one in _refused(schema)),
            longest=_longest(views, texts) if is_text else None,
            form=_word_of("format", views) if is_text else "",
            pattern=_word_of("pattern", views) if is_text else "",
            sure_of=_boolean(views) if "boolean" in kinds else None,
            origin=origin,
        )
        parts = [made] if made.kinds or made.null else []
        if "list" in kinds:
            parts.append(self._list(views, path, origin))
        if "object" in kinds:
            held = _Object(self, tuple(views), path)
            parts.append(Type(kinds=_OBJECT, objects=(held,), origin=origin))
        return union(parts) if parts else made

    def _list(self, views: Sequence[View], path: str, origin: str) -> Type:
        inner = [
            view
            for schema, root in views
            if "items" in schema
            for view in self.child(schema["items"], root)
        ]
        least = max((schema.get("minItems", 0) for schema, _ in views), default=0)
        has = frozenset(one for schema, _ in views for one in _contained(schema))
        item = partial(self.type_of, inner, f"{path}[]")
        return Type(kinds=_LIST, item=item, least=least, has=has, origin=origin)

    def _sorts(self, views: Sequence[View], depth: int = 0) -> Iterator[Sequence[View]]:
        """Yield the views of each way in which `oneOf` and `anyOf` can be satisfied."""
        if depth > _DEEPEST:
            yield ()  # nothing is known
            return
        for place, (schema, root) in enumerate(views):
            for word in ("oneOf", "anyOf"):
                branches = schema.get(word)
                if isinstance(branches, list) and branches:
                    rest = {key: held for key, held in schema.items() if key != word}
                    before, after = views[:place], views[place + 1 :]
                    for branch in branches:
                        inner = self.child(branch, root)
                        yield from self._sorts([*before, (rest, root), *inner, *after], depth + 1)
                    return
        yield from self._by_case(views)

    def _by_case(self, views: Sequence[View]) -> Iterator[Sequence[View]]:
        """Yield the views of each case that `if` and `then` tell apart, and those of all others."""
        name, cases = _cases(views)
        plain = [one for one in views if "if" not in one[0]] if cases else views
        for text, then in cases.items():
            yield [*plain, ({"properties": {name: {"const": text}}}, then[1]), *self.child(*then)]
        rest = {"properties": {name: {"not": {"enum": sorted(cases)}}}}
        yield [*plain, (rest, plain[0][1])] if cases else plain

    def _all(self, schema: Schema, root: Schema, seen: frozenset[int]) -> Iterator[View]:
        if id(schema) in seen:  # it refers to itself
            return
        seen |= {id(schema)}
        yield schema, root
        reference = schema.get("$ref")
        if isinstance(reference, str):
            found = self._resolve(reference, root)
            if found is not None:
                yield from self._all(*found, seen)
        for child in schema.get("allOf", ()):
            if isinstance(child, Mapping):
                yield from self._all(child, root, seen)

    def _resolve(self, reference: str, root: Schema) -> View | None:
        base, _, pointer = reference.partition("#")
        if base:
            found = self.by_urn(base)
            if found is None:
                return None
            root = found
        target = pointed(root, pointer)
        return (target, root) if isinstance(target, Mapping) else None


@dataclass(frozen=True, slots=True, eq=False)
class _Object:
    """The fields of an object that a schema describes, each made when it is first asked for."""

    schemas: Schemas
    views: tuple[View, ...]
    path: str
    _made: dict[str, Type | None] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """Return which object it is, and of which contract."""
        return f"{self.path} in {self.schemas.where}" if self.path else self.schemas.where

    @property
    def closed(self) -> bool:
        """Return whether it may have no other field than those of its names."""
        return any(
            schema.get(word) is False
            for schema, _ in self.views
            for word in ("additionalProperties", "unevaluatedProperties")
        )

    def field(self, name: str) -> Type | None:
        """Return what a field may be; what no view describes is none."""
        if name not in self._made:
            self._made[name] = self._read(name)
        return self._made[name]

    def _read(self, name: str) -> Type | None:
        inner = [view for one in self.views for view in self.schemas.declared(one, name)]
        where = f"{self.path}.{name}"
        if not inner:
            return None if self._is_told() else UNKNOWN
        made = self.schemas.type_of([view for view in inner if view[0]], where)
        needed = any(name in schema.get("required", ()) for schema, _ in self.views)
        return made if needed else made.optional(f"{where} is optional in {self.schemas.where}")

    def names(self) -> Iterable[str]:
        """Return the names that the views describe."""
        return {name for schema, _ in self.views for name in schema.get("properties", ())}

    def _is_told(self) -> bool:
        """Return whether any view describes fields: one that does not lets all of them through."""
        return any(
            "properties" in schema or schema.get("additionalProperties") is False
            for schema, _ in self.views
        )


def _contained(schema: Schema) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    """Yield each path and text that some item of a list must have."""
    wanted = schema.get("contains", {})
    if schema.get("minContains", 1) > 0 and isinstance(wanted, Mapping):
        for name, held in wanted.get("properties", {}).items():
            if isinstance(held, Mapping) and isinstance(held.get("const"), str):
                yield (name,), frozenset({held["const"]})


def _kinds_of(views: Sequence[View]) -> tuple[frozenset[str] | None, bool]:
    """Return the kinds that all views let through, None where none says; and whether null is."""
    kinds: frozenset[str] | None = None
    null = True
    for schema, _ in views:
        said = _said(schema)
        if said is not None:
            null = null and "null" in said
            mine = frozenset(_KINDS[word] for word in said if word in _KINDS)
            mine |= {"integer"} if "number" in mine else frozenset()
            kinds = mine if kinds is None else kinds & mine
    return (kinds, null) if kinds is not None else (None, True)


def _said(schema: Schema) -> set[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        return {_word(value) for value in values}
    said = schema.get("type")
    if isinstance(said, str):
        return {said}
    if isinstance(said, list):
        return set(said)
    if "properties" in schema and "required" in schema:
        return {"object"}
    return None


def _word(value: Any) -> str:
    """Return JSON Schema's word for what a value is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return "integer"
    return {"list": "array", "text": "string"}.get(type_name(value), type_name(value))


def _texts_of(views: Sequence[View]) -> frozenset[str] | None:
    found: frozenset[str] | None = None
    for schema, _ in views:
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list):
            mine = frozenset(one for one in values if isinstance(one, str))
            found = mine if found is None else found & mine
    return found


def _refused(schema: Schema) -> Iterator[str]:
    refused = schema.get("not")
    if isinstance(refused, Mapping):
        values = [refused["const"]] if "const" in refused else refused.get("enum", ())
        yield from (one for one in values if isinstance(one, str))


def _cases(views: Sequence[View]) -> tuple[str, dict[str, View]]:
    """Return the field by whose text `if` tells cases apart, and what `then` each case demands."""
    found: dict[str, dict[str, View]] = {}
    for schema, root in views:
        if isinstance(schema.get("then"), Mapping):
            for name, held in schema.get("if", {}).get("properties", {}).items():
                if isinstance(held, Mapping) and isinstance(held.get("const"), str):
                    found.setdefault(name, {})[held["const"]] = (schema["then"], root)
    return next(iter(found.items()), ("", {}))


def _longest(views: Sequence[View], texts: frozenset[str] | None) -> int | None:
    if texts is not None:
        return max(map(len, texts), default=0)
    said = [schema["maxLength"] for schema, _ in views if "maxLength" in schema]
    return min(said, default=None)


def _word_of(keyword: str, views: Sequence[View]) -> str:
    """Return the format or the pattern that a text must keep, where one says it."""
    return next((schema[keyword] for schema, _ in views if keyword in schema), "")


def _boolean(views: Sequence[View]) -> bool | None:
    """Return the one boolean that is let through."""
    return next(
        (schema["const"] for schema, _ in views if isinstance(schema.get("const"), bool)), None
    )
