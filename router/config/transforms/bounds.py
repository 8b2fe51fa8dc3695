"""Owns: the bounds of what JMESPath's own functions give, and of the literals of an expression.
Imports: core, config.transforms.functions (the bound of a text).
Never: makes a text that is larger than the bound, not even on the way to an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from router.config.transforms.functions.declare import MAX_TEXT, too_long
from router.core.document import Json
from router.core.errors import LimitExceeded, TransformError

#: what integers of a document may be: JSON's readers hold no larger ones
LEAST, MOST = -(2**63), 2**64 - 1


def bounded(name: str, function: Callable[..., Json]) -> Callable[..., Json]:
    """Return a function of JMESPath's that refuses to give what a document does not hold."""
    before = _BEFORE.get(name)

    def call(*arguments: Json) -> Json:
        if before is not None:
            before(name, arguments)
        value = function(*arguments)
        if value.__class__ is str:
            if too_long(value):
                raise _long(name)
        elif value.__class__ in (int, float) and not is_number(value):
            raise TransformError(f"{name}(): the result is no number that JSON has")
        return value

    return call


def is_number(value: float) -> bool:
    """Return whether a document can hold a number: it is finite, an integer has 64 bits."""
    if isinstance(value, int):
        return LEAST <= value <= MOST
    return value - value == 0  # neither infinite nor no number


def wrong_literal(value: Any) -> str:
    """Return what no document holds of a literal, or an empty text."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            if any("\ud800" <= char <= "\udfff" for char in one):
                return "half of a surrogate pair"
        elif isinstance(one, int | float) and not is_number(one):
            return "a number that JSON's readers do not hold"
    return ""


def _join(name: str, arguments: tuple[Json, ...]) -> None:
    """Refuse to join what is too long together."""
    match arguments:
        case [str() as glue, list() as parts]:
            characters = len(glue) * len(parts) + sum(
                len(part) for part in parts if isinstance(part, str)
            )
            if characters > MAX_TEXT + len(glue):
                raise _long(name)


def _to_string(name: str, arguments: tuple[Json, ...]) -> None:
    """Refuse to write a document that is too large, before it is written."""
    left = MAX_TEXT
    waiting: list[Iterable[Json]] = [arguments]
    while waiting:
        for one in waiting.pop():
            left -= len(one) if isinstance(one, str) else 1
            if isinstance(one, list):
                waiting.append(one)
            elif isinstance(one, dict):
                waiting += (one.values(), one)
            if left < 0:
                raise _long(name)


def _long(name: str) -> LimitExceeded:
    return LimitExceeded(f"{name}(): the text is larger than {MAX_TEXT} bytes")


_BEFORE: dict[str, Callable[[str, tuple[Json, ...]], None]] = {
    "join": _join,
    "to_string": _to_string,
}
