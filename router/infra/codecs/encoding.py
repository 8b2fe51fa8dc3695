"""Owns: JSON as we write it: compact, and canonical.
Imports: core.document, core.errors.
Never: writes what JSON cannot hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

import orjson

from router.core.document import Json
from router.core.errors import TransformError


def encode_json(value: Json) -> bytes:
    """Encode compactly, keys in their order. TransformError on what JSON cannot hold."""
    return _encode(value, 0)


def encode_trusted(value: Json) -> bytes:
    """Encode compactly, keys in their order, what `canonical_json` has taken before."""
    return orjson.dumps(value)


def canonical_json(value: Json) -> bytes:
    """Encode compactly with sorted keys: equal documents give equal bytes.

    TransformError on what JSON cannot hold.
    """
    return _encode(value, orjson.OPT_SORT_KEYS)


def _encode(value: Json, option: int) -> bytes:
    try:
        written = orjson.dumps(value, option=option)
    except TypeError as error:
        raise TransformError(f"cannot be written as JSON: {error}") from error
    if b"null" in written:  # orjson writes NaN and the infinities as null
        _refuse_unbounded(value)
    return written


def _refuse_unbounded(value: Json) -> None:
    groups: list[Iterable[Json]] = [(value,)]
    for group in groups:  # grows while it is walked
        for one in group:
            kind = type(one)
            if kind is str or kind is int or one is None:
                continue
            if isinstance(one, dict):
                groups.append(one.values())
            elif isinstance(one, list | tuple):
                groups.append(one)
            elif kind is float and not isfinite(one):
                raise TransformError("cannot be written as JSON: a number is NaN or infinite")
