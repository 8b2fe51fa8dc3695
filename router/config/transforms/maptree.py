"""Owns: what a map is made of, and the document that each part builds.
Imports: config.transforms.expressions, core.
Never: reads a text of a project (config.transforms.maps does); writes a key for a computed null.

Calling a part evaluates it step by step, so that an error tells its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from router.config.transforms.expressions import Expression
from router.core.diagnostics import Place
from router.core.document import Json, type_name
from router.core.errors import LimitExceeded, NullKey, TransformError

#: items that one `each` may give
MAX_ITEMS = 50_000
#: items that one `each` may give together with those within it
MAX_IN_ALL = 200_000
#: where a scope counts them: no root can have this name
SPENT = "# items"


class Absent:
    """What a part gives when its key is to be left out."""

    __slots__ = ()


ABSENT = Absent()

Scope: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Many:
    """The items of an `each`, to be spliced into the list around it."""

    items: list[Json]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value as it is written; a null too."""

    value: Json
    place: Place = field(default=Place(""), compare=False)

    def __call__(self, _scope: Scope) -> Json:
        return self.value


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is computed; a null is left out."""

    expression: Expression

    def __call__(self, scope: Scope) -> Json:
        value = self.expression(scope)
        return ABSENT if value is None else value


@dataclass(frozen=True, slots=True)
class Record:
    """An object, key by key in the order of the text."""

    parts: tuple[tuple[str, Builder], ...]

    def __call__(self, scope: Scope) -> Json:
        made = {}
        for key, part in self.parts:
            value = part(scope)
            if value is not ABSENT:
                made[key] = finished(value)
        return made


@dataclass(frozen=True, slots=True)
class Items:
    """A list; what an `each` in it gives is spliced."""

    parts: tuple[Builder, ...]

    def __call__(self, scope: Scope) -> Json:
        made: list[Json] = []
        for part in self.parts:
            value = part(scope)
            if isinstance(value, Many):
                made.extend(value.items)
            elif value is not ABSENT:
                made.append(value)
        return made


@dataclass(frozen=True, slots=True)
class Block:
    """A part under names (`let`) and a condition (`if`), once or for each item of a list."""

    lets: tuple[tuple[str, Builder], ...]
    guard: Expression | None
    body: Builder
    each: Expression | None = None

    def __call__(self, scope: Scope) -> Any:
        if self.each is None:
            return self._one(scope)
        made = []
        inner = dict(scope)
        inner.setdefault(SPENT, [0])
        for index, item in enumerate(self._source(inner, self.each)):
            inner["item"] = item
            inner["index"] = index
            inner["position"] = index + 1
            value = self._one(inner)
            if value is not ABSENT:
                made.append(finished(value))
        return Many(made)

    def _source(self, scope: dict[str, Any], each: Expression) -> list[Json]:
        source = each(scope)
        if not isinstance(source, list):
            raise TransformError(
                f"each: ={each.source} is {type_name(source)}, not a list: as_list(...) makes one",
                place=each.place,
            )
        if len(source) > MAX_ITEMS:
            raise LimitExceeded(f"each: more than {MAX_ITEMS} items", place=each.place)
        spent = scope[SPENT]
        spent[0] += len(source)
        if spent[0] > MAX_IN_ALL:
            raise LimitExceeded(f"each: more than {MAX_IN_ALL} items in all", place=each.place)
        return source

    def _one(self, scope: Scope) -> Json:
        scope = named(self.lets, scope)
        if self.guard is not None and not self.guard.holds(scope):
            return ABSENT
        return built(self.body, self.lets, scope)


#: gives a document, ABSENT, or (of an `each`) Many
Builder: TypeAlias = Constant | Leaf | Record | Items | Block


def named(lets: tuple[tuple[str, Builder], ...], scope: Scope) -> Scope:
    """Return the scope with the names of a `let` in it; each may use those before it."""
    if not lets:
        return scope
    inner = dict(scope)
    for name, part in lets:
        value = finished(part(inner))
        inner[name] = None if value is ABSENT else value
    return inner


def built(body: Builder, lets: tuple[tuple[str, Builder], ...], scope: Scope) -> Json:
    """Return what a part gives; a key that is null by a name of a `let` is told with its origin."""
    try:
        return body(scope)
    except NullKey as error:
        origin = dict(lets).get(error.read[0]) if error.read else None
        if not isinstance(origin, Leaf):
            raise
        read = f"{error.read[0]} is ={origin.expression.source}"
        raise NullKey(f"{error}; {read} ({origin.expression.place})", place=error.place) from error


def finished(value: Any) -> Any:
    """Return what a part gave as it stands in a document: a list of its items."""
    return value.items if isinstance(value, Many) else value


def rewired(part: Builder, change: Callable[[Expression], Expression]) -> Builder:
    """Return a part with other expressions in the places of its own."""
    match part:
        case Leaf(expression=expression):
            return Leaf(change(expression))
        case Record(parts=parts):
            return Record(rewired_lets(parts, change))
        case Items(parts=parts):
            return Items(tuple(rewired(one, change) for one in parts))
        case Block(lets=lets, guard=guard, body=body, each=each):
            return Block(
                lets=rewired_lets(lets, change),
                guard=None if guard is None else change(guard),
                body=rewired(body, change),
                each=None if each is None else change(each),
            )
    return part


def rewired_lets(
    parts: tuple[tuple[str, Builder], ...], change: Callable[[Expression], Expression]
) -> tuple[tuple[str, Builder], ...]:
    """Return parts that have names with other expressions in the places of their own."""
    return tuple((name, rewired(part, change)) for name, part in parts)
