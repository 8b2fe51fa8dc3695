"""Owns: what a schema may demand of a validator: its depth, its patterns, that something fits.
Imports: config.conditions; jsonschema_rs.
Never: validates a document; lets a pattern in that is not matched in linear time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import jsonschema_rs

from router.config.conditions import as_cases

#: objects and lists of a schema within each other: 32 subschemas
MAX_DEPTH = 64
#: characters of a pattern
MAX_PATTERN = 256
#: a linear engine, and a bound of what it builds: no text takes longer than it has characters
PATTERNS = jsonschema_rs.RegexOptions(size_limit=1 << 20)
#: questions about one value from which on it is quicker to say conditions as cases
_MANY = 12
_NOT_LINEAR = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]")


def is_too_deep(schema: Any) -> bool:
    """Return whether a schema is nested deeper than MAX_DEPTH."""
    level = [schema]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for one in level
            if isinstance(one, dict | list)
            for child in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, dict | list) for one in level)


@lru_cache(1024)
def wrong_pattern(pattern: str) -> str:
    """Return what is wrong with a pattern, or an empty text."""
    if len(pattern) > MAX_PATTERN:
        return f"has more than {MAX_PATTERN} characters"
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=PATTERNS)
    except ValueError:
        if _NOT_LINEAR.search(pattern):
            return "looks ahead, behind or back: no engine does that in linear time"
        return "is no regular expression, or repeats too much"
    return ""


def fits_nothing(schema: Any, registry: Any, questions: int) -> bool:
    """Return whether it is certain that no document satisfies a schema.

    `questions` are the most that it asks about one value: what is looked at here are all ways in
    which they can turn out together.
    """
    if questions >= _MANY:
        schema = as_cases(schema)
    try:
        found = jsonschema_rs.canonicalize(
            schema, registry=registry, offline=True, draft=jsonschema_rs.Draft202012
        )
    except ValueError:  # what cannot be told is not held against it
        return False
    return found.kind == jsonschema_rs.canonical.CanonicalKind.FALSE
