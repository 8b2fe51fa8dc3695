"""Owns: the type of a value as it is written.
Imports: config.types.type.
Never: keeps more of a value than its kind and its texts.
"""

from __future__ import annotations

from router.config.types.type import (
    FALSE,
    INTEGER,
    NOTHING,
    NUMBER,
    TRUE,
    UNKNOWN,
    Literal,
    Type,
    list_of,
    object_of,
    union,
)
from router.core.document import Json


def literal(value: Json) -> Type:
    """Return the type of a value."""
    match value:
        case None:
            return NOTHING
        case bool():
            return TRUE if value else FALSE
        case int():
            return INTEGER
        case float():
            return NUMBER
        case str():
            return text(value)
        case list():
            items = [literal(one) for one in value]
            return list_of(lambda: union(items) if items else UNKNOWN, len(items))
        case dict():
            return object_of(Literal({key: literal(one) for key, one in value.items()}))
    return UNKNOWN


def text(*values: str) -> Type:
    """Return the type of one of these texts."""
    return Type(
        kinds=frozenset({"text"}), texts=frozenset(values), longest=max(map(len, values), default=0)
    )
