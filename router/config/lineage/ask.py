"""Owns: where a field comes from, and what it feeds, through all routes, flows and systems.
Imports: config.lineage.
Never: prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from router.config.lineage.landscape import Landscape, Production
from router.config.lineage.paths import ANY, ITEM, Path
from router.config.lineage.reading import Reading
from router.config.lineage.value import THERE, WHOLE, Origin, Value, conditions
from router.core.diagnostics import Place

FROM, DECIDED = "from", "decided by"
#: made in the landscape: a way back goes on from them. An answer is an end: what is taken out of it
#: by `result:` is told where it is asked for itself
_MADE = ("object", "request", "stamp")


@dataclass(frozen=True, slots=True)
class Hop:
    """What one route or flow made on the way: its name, its transforms, the field that it made."""

    maker: str
    by: tuple[str, ...]
    made: Path


@dataclass(slots=True)
class Link:
    """A field at the other end, as what it takes part, where it is read, and by which ways."""

    path: Path
    role: str
    places: set[Place] = field(default_factory=set)
    ways: set[tuple[Hop, ...]] = field(default_factory=set)


#: path and role of a step, where, and by which ways
_Step = tuple[Path, str, Place, tuple[Hop, ...]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A field on the way back: as what it takes part, and what of it."""

    path: Path
    role: str
    how: str


class Lineage:
    """Answers questions about one landscape; what is asked twice is found once."""

    def __init__(self, landscape: Landscape) -> None:
        self._landscape = landscape
        self._into: dict[tuple[str, str], list[Production]] = {}
        for one in landscape.productions:
            self._into.setdefault(one.target.key, []).append(one)
        self._out = _readers(landscape.productions)

    def is_made(self, path: Path) -> bool:
        """Return whether anything in the landscape makes the document of a path."""
        return path.source.key in self._into

    def comes_from(self, path: Path) -> list[Link]:
        """Return the fields at the beginning of all ways that lead to `path`."""
        return _gathered(self._back(_Asked(path, FROM, WHOLE), (), frozenset()))

    def feeds(self, path: Path) -> list[Link]:
        """Return every field that `path` takes part in, those in between too."""
        links = _gathered(self._forth(path, FROM, (), frozenset()))
        decided = {one.path.key for one in links if one.role == DECIDED}
        return [one for one in links if one.role == FROM or not decided & _around(one.path)]

    def _back(
        self, asked: _Asked, after: tuple[Hop, ...], seen: frozenset[object]
    ) -> Iterator[_Step]:
        path = asked.path
        if path.key in seen:
            return
        for one in self._into.get(path.source.key, ()):
            hops = (Hop(one.maker, one.by, path), *after)
            for origin, part in self._parts(one.value, asked):
                said = DECIDED if asked.role == DECIDED else part
                if origin.path.source.kind in _MADE and origin.path.source.key in self._into:
                    further = _Asked(origin.path, said, origin.how)
                    yield from self._back(further, hops, seen | {path.key})
                elif said == FROM or origin.path.source.kind != "constant":
                    yield origin.path, said, origin.place, hops

    def _parts(self, value: Value, asked: _Asked) -> Iterator[tuple[Origin, str]]:
        """Yield what a field of a value comes from, and what decides about it."""
        reading = Reading(self._landscape.paths, Place(""))
        for step in asked.path.steps:
            places = {one.path: one.place for one in value.origins}
            value = _stepped(reading, value, step)
            placed = frozenset(_placed(one, places) for one in value.origins)
            value = replace(value, origins=placed)
        if asked.how == THERE:
            yield from ((origin, DECIDED) for origin in conditions(value))
            return
        for origin in value.all_origins():
            yield origin, FROM
        for origin in value.all_decided():
            yield origin, DECIDED

    def _forth(
        self, path: Path, role: str, before: tuple[Hop, ...], seen: frozenset[object]
    ) -> Iterator[_Step]:
        if path.key in seen:
            return
        for one, steps, origin, part in self._out.get(path.source.key, ()):
            more = _after(origin, path)
            if more is None:
                continue
            made = Path(one.target, steps + (more if part == FROM else ()))
            if one.target.kind != "stamp" and self._landscape.paths.type_at(made) is None:
                continue
            said = DECIDED if role == DECIDED else part
            hops = (*before, Hop(one.maker, one.by, made))
            if one.target.kind != "stamp":
                yield made, said, origin.place, hops
            yield from self._forth(made, said, hops, seen | {path.key})


_Reader = tuple[Production, tuple[str, ...], Origin, str]


def _readers(productions: tuple[Production, ...]) -> dict[tuple[str, str], list[_Reader]]:
    """Return by source what reads it: the production, the field made, the origin, its part."""
    found: dict[tuple[str, str], list[_Reader]] = {}
    for one in productions:
        for steps, value in one.value.within():
            for origins, part in ((value.origins, FROM), (value.decided, DECIDED)):
                for origin in origins:
                    key = origin.path.source.key
                    found.setdefault(key, []).append((one, steps, origin, part))
    return found


def _around(path: Path) -> set[object]:
    """Return what lies around a field: what decides about that decides about all within it."""
    return {Path(path.source, path.steps[:end]).key for end in range(len(path.steps))}


def _after(origin: Origin, path: Path) -> tuple[str, ...] | None:
    """Return what a field adds to what is read: nothing where more is read than it; None: others.

    Of what went into a sum or a text no field is left.
    """
    read, asked = origin.path.steps, path.steps
    common = min(len(read), len(asked))
    if not all(
        a == b or (ANY in (a, b) and ITEM not in (a, b))
        for a, b in zip(read[:common], asked[:common], strict=True)
    ):
        return None
    if origin.how == THERE and len(asked) > common:
        return None
    return asked[common:] if origin.how == WHOLE else ()


def _stepped(reading: Reading, value: Value, step: str) -> Value:
    if step == ITEM:
        return reading.items(value)
    return reading.anyone(value) if step == ANY else reading.field(value, step)


def _placed(origin: Origin, places: dict[Path, Place]) -> Origin:
    """Return an origin with the place where the path was read that it goes on from."""
    for end in range(len(origin.path.steps), -1, -1):
        before = Path(origin.path.source, origin.path.steps[:end])
        if before in places and not origin.place.file:
            return replace(origin, place=places[before])
    return origin


def _gathered(steps: Iterator[_Step]) -> list[Link]:
    """Return each field once, in order. What flows somewhere does not only decide."""
    found: dict[tuple[object, str], Link] = {}
    for path, role, place, hops in steps:
        link = found.setdefault((path.key, role), Link(path, role))
        link.places.add(place)
        link.ways.add(hops)
    flows = {key for key, role in found if role == FROM}
    links = [one for (key, role), one in found.items() if role == FROM or key not in flows]
    return sorted(links, key=lambda one: (*one.path.source.key, one.role != FROM, one.path.steps))
