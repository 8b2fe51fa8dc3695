"""Owns: the type of what a function gives, and whether it takes what it is given.
Imports: config.types, config.transforms.functions.
Never: evaluates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from router.config.transforms.compiler import BUILTIN
from router.config.transforms.functions import LIBRARY
from router.config.transforms.functions.kinds import wanted, words
from router.config.transforms.reads import path_of
from router.config.transforms.tables import Table
from router.config.types.absence import guarded, refused_key
from router.config.types.facts import Facts, when_false, when_true
from router.config.types.literals import literal, text
from router.config.types.type import (
    BOOLEAN,
    INTEGER,
    NOTHING,
    NUMBER,
    TEXT,
    UNKNOWN,
    Literal,
    Open,
    Type,
    list_of,
    narrowed,
    object_of,
    union,
)
from router.config.types.written import FORMS, miswritten
from router.core.document import Json

if TYPE_CHECKING:
    from router.config.types.infer import Inference

Tree = Any
#: JMESPath's names of kinds as ours
_KINDS = {
    "string": "text",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
    "array-number": "list[number]",
    "array-string": "list[text]",
}
#: how the type of what a function gives is found
Special: TypeAlias = "Callable[[Calls, Sequence[Tree], Sequence[Type]], Type]"
_MONEY = {"amount": TEXT, "currency": TEXT}
_QUANTITY = {"value": TEXT, "unit": TEXT}
SOME = object_of(Open(UNKNOWN))
_PLAIN: Mapping[str, Type] = {
    "text": TEXT,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "null": NOTHING,
    "object": SOME,
    "money": object_of(Literal(_MONEY)),
    "quantity": object_of(Literal(_QUANTITY)),
    "list": list_of(lambda: UNKNOWN),
}
_SHAPES = {"money": _MONEY, "quantity": _QUANTITY}


class Calls:
    """Finds the types of calls that stand in one place."""

    def __init__(self, inference: Inference, current: Type, facts: Facts) -> None:
        self._inference = inference
        self._current = current
        self._facts = facts

    def of(self, tree: Tree) -> Type:
        """Return the type of what a call gives; complain of arguments that it refuses."""
        name, children = tree["value"], tree["children"]
        given = [self._inference.of(child, self._current, self._facts) for child in children]
        if name == "lookup":
            return self._lookup(children, given)
        self._check(name, children, given)
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self, children, given)
        if name in FORMS:
            return FORMS[name]
        if name in LIBRARY:
            return of_kind(LIBRARY[name].returns)
        return _RETURNS.get(name, UNKNOWN)

    def _check(self, name: str, children: Sequence[Tree], given: Sequence[Type]) -> None:
        kinds = _parameters(name)
        for place, (child, one) in enumerate(zip(children, given, strict=True)):
            kind = kinds[min(place, len(kinds) - 1)] if kinds else "any"
            if child["type"] == "expref" or kind == "any":
                continue
            why = refusal(one, kind)
            told = f"must be {wanted(kind)}, {why}" if why else miswritten(name, place, one)
            if told:
                path = path_of(child)
                what = f"{name}(): argument {place + 1} {told}"
                hint = ""
                if one.null and "null" not in words(kind):
                    hint = guarded(name, child, alone=len(children) == 1)
                self._inference.complain("E195", path[-1] if path else name, what, hint)

    def _lookup(self, children: Sequence[Tree], given: Sequence[Type]) -> Type:
        table = self._inference.tables.get(children[0].get("value")) if children else None
        if table is None:
            return UNKNOWN
        for part, (child, one) in enumerate(zip(children[1:], given[1:], strict=True)):
            told, hint = refused_key(table, part, one)
            if told:
                path = path_of(child)
                self._inference.complain("E195", path[-1] if path else "lookup", told, hint)
        found, covered = _rows(table, [one.texts for one in given[1:]])
        if table.has_default and not covered:
            found.append(table.default)
        return union([literal(one) for one in found]) if found else UNKNOWN

    def chosen(self, children: Sequence[Tree], _given: Sequence[Type]) -> Type:
        """`choose`: each value is worked out, and stands only where its condition says so."""
        condition, then, otherwise = children
        quiet = self._inference.quiet()
        made = []
        for child, facts in ((then, when_true(condition)), (otherwise, when_false(condition))):
            current = narrowed(self._current, facts.paths, facts.equal)
            made.append(quiet.of(child, current, self._facts.plus(facts)))
        return union(made)

    def mapped(self, children: Sequence[Tree], given: Sequence[Type]) -> Type:
        """`map(&expression, list)`."""
        inner = children[0].get("children", [None])[0]
        items = given[1].items if "list" in given[1].kinds else UNKNOWN
        made = self._inference.of(inner, items, Facts()) if inner is not None else UNKNOWN
        return list_of(lambda: made, given[1].least)

    def picked(self, children: Sequence[Tree], given: Sequence[Type]) -> Type:
        """`at(list, index)`, `at(object, key)`."""
        source, index = given
        if source.unknown:
            return UNKNOWN
        found: list[Type] = []
        if "list" in source.kinds:
            found.append(source.items.maybe("the list may be shorter"))
        if "object" in source.kinds:
            found.append(_under(source, index))
        if source.null:
            found.append(NOTHING)
        return union(found) if found else UNKNOWN


def _rows(table: Table, keys: Sequence[frozenset[str] | None]) -> tuple[list[Json], bool]:
    """Return the values of the rows that keys of these texts find, and whether they all do."""
    found = [
        value
        for row, value in table.rows.items()
        if all(texts is None or key in texts for key, texts in zip(row, keys, strict=True))
    ]
    known = [texts for texts in keys if texts is not None]
    wanted = math.prod(len(texts) for texts in known)
    return found, len(known) == len(keys) and wanted == len(found)


def refusal(value: Type, kind: str) -> str:
    """Return why a value may not be of a kind of a function's parameter, "" when it always is."""
    if value.unknown or kind == "any":
        return ""
    allowed = set(words(kind))
    if value.null and "null" not in allowed:
        return f"may be null: {value.null}"
    plain = {"integer" if one == "number" else one for one in allowed} | allowed
    lists = [one for one in allowed if one.startswith("list[")]
    shapes = [_SHAPES[one] for one in allowed if one in _SHAPES]
    fine = plain | ({"object"} if shapes else set()) | ({"list"} if lists else set())
    odd = value.kinds - fine
    if odd:
        word = "is" if odd == value.kinds else "may be"
        return f"{word} {Type(kinds=frozenset(odd))}{value.told}"
    if "object" in value.kinds and "object" not in allowed:
        return _shape(value, shapes)
    if "list" in value.kinds and "list" not in allowed and len(lists) == 1:
        why = refusal(value.items, lists[0][5:-1])
        return f"an item {why}" if why else ""
    return ""


def _shape(value: Type, shapes: Sequence[Mapping[str, Type]]) -> str:
    for one in value.objects:
        if not any(_has(one, shape) for shape in shapes):
            return f"is an object of another shape{value.told}"
    return ""


def _has(fields: Any, shape: Mapping[str, Type]) -> bool:
    for name in shape:
        found = fields.field(name)
        if found is None or (not found.unknown and "text" not in found.kinds):
            return False
    return True


def _parameters(name: str) -> list[str]:
    if name in LIBRARY:
        return [one.kind for one in LIBRARY[name].parameters]
    said = BUILTIN.get(name, {"signature": ()})["signature"]
    return ["|".join(_KINDS.get(one, "any") for one in part["types"]) or "any" for part in said]


@lru_cache(256)
def of_kind(kind: str) -> Type:
    """Return the type of a kind: `text|number`, `list[money]`, `any`."""
    found = []
    for word in words(kind):
        if word == "any":
            return UNKNOWN
        if word.startswith("list["):
            inner = of_kind(word[5:-1])
            found.append(list_of(lambda inner=inner: inner))  # type: ignore[misc]
        else:
            found.append(_PLAIN[word])
    return union(found)


def _first(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    """`first_of`, `not_null`: what comes after a value that is never null is not read."""
    used: list[Type] = []
    for one in given:
        used.append(one)
        if not one.null and not one.unknown:
            break
    made = union([one.sure() if not one.unknown else one for one in used if not one.is_null])
    last = used[-1] if used else UNKNOWN
    return made.maybe(last.null) if last.null else made


def _written(change: Callable[..., str]) -> Special:
    """Return the rule of a function of texts: where they are known, so are the results."""

    def rule(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
        first, *more = (one.texts for one in given)
        if first is None or any(one is None or len(one) != 1 for one in more):
            return TEXT
        rest = [next(iter(one)) for one in more if one is not None]
        return text(*(change(one, *rest) for one in first))

    return rule


def _alike(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    """Amounts of one sort give an amount of that sort."""
    first = given[0].items if "list" in given[0].kinds and not given[0].unknown else given[0]
    for word, shape in _SHAPES.items():
        if first.objects and all(_has(one, shape) for one in first.objects):
            return _PLAIN[word]
    return UNKNOWN


def _as_list(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    (value,) = given
    if value.unknown:
        return list_of(lambda: UNKNOWN)
    others = value.sure().without("list")

    def item() -> Type:
        parts = [value.items] if "list" in value.kinds else []
        return union([*parts, others] if others.kinds else parts)

    least = 0 if value.null or "list" in value.kinds else 1
    return list_of(item, least)


def _found(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    return _fitting(given).maybe("nothing may be found")


def _some(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    return list_of(lambda: _fitting(given))


def _fitting(given: Sequence[Type]) -> Type:
    """Return the items of a list of which a field is one of some texts."""
    source, name, wanted = given
    if source.unknown or name.texts is None or len(name.texts) != 1:
        return source.items
    (path,) = ((one,) for one in name.texts)
    equal = frozenset() if wanted.texts is None else frozenset({(path, wanted.texts)})
    return narrowed(source.items, frozenset({path}), equal)


def _same(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    return given[0].sure()


def _slice(_calls: Calls, children: Sequence[Tree], _given: Sequence[Type]) -> Type:
    begin, end = (child.get("value") for child in (*children[1:], {}, {})[:2])
    known = isinstance(begin, int) and isinstance(end, int) and 0 <= begin <= end
    return replace(TEXT, longest=end - begin) if known else TEXT


def _item(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    return given[0].items if given[0].least else given[0].items.maybe("the list may be empty")


def _index(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    return object_of(Open(given[0].items))


def _without_empty(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    fields = {}
    for name in given[0].names():
        found = given[0].field(name) or UNKNOWN
        fields[name] = found.sure().optional("it may be empty") if _may_be_empty(found) else found
    return object_of(Literal(fields)) if fields else SOME


def _may_be_empty(value: Type) -> bool:
    texts = value.texts is None or "" in value.texts
    return bool(value.null or value.kinds & {"list", "object"} or ("text" in value.kinds and texts))


def _merged(_calls: Calls, _children: Sequence[Tree], given: Sequence[Type]) -> Type:
    fields: dict[str, Type] = {}
    for one in given:
        if len(one.objects) != 1 or not isinstance(one.objects[0], Literal):
            return SOME
        fields.update(one.objects[0].fields)
    return object_of(Literal(fields))


def _under(source: Type, index: Type) -> Type:
    """Return what an object has under a key of which the texts may be known."""
    keys = index.texts
    if keys is None or not source.objects:
        made = [one.field(name) or NOTHING for one in source.objects for name in one.names()]
        opened = [one.value for one in source.objects if isinstance(one, Open)]
        return union([*made, *opened]).maybe("there may be nothing under the key")
    return union([source.sure().field(key) or NOTHING for key in sorted(keys)])


_SPECIAL: Mapping[str, Special] = {
    "lower": _written(str.lower),
    "upper": _written(str.upper),
    "trim": _written(str.strip),
    "replace": _written(str.replace),
    "first_of": _first,
    "not_null": _first,
    "choose": Calls.chosen,
    "add": _alike,
    "subtract": _alike,
    "negate": _alike,
    "absolute": _alike,
    "total": _alike,
    "as_list": _as_list,
    "to_array": _as_list,
    "omit_empty": _without_empty,
    "find": _found,
    "where": _some,
    "index_by": _index,
    "at": Calls.picked,
    "map": Calls.mapped,
    "max_by": _item,
    "min_by": _item,
    "max": _item,
    "min": _item,
    "merge": _merged,
    "reverse": _same,
    "slice": _slice,
    "sort": _same,
    "sort_by": _same,
    "needed": _same,
}
_RETURNS: Mapping[str, Type] = {
    "abs": NUMBER,
    "avg": NUMBER.maybe("the list may be empty"),
    "ceil": NUMBER,
    "contains": BOOLEAN,
    "ends_with": BOOLEAN,
    "floor": NUMBER,
    "join": TEXT,
    "keys": list_of(lambda: TEXT),
    "length": INTEGER,
    "starts_with": BOOLEAN,
    "sum": NUMBER,
    "to_number": NUMBER.maybe("it may be no number"),
    "to_string": TEXT,
    "type": text("null", "boolean", "number", "string", "array", "object"),
    "values": list_of(lambda: UNKNOWN),
}
