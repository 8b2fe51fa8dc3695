"""Owns: making a document that shows something as small as it can be and still show it.
Imports: core.
Never: takes more than MOST_TRIES looks at it: what is left then is small, not the smallest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from router.core.document import Json

#: looks at smaller documents; each is a run of what is looked into
MOST_TRIES = 1_500


def shrunk(document: Json, shows: Callable[[Json], bool]) -> Json:
    """Return a document that still shows it, of which no single part can be taken or made simpler.

    `shows` is asked of each smaller document; it says also whether that one is allowed.
    """
    tries = MOST_TRIES
    smaller = True
    while smaller:
        smaller = False
        for one in _smaller(document):
            tries -= 1
            if tries < 0:
                return document
            if shows(one):
                document, smaller = one, True
                break
    return document


def size_of(document: Json) -> int:
    """Return how many values a document has."""
    inner = document.values() if isinstance(document, dict) else document
    if isinstance(document, dict | list):
        return 1 + sum(map(size_of, inner))
    return 1


def _smaller(value: Json) -> Iterator[Json]:
    """Yield what a value can be made into, the greatest steps first."""
    match value:
        case dict():
            yield from _without_fields(value)
        case list():
            yield from _without_items(value)
        case str():
            yield from (one for one in _simpler_texts(value) if one != value)
        case bool():
            if value:
                yield False
        case int() | float():
            yield from (one for one in (0, 1) if abs(one) < abs(value))


def _without_fields(value: dict[str, Json]) -> Iterator[Json]:
    names = sorted(value, key=lambda name: -size_of(value[name]))
    for name in names:
        yield {key: one for key, one in value.items() if key != name}
    for name in names:
        for one in _smaller(value[name]):
            yield {**value, name: one}


def _without_items(value: list[Any]) -> Iterator[Json]:
    half = len(value) // 2
    if half > 1:
        yield value[:half]
        yield value[half:]
    for index in range(len(value)):
        yield [*value[:index], *value[index + 1 :]]
    for index, item in enumerate(value):
        for one in _smaller(item):
            yield [*value[:index], one, *value[index + 1 :]]


def _simpler_texts(value: str) -> Iterator[str]:
    if value:
        yield ""
    if len(value) > 1:
        yield value[:1]
        yield value[: len(value) // 2]
