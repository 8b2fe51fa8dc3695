"""Owns: the type of a decoded document, and its one canonical encoding.
Imports: nothing of the router.
Never: decodes what comes from outside (infra.codecs does, strictly).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

#: A decoded document: dict, list, str, int, float (at most 15 significant digits), bool, None.
Json: TypeAlias = Any
#: A decoded JSON object.
JsonObject: TypeAlias = Mapping[str, Any]


def type_name(value: Json) -> str:
    """Return the JSON word for the type of a value, for error texts that may not show it."""
    match value:
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
    return type(value).__name__
