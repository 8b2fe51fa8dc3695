"""Owns: the type of a decoded document, and its one canonical encoding.
Imports: core.errors, core.value.
Never: decodes what comes from outside (infra.codecs does, strictly).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from router.core.errors import MessageError
from router.core.value import value

#: A decoded document: dict, list, str, int, float (at most 15 significant digits), bool, None.
Json: TypeAlias = Any
#: A decoded JSON object.
JsonObject: TypeAlias = Mapping[str, Any]


def type_name(found: Json) -> str:
    """Return the JSON word for the type of a value, for error texts that may not show it."""
    match found:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list() | tuple():
            return "list"
        case dict():
            return "object"
    return type(found).__name__


@value(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """One record of a body that cannot be read, while others can. `name` tells it from them."""

    name: str
    error: MessageError
    #: as it was written, to be looked at
    text: str
    #: where it stands among all records of the body, read or not, from 0
    at: int = 0


@value(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A body: the document of what can be read, and the records that cannot."""

    document: Json
    bad: tuple[BadRecord, ...] = ()
    #: of a list of records: where each stands among all of the body, read or not, from 0
    places: tuple[int, ...] = ()


@value(frozen=True, slots=True, kw_only=True)
class Written:
    """What a template wrote: the bytes as they leave, the media type and the encoding of them."""

    data: bytes
    media_type: str
    encoding: str
