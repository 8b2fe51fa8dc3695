"""Owns: what may order the states of one object: a version, a time of change, times of its items.
Imports: config.drafts (forms, names, sources).
Never: takes a time that lies ahead, such as a deadline; takes one that can be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from router.config.drafts import forms
from router.config.drafts.names import words_of
from router.config.drafts.sources import Leaf, Listing, Scope, scope_of

_ORDERS = frozenset({"updated", "modified", "version", "revision", "sequence"})
#: words of times that lie ahead, or that only say what was wished
_AHEAD = frozenset(
    {"by", "due", "deadline", "expire", "expiry", "expiration", "expected", "estimated", "until"}
    | {"planned", "scheduled", "valid", "delivery", "birth", "birthday"}
)
_MOST, _DEEPEST = 4, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An expression of the newest time of items; not `sure`: the author must see to it."""

    expression: str = ""
    sure: bool = False


def own_version(fit: Sequence[Leaf], taken: set[str]) -> str:
    """Return the field at the top that says by its name that it orders states, or nothing."""
    return next((one.path for one in fit if _orders(one) and one.path not in taken), "")


def newest_of(lists: Sequence[Listing], scope: Scope) -> Version:
    """Return the newest time that stands in the items of lists, and at the top beside them.

    A sender that tells an object again when an item of it changed says so only there. Where the
    lists may be empty and nothing at the top has a time, it is only proposed.
    """
    inner = [one for each in lists for one in _times_in(each, each.path, 0)][:_MOST]
    if not inner:
        return Version()
    top = [one for one in scope.leaves if one.always and not one.outer and _is_past(one)]
    zulu = all(str(text).endswith("Z") for _, leaf in inner for text in leaf.values)
    zulu = zulu and all(str(text).endswith("Z") for one in top for text in one.values)
    read = [path for path, _ in inner]
    if top:
        read.append(f"[{', '.join(one.path for one in top[:_MOST])}]")
    return Version(expression=f"max([{', '.join(read)}][])", sure=bool(top) and zulu)


def _times_in(listing: Listing, path: str, depth: int) -> Iterator[tuple[str, Leaf]]:
    """Yield times in the items of a list, at any depth, with how they are read."""
    if listing.loose or depth > _DEEPEST:
        return
    scope = scope_of(listing.items, "")
    for leaf in scope.leaves:
        if _is_past(leaf):
            yield f"{path}[]{leaf.path}", leaf
    for inner in scope.lists:
        yield from _times_in(inner, f"{path}[]{inner.path}", depth + 1)


def _is_past(leaf: Leaf) -> bool:
    return forms.form_of(leaf.values) == "instant" and not _AHEAD & set(words_of(*leaf.names))


def _orders(leaf: Leaf) -> bool:
    named = bool(_ORDERS & set(words_of(*leaf.names))) and len(leaf.names) == 1
    return named and (forms.all_of(leaf.values, int) or forms.form_of(leaf.values) == "instant")
