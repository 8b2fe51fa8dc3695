"""Owns: where a value comes from: paths into documents, what flows and what only decides.
Imports: config.lineage.paths, core.
Never: holds a value of a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from router.config.lineage.paths import ANY, ITEM, Path, Source
from router.core.diagnostics import Place

#: how a path goes into a value
WHOLE, INTO, THERE = "whole", "into", "there"


@dataclass(frozen=True, slots=True)
class Origin:
    """A path that a value comes from, and where it is read.

    `how`: `whole`, the value is what stands at the path, so a field of it is a field of the path;
    `into`, the path went into it, as an amount goes into a sum; `there`, all that is asked of the
    path is whether something stands there.
    """

    path: Path
    place: Place
    how: str = WHOLE


Origins = frozenset[Origin]
NONE: Origins = frozenset()
#: the paths that a step leads to from one path; none where it leads nowhere
Lead = Callable[[Origin], Iterable[Origin]]


@dataclass(frozen=True, slots=True)
class Value:
    """What a value comes from: by itself, by its fields, by its items, by any other field.

    `decided` are the origins that say which value it is, or whether there is one, and do not go
    into it. They hold for everything within it, too.
    """

    origins: Origins = NONE
    decided: Origins = NONE
    fields: Mapping[str, Value] = field(default_factory=dict)
    rest: Value | None = None
    items: Value | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether nothing goes into it."""
        return not (self.origins or self.fields or self.rest or self.items)

    def under(self, decided: Origins) -> Value:
        """Return the value where these decide as well."""
        return replace(self, decided=self.decided | decided) if decided else self

    def within(self) -> Iterator[tuple[tuple[str, ...], Value]]:
        """Yield the value and all within it, each with the steps that lead there."""
        yield (), self
        parts = [((name,), one) for name, one in self.fields.items()]
        parts += [((ANY,), self.rest)] if self.rest is not None else []
        parts += [((ITEM,), self.items)] if self.items is not None else []
        for first, part in parts:
            for steps, one in part.within():
                yield first + steps, one

    def all_origins(self) -> Origins:
        """Return what goes into it or anything within it."""
        return frozenset(origin for _, one in self.within() for origin in one.origins)

    def all_decided(self) -> Origins:
        """Return what decides about it or anything within it."""
        return frozenset(origin for _, one in self.within() for origin in one.decided)


EMPTY = Value()


def whole(source: Source) -> Value:
    """Return what is a document itself."""
    return Value(frozenset({Origin(Path(source), Place(""))}))


def union(values: Iterable[Value]) -> Value:
    """Return what is one of these values."""
    some = [one for one in values if one is not EMPTY]
    if len(some) < 2:
        return some[0] if some else EMPTY
    names = dict.fromkeys(name for one in some for name in one.fields)
    rests = [one.rest for one in some if one.rest is not None]
    items = [one.items for one in some if one.items is not None]
    return Value(
        origins=frozenset(origin for one in some for origin in one.origins),
        decided=frozenset(origin for one in some for origin in one.decided),
        fields={
            name: union([one.fields[name] for one in some if name in one.fields]) for name in names
        },
        rest=union(rests) if rests else None,
        items=union(items) if items else None,
    )


def mixed(*values: Value) -> Value:
    """Return what is made of these values: nothing of it stands at one of their paths any more."""
    return Value(
        frozenset(_as(INTO, one) for value in values for one in value.all_origins()),
        frozenset(one for value in values for one in value.all_decided()),
    )


def deciders(*values: Value) -> Origins:
    """Return the origins of values that only decide; what is written in a map decides nothing."""
    made = mixed(*values)
    return _read(made.origins | made.decided)


def conditions(*values: Value) -> Origins:
    """Return the origins that decide whether values are there: of a list, whether it has items, of
    an object, whether it is one, not what stands in them.
    """
    found: set[Origin] = set()
    for one in values:
        inner: Value | None = one
        while inner is not None:
            found |= {_as(THERE, origin) for origin in inner.origins} | inner.decided
            inner = inner.items
    return _read(found)


def _as(how: str, origin: Origin) -> Origin:
    return replace(origin, how=how) if origin.how == WHOLE else origin


def _read(origins: Iterable[Origin]) -> Origins:
    return frozenset(one for one in origins if one.path.source.kind != "constant")
