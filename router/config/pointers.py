"""Owns: following a JSON pointer (RFC 6901).
Imports: nothing of the router.
Never: raises for what is not there.
"""

from __future__ import annotations

from typing import Any


def parts_of(pointer: str) -> list[str]:
    """Return the names and numbers of a pointer such as `/properties/a~1b`; "" has none."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def pointed(document: Any, pointer: str) -> Any:
    """Return what stands at a pointer, None when nothing does."""
    for part in parts_of(pointer):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document
