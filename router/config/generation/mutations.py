"""Owns: documents with one mistake: what is wrong, and the rule and the pointer that must tell it.
Imports: config.generation.demands, config.generation.scalars, config.validation.
Never: makes a mistake within alternatives (oneOf, anyOf, if): which of them is told is the
validator's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from router.config.generation.demands import Demand, kind_of
from router.config.generation.scalars import bounds
from router.config.validation import pointer_of
from router.core.document import Json

#: characters or items that are added at most to go beyond a bound
MOST_ADDED = 5_000
#: a field that no contract has
STRANGE = "a field that nobody knows"
_OF_KIND: dict[str, Json] = {
    "object": {},
    "array": [],
    "string": "text",
    "integer": 1,
    "boolean": True,
    "null": None,
}
_NO_FORM = "no such form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A document with one mistake."""

    document: Json
    rule: str
    pointer: str


@dataclass(frozen=True, slots=True)
class _Here:
    """A value on the way: where it is, and what makes the whole document with another one."""

    path: tuple[str | int, ...]
    put: Callable[[Json], Json]

    def mutant(self, value: Json, rule: str) -> Mutant:
        return Mutant(document=self.put(value), rule=rule, pointer=pointer_of(self.path))


def mutants(demand: Demand, document: Json) -> Iterator[Mutant]:
    """Yield the mistakes that can be made in a document that holds, in its own order."""
    yield from _of_value(demand, document, _Here((), lambda value: value))


def _of_value(demand: Demand, value: Json, here: _Here) -> Iterator[Mutant]:
    yield from _of_kind(demand, value, here)
    if isinstance(value, str):
        yield from _of_text(demand, value, here)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _of_number(demand, here)
    elif isinstance(value, list):
        yield from _of_list(demand, value, here)
    elif isinstance(value, dict):
        yield from _of_object(demand, value, here)


def _of_kind(demand: Demand, value: Json, here: _Here) -> Iterator[Mutant]:
    if demand.said("type"):
        for kind, other in _OF_KIND.items():
            allowed = kind in demand.kinds or (kind == "integer" and "number" in demand.kinds)
            if not allowed:
                yield here.mutant(other, "type")
    for keyword in ("const", "enum"):
        if demand.said(keyword) and isinstance(value, str):
            yield here.mutant(f"{value} and no other", keyword)


def _of_text(demand: Demand, value: str, here: _Here) -> Iterator[Mutant]:
    least, most = demand.least("minLength"), demand.most("maxLength")
    if least:
        yield here.mutant("x" * (least - 1), "minLength")
    if most is not None and most < MOST_ADDED:
        yield here.mutant(value.ljust(most + 1, "x"), "maxLength")
    if demand.said("format"):
        yield here.mutant(_NO_FORM, "format")
    if demand.said("pattern"):
        yield here.mutant("\n", "pattern")


def _of_number(demand: Demand, here: _Here) -> Iterator[Mutant]:
    low, high = bounds(demand)
    for keyword, value in (
        ("minimum", low - 1),
        ("exclusiveMinimum", demand.least("exclusiveMinimum")),
        ("maximum", high + 1),
        ("exclusiveMaximum", demand.most("exclusiveMaximum")),
    ):
        if demand.said(keyword):
            yield here.mutant(value, keyword)
    if demand.said("type") and demand.kinds == ("integer",):
        yield here.mutant(0.5, "type")


def _of_list(demand: Demand, value: Sequence[Json], here: _Here) -> Iterator[Mutant]:
    least, most = demand.least("minItems"), demand.most("maxItems")
    if least:
        yield here.mutant(list(value[: least - 1]), "minItems")
    if value and most is not None and most < MOST_ADDED:
        more = [value[0]] * (most + 1 - len(value))
        yield here.mutant([*value, *more], "maxItems")
    if value and any(demand.said("uniqueItems")):
        yield here.mutant([*value, value[0]], "uniqueItems")
    for index, item in enumerate(value):
        inner = demand.of_item(1)  # what the list must contain is the list's rule
        if index == 0 or kind_of(item) != kind_of(value[index - 1]):
            yield from _of_value(inner, item, _within(here, value, index))


def _of_object(demand: Demand, value: dict[str, Json], here: _Here) -> Iterator[Mutant]:
    for name in demand.required:
        yield here.mutant({key: one for key, one in value.items() if key != name}, "required")
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        if any(one is False for one in demand.said(keyword)):
            yield here.mutant({**value, STRANGE: 1}, keyword)
    least, most = demand.least("minProperties"), demand.most("maxProperties")
    if least:
        kept = list(value.items())[: least - 1]
        yield here.mutant(dict(kept), "minProperties")
    if most is not None and most < MOST_ADDED:
        more: dict[str, Any] = {f"more{number}": 1 for number in range(most + 1)}
        yield here.mutant({**value, **more}, "maxProperties")
    for name, one in value.items():
        inner = demand.of_field(name)
        if inner.views:
            yield from _of_value(inner, one, _within(here, value, name))


def _within(here: _Here, around: Any, key: Any) -> _Here:
    def put(value: Json) -> Json:
        changed = list(around) if isinstance(around, list) else dict(around)
        changed[key] = value
        return here.put(changed)

    return _Here((*here.path, key), put)
