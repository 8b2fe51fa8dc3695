"""Owns: what can be read of samples at one point: leaves and lists, with their values and names.
Imports: config.drafts.names, core.
Never: chooses among them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from router.config.drafts.names import Words, is_common, words_of
from router.core.document import Json

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A value that samples have: how an expression reads it, its names, every value it took."""

    path: str
    names: tuple[str, ...]
    values: tuple[Json, ...]
    #: there, and not null, each time
    always: bool
    #: words of what it stands in: an `id` is the id of that
    around: Words = ()
    #: whether it stands outside the list whose items are looked at
    outer: bool = False

    @property
    def phrases(self) -> tuple[Words, ...]:
        """Return the names that it goes by, each as words."""
        found = []
        for start in range(len(self.names)):
            words = words_of(*self.names[start:])
            if start == 0 or not is_common(words):
                found.append(words)
        return tuple(found)

    @property
    def implied(self) -> tuple[Words, ...]:
        """Return the names that it has by what it stands in: an `id` at the top is its id."""
        words = words_of(*self.names)
        return tuple((word, *words) for word in self.around) if is_common(words) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list that samples have; `loose`: one that also comes as a single value."""

    path: str
    names: tuple[str, ...]
    items: tuple[Json, ...]
    always: bool
    loose: bool

    @property
    def phrases(self) -> tuple[Words, ...]:
        """Return the names that it goes by, each as words."""
        return tuple(words_of(*self.names[start:]) for start in range(len(self.names)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """All that can be read at one point."""

    leaves: tuple[Leaf, ...]
    lists: tuple[Listing, ...]

    def inside(self, listing: Listing) -> Scope:
        """Return what can be read at an item of a list: its own, and all around it."""
        own = scope_of(listing.items, "item", words_of(listing.names[-1]) if listing.names else ())
        outer = tuple(replace(leaf, outer=True) for leaf in self.leaves)
        return Scope(leaves=(*own.leaves, *outer), lists=own.lists)


def scope_of(documents: Sequence[Json], root: str, around: Words = ()) -> Scope:
    """Return what can be read of documents whose expression is `root`."""
    found = tuple(_walk(documents, root, (), len(documents)))
    leaves = (replace(one, around=around) for one in found if isinstance(one, Leaf))
    return Scope(
        leaves=tuple(leaves), lists=tuple(one for one in found if isinstance(one, Listing))
    )


def read(document: Json, leaf: Leaf) -> Json:
    """Return what stands at a leaf of no list in one document, or null."""
    for name in leaf.names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def quoted(name: str) -> str:
    """Return a key as JMESPath writes it."""
    return name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _walk(
    values: Sequence[Json], path: str, names: tuple[str, ...], times: int
) -> Iterator[Leaf | Listing]:
    """Yield leaves and lists below values that stand at one path; `times` it could have stood."""
    there = [one for one in values if one is not None]
    objects = [one for one in there if isinstance(one, dict)]
    lists = [one for one in there if isinstance(one, list)]
    scalars = [one for one in there if not isinstance(one, dict | list)]
    if lists:
        items = [item for one in there for item in (one if isinstance(one, list) else [one])]
        yield Listing(
            path=path,
            names=names,
            items=tuple(items),
            always=len(there) == times,
            loose=len(lists) < len(there),
        )
        return
    if scalars and names:
        yield Leaf(path=path, names=names, values=tuple(scalars), always=len(scalars) == times)
    for key in _keys(objects):
        inner = [one[key] for one in objects if key in one]
        yield from _walk(inner, f"{path}.{quoted(key)}", (*names, key), times)


def _keys(objects: Iterable[dict[str, Json]]) -> list[str]:
    return list(dict.fromkeys(key for one in objects for key in one))
