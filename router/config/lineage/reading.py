"""Owns: what the value of an expression comes from: its tree applied to a value.
Imports: config.lineage. Trees are those of the jmespath parser.
Never: evaluates; complains: what leads nowhere gives nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from router.config.lineage.functions import RULES, other
from router.config.lineage.paths import ANY, ITEM, Path, Paths, Source
from router.config.lineage.value import (
    EMPTY,
    NONE,
    WHOLE,
    Origin,
    Value,
    conditions,
    deciders,
    union,
)
from router.core.diagnostics import Place
from router.core.document import Json

Tree: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Reading:
    """One expression being read; `place` is where it stands."""

    paths: Paths
    place: Place

    def of(self, tree: Tree, current: Value) -> Value:
        """Return what a tree's value comes from when it is applied to `current`."""
        found: Value = _RULES[tree["type"]](self, tree, current)
        return found

    def field(self, value: Value, name: str) -> Value:
        """Return a field of a value."""
        found = [Value(self._led(value.origins, lambda one: self._named(one, name)))]
        inner = value.fields.get(name) or value.rest
        return union([*found, inner or EMPTY]).under(value.decided)

    def anyone(self, value: Value) -> Value:
        """Return a field of a value that is not known by name."""
        found = [Value(self._led(value.origins, lambda one: self._named(one, ANY)))]
        found += [*value.fields.values(), value.rest or EMPTY]
        return union(found).under(value.decided)

    def items(self, value: Value) -> Value:
        """Return an item of a list."""
        found = Value(self._led(value.origins, lambda one: self._item(one, loose=False)))
        return union([found, value.items or EMPTY]).under(value.decided)

    def unlisted(self, value: Value) -> Value:
        """Return an item where a value is a list, and the value itself where it is none."""
        found = Value(self._led(value.origins, lambda one: self._item(one, loose=True)))
        parts = [found, value.items or EMPTY]
        if value.fields or value.rest:
            parts.append(Value(fields=value.fields, rest=value.rest))
        return union(parts).under(value.decided)

    def constant(self, value: Json) -> Value:
        """Return what a value comes from that is written here."""
        if isinstance(value, dict) and value:
            return Value(fields={name: self.constant(one) for name, one in value.items()})
        if isinstance(value, list) and value:
            return Value(items=union([self.constant(one) for one in value]))
        if value is None:
            return EMPTY
        written = Source("constant", json.dumps(value, ensure_ascii=False))
        return Value(frozenset({Origin(Path(written), self.place)}))

    def _led(
        self, origins: Iterable[Origin], lead: Callable[[Origin], Iterable[Path]]
    ) -> frozenset[Origin]:
        """Return where origins lead; what only went into a value goes into its parts."""
        made = {one for one in origins if one.how != WHOLE}
        for one in origins:
            if one.how == WHOLE and one.path.source.kind != "constant":
                made |= {Origin(path, self.place) for path in lead(one)}
        return frozenset(made)

    def _named(self, origin: Origin, name: str) -> Iterator[Path]:
        path = origin.path.plus(name)
        if self.paths.type_at(path) is not None:
            yield path

    def _item(self, origin: Origin, *, loose: bool) -> Iterator[Path]:
        path = origin.path
        found = self.paths.type_at(path)
        if found is None:
            return
        if found.unknown or "list" in found.kinds:
            yield path.plus(ITEM)
        if loose and found.kinds - {"list"}:
            yield path


def _field(reading: Reading, tree: Tree, current: Value) -> Value:
    return reading.field(current, tree["value"])


def _chain(reading: Reading, tree: Tree, current: Value) -> Value:
    for child in tree["children"]:
        current = reading.of(child, current)
    return current


def _index(reading: Reading, _tree: Tree, current: Value) -> Value:
    return reading.items(current)


def _slice(_reading: Reading, _tree: Tree, current: Value) -> Value:
    return current


def _projection(reading: Reading, tree: Tree, current: Value) -> Value:
    base, step = tree["children"]
    item = reading.items(reading.of(base, current))
    return _list(reading.of(step, item))


def _filter(reading: Reading, tree: Tree, current: Value) -> Value:
    base, step, condition = tree["children"]
    item = reading.items(reading.of(base, current))
    holds = conditions(reading.of(condition, item))
    return _list(reading.of(step, item.under(holds)))


def _values(reading: Reading, tree: Tree, current: Value) -> Value:
    base, step = tree["children"]
    return _list(reading.of(step, reading.anyone(reading.of(base, current))))


def _flatten(reading: Reading, tree: Tree, current: Value) -> Value:
    found = reading.items(reading.of(tree["children"][0], current))
    return _list(reading.unlisted(found))


def _list(item: Value) -> Value:
    return Value(items=item)


def _either(reading: Reading, tree: Tree, current: Value) -> Value:
    return union([reading.of(child, current) for child in tree["children"]])


def _both(reading: Reading, tree: Tree, current: Value) -> Value:
    first, second = (reading.of(child, current) for child in tree["children"])
    return second.under(conditions(first))


def _not(reading: Reading, tree: Tree, current: Value) -> Value:
    return Value(NONE, conditions(reading.of(tree["children"][0], current)))


def _compared(reading: Reading, tree: Tree, current: Value) -> Value:
    """A boolean: what is compared decides, and does not go into anything."""
    return Value(NONE, deciders(*(reading.of(child, current) for child in tree["children"])))


def _several(reading: Reading, tree: Tree, current: Value) -> Value:
    return _list(_either(reading, tree, current))


def _named(reading: Reading, tree: Tree, current: Value) -> Value:
    pairs = tree["children"]
    return Value(fields={one["value"]: reading.of(one["children"][0], current) for one in pairs})


def _literal(reading: Reading, tree: Tree, _current: Value) -> Value:
    return reading.constant(tree["value"])


def _itself(_reading: Reading, _tree: Tree, current: Value) -> Value:
    return current


def _call(reading: Reading, tree: Tree, current: Value) -> Value:
    given: list[Any] = []
    for child in tree["children"]:
        if child["type"] == "expref":
            inner = child["children"][0]
            given.append(lambda item, inner=inner: reading.of(inner, item))
        else:
            given.append(reading.of(child, current))
    if tree["value"] == "lookup":
        return _lookup(reading, tree, given)
    return RULES.get(tree["value"], other)(reading, given)


def _lookup(reading: Reading, tree: Tree, given: list[Value]) -> Value:
    table = Source("table", tree["children"][0]["value"])
    return Value(frozenset({Origin(Path(table), reading.place)}), deciders(*given[1:]))


_RULES: dict[str, Callable[[Reading, Tree, Value], Value]] = {
    "field": _field,
    "subexpression": _chain,
    "pipe": _chain,
    "index_expression": _chain,
    "index": _index,
    "slice": _slice,
    "projection": _projection,
    "filter_projection": _filter,
    "value_projection": _values,
    "flatten": _flatten,
    "or_expression": _either,
    "and_expression": _both,
    "not_expression": _not,
    "comparator": _compared,
    "multi_select_list": _several,
    "multi_select_dict": _named,
    "literal": _literal,
    "identity": _itself,
    "current": _itself,
    "function_expression": _call,
}
