"""Owns: comparing a document with what a test expects of it.
Imports: config.cases.
Never: shows more of a document than the field that differs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, TypeAlias

from router.config.cases import Expected
from router.core.document import Json

#: differences told of one document
MOST = 8


#: gives how a document differs from a golden file: (where, file, document)
AgainstFile: TypeAlias = Callable[[str, str, Json], list[str]]


def differences(where: str, expected: Expected, have: Json, golden: AgainstFile) -> list[str]:
    """Return how `have` differs from what is expected, each with its path."""
    found: list[str] = []
    if expected.equals is not None:
        _compare(where, expected.equals, have, found, whole=True)
    if expected.contains is not None:
        _compare(where, expected.contains, have, found, whole=False)
    return [*found[:MOST], *(golden(where, expected.file, have) if expected.file else ())]


def compared(where: str, want: Json, have: Json) -> list[str]:
    """Return how a document differs from the whole of another."""
    found: list[str] = []
    _compare(where, want, have, found, whole=True)
    return found[:MOST]


def _compare(where: str, want: Any, have: Any, found: list[str], *, whole: bool) -> None:
    if isinstance(want, dict) and isinstance(have, dict):
        for key in want:
            if key in have:
                _compare(f"{where}.{key}", want[key], have[key], found, whole=whole)
            else:
                found.append(f"{where}.{key}: is missing, expected {_shown(want[key])}")
        if whole:
            found.extend(f"{where}.{key}: was not expected" for key in have if key not in want)
    elif isinstance(want, list) and isinstance(have, list):
        if len(want) != len(have):
            found.append(f"{where}: {len(have)} items, expected {len(want)}")
            return
        for index, (one, other) in enumerate(zip(want, have, strict=True)):
            _compare(f"{where}[{index}]", one, other, found, whole=whole)
    elif isinstance(want, str) and isinstance(have, str) and "\n" in want + have:
        found.extend(_line(where, want, have))
    elif type(want) is not type(have) or want != have:
        found.append(f"{where}: {_shown(have)}, expected {_shown(want)}")


def _line(where: str, want: str, have: str) -> Iterator[str]:
    """Yield the first line in which two texts differ."""
    lines = zip_longest(want.split("\n"), have.split("\n"))
    for number, (one, other) in enumerate(lines, start=1):
        if one != other:
            said, wanted = (
                "no such line" if text is None else _shown(text) for text in (other, one)
            )
            yield f"{where} line {number}: {said}, expected {wanted}"
            return


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
