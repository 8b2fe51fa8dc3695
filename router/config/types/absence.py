"""Owns: what to write where a function or a table is given what may be null.
Imports: config.transforms (reads, tables), config.types.type.
Never: proposes another currency or another amount: money is never guessed.
"""

from __future__ import annotations

from typing import Any

from router.config.transforms.reads import path_of
from router.config.transforms.tables import Table
from router.config.types.type import Type

_MONEY = frozenset({"money", "minor"})


def guarded(name: str, child: Any, *, alone: bool) -> str:
    """Return how a call of a function stands only where its argument does.

    `alone`: it is the only argument.
    """
    path = path_of(child)
    read = ".".join(path) if path else "..."
    call = f"{name}({read})" if alone else f"{name}(...)"
    ways = [f"={read} && {call} where it may be left out"]
    ways += [] if name in _MONEY else ["first_of(..., what stands for it)"]
    return f"{', '.join(ways)}, or needed(..., 'what it is')"


def refused_key(table: Table, part: int, value: Type) -> tuple[str, str]:
    """Return why a value may not be a part of a table's key, and what to write; or two nothings.

    Null finds a row that has an empty text there, and the default.
    """
    odd = value.kinds - {"text", "integer", "number"}
    if value.unknown:
        return "", ""
    if odd:
        return f"lookup(): a key is text, is {Type(kinds=odd)}{value.told}", ""
    if not value.null or table.has_default or any(row[part] == "" for row in table.rows):
        return "", ""
    why = f"may be null, and there is no default: {value.null}"
    hint = "needed(..., 'what it is'), a filter before, or a default: of the table"
    return f"lookup('{table.name}'): {table.columns[part]} of the key {why}", hint
