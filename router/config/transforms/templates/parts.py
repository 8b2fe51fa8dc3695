"""Owns: what a template is made of, and writing it, within bounds.
Imports: core, config.transforms.expressions.
Never: reads a text of a project; shows a value in an error; lets a template hang.

Python cannot be stopped while it runs. So what a template looks at is counted as it goes: the same
message always gives the same text or the same error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from router.config.transforms.expressions import Expression
from router.core.diagnostics import Place
from router.core.document import Json, type_name
from router.core.errors import LimitExceeded, TransformError

#: characters of what one template writes
MAX_OUTPUT = 2 * 1024 * 1024
#: values that one run may look at, texts by the 64 characters: half a second's work
MAX_WORK = 1_000_000
#: what evaluating one part counts, whatever it reads
_PART = 2
_PER_TEXT = 64
#: what is wrong with a value that has no one text
_OTHERS = {
    "number": "is a number that is not whole: number_text(...) writes it exactly",
    "boolean": "is true or false: choose(..., 'yes', 'no') says how it is written",
    "object": "is an object: write a field of it",
    "list": "is a list: {% for %} writes its items",
}


@dataclass(frozen=True, slots=True)
class Weighed:
    """An expression, and the paths of which it may look at all that lies below."""

    expression: Expression
    paths: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """A text of the template's own."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Write:
    """`{{ value }}`."""

    value: Weighed
    #: stands in the value of an attribute
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """`{% set name = value %}`."""

    name: str
    value: Weighed


@dataclass(frozen=True, slots=True)
class Branch:
    """`{% if %}`, its `elif`s, its `else` (a condition that is None)."""

    ways: tuple[tuple[Weighed | None, tuple[Part, ...]], ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """`{% for name in list %}`."""

    name: str
    source: Weighed
    body: tuple[Part, ...]


Part: TypeAlias = Words | Write | Name | Branch | Loop


@dataclass(slots=True)
class Writing:
    """One run of a template."""

    #: escapes a text: (text, stands in an attribute) -> text. Raises ValueError with what is wrong
    escape: Callable[[str, bool], str]
    pieces: list[str] = field(default_factory=list)
    _size: int = 0
    _work: int = 0
    #: by identity, with the value, which keeps its identity from being another's
    _weights: dict[int, tuple[Json, int]] = field(default_factory=dict)

    def write(self, parts: Iterable[Part], scope: dict[str, Json]) -> None:
        """Write parts over the roots in `scope`, which gets the names that they set.

        Raises TransformError or LimitExceeded with its place.
        """
        for part in parts:
            match part:
                case Words(text=text, place=place):
                    self._put(text, place)
                case Write():
                    self._value(part, scope)
                case Name(name=name, value=value):
                    scope[name] = self._found(value, scope)
                case Branch(ways=ways):
                    self._branch(ways, scope)
                case Loop():
                    self._loop(part, scope)

    def _found(self, value: Weighed, scope: Mapping[str, Json]) -> Json:
        place = value.expression.place
        self._spend(_PART, place)
        for path in value.paths:
            self._spend(self._weight(_at(scope, path), place), place)
        return value.expression(scope)

    def _value(self, part: Write, scope: Mapping[str, Json]) -> None:
        expression = part.value.expression
        try:
            text = self.escape(said(self._found(part.value, scope)), part.quoted)
        except ValueError as error:
            what = f"{{{{ {expression.source} }}}} {error}"
            raise TransformError(what, place=expression.place) from None
        self._put(text, expression.place)

    def _branch(self, ways: Any, scope: Mapping[str, Json]) -> None:
        for condition, body in ways:
            if condition is None or _holds(self._found(condition, scope), condition.expression):
                self.write(body, dict(scope))
                return

    def _loop(self, loop: Loop, scope: Mapping[str, Json]) -> None:
        expression = loop.source.expression
        found = self._found(loop.source, scope)
        if not isinstance(found, list):
            what = f"for: {expression.source} is {type_name(found)}, not a list"
            raise TransformError(what, place=expression.place)
        inner = dict(scope)
        for index, item in enumerate(found):
            self._spend(_PART, expression.place)
            turn = inner.copy()
            turn[loop.name] = item
            turn["loop"] = {
                "index": index + 1,
                "index0": index,
                "first": index == 0,
                "last": index == len(found) - 1,
                "length": len(found),
            }
            self.write(loop.body, turn)

    def _put(self, text: str, place: Place) -> None:
        self._size += len(text)
        self._spend(1 + len(text) // _PER_TEXT, place)
        if self._size > MAX_OUTPUT:
            what = f"the template writes more than {MAX_OUTPUT} characters"
            raise LimitExceeded(what, place=place)
        self.pieces.append(text)

    def _spend(self, work: int, place: Place) -> None:
        self._work += work
        if self._work > MAX_WORK:
            what = f"the template looks at more than {MAX_WORK} values"
            raise LimitExceeded(f"{what}: set what a loop uses before it, or in let:", place=place)

    def _weight(self, value: Json, place: Place) -> int:
        """Return how many values there are to look at, counted once for each."""
        if value.__class__ is str:
            return 1 + len(value) // _PER_TEXT
        if value.__class__ not in (list, dict):
            return 1
        known = self._weights.get(id(value))
        if known is None:
            known = self._weights[id(value)] = (value, self._counted(value, place))
        return known[1]

    def _counted(self, value: Json, place: Place) -> int:
        count, waiting = 0, [value]
        while waiting:
            one = waiting.pop()
            count += 1 + len(one) // _PER_TEXT if one.__class__ is str else 1
            if one.__class__ is list:
                waiting += one
            elif one.__class__ is dict:
                waiting += one.values()
            if count > MAX_WORK:
                self._spend(count, place)
        self._spend(count // 4, place)
        return count


def said(value: Json) -> str:
    """Return a value as it is written. Raises ValueError that says what it is instead of a text.

    Whole numbers are written in digits. Others, true and false have more than one form: a function
    says which is meant.
    """
    if value.__class__ is str:
        return value
    if value.__class__ is int:
        return str(value)
    if value is None:
        raise ValueError("is not there: {% if ... is defined %}, or default(...)")
    raise ValueError(_OTHERS[type_name(value)])


def _holds(value: Json, expression: Expression) -> bool:
    if value.__class__ in (int, float):
        what = f"if: {expression.source} is a number: compare it, 0 holds in some languages"
        raise TransformError(what, place=expression.place)
    return bool(value)


def _at(scope: Json, path: tuple[str, ...]) -> Json:
    for name in path:
        if scope.__class__ is not dict:
            return None
        scope = scope.get(name)
    return scope
