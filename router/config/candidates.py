"""Owns: which fields of an inbound contract may tell a repeat from a new message, as a hint.
Imports: config.drafts.names, config.validation.
Never: proposes a field that the contract does not have, or that can be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.config.drafts.names import is_common, names_an_id, plain_name, words_of
from router.config.validation import Contract

_MOST, _DEEPEST = 3, 2


def identity_hint(kind: str, accept: Contract) -> str:
    """Return what to write as the identity of a kind, with the fields that come into question."""
    found = sorted(_ids(accept, accept.schema, "body", 0), key=lambda one: one[0])
    paths = [path for _, path in found[:_MOST]]
    if not paths:
        return f"identity: {{object: [{plain_name(kind)}, =...]}}: what a resend has alike"
    others = f", or {', '.join(f'={one}' for one in paths[1:])}" if paths[1:] else ""
    return f"identity: {{object: [{plain_name(kind)}, ={paths[0]}]}}{others}"


def _ids(
    accept: Contract, schema: Mapping[str, Any], path: str, depth: int
) -> Iterator[tuple[tuple[int, bool], str]]:
    """Yield required texts and whole numbers that are called an id, what is just `id` first."""
    for name, held in schema.get("properties", {}).items():
        if not isinstance(held, Mapping) or name not in schema.get("required", ()):
            continue
        inner = accept.resolve(held["$ref"]) or {} if isinstance(held.get("$ref"), str) else held
        words = words_of(name)
        here = f"{path}.{name}" if name.isidentifier() else f'{path}."{name}"'
        if inner.get("type") in ("string", "integer") and names_an_id(words):
            yield (depth, not is_common(words)), here
        elif inner.get("type") == "object" and depth < _DEEPEST:
            yield from _ids(accept, inner, here, depth + 1)
