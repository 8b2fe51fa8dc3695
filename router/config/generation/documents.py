"""Owns: documents of a contract, place by place, as chance decides.
Imports: config.generation, config.types.schemas, config.validation.
Never: gives a document that its contract does not let through; runs on in a schema that refers to
itself: a document has at most MOST_VALUES values and MOST_DEPTH levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from router.config.generation.chance import Chance, Ordinary, Seeded
from router.config.generation.demands import Demand, kind_of
from router.config.generation.scalars import numbers, texts
from router.config.types.schemas import Schema, Schemas
from router.config.validation import Contract
from router.core.document import Json

#: values of one document, levels of it, items of a list that is long
MOST_VALUES, MOST_DEPTH, MANY = 4_000, 24, 12
#: levels below which only what is required is made
_DEEP = 10
#: alternatives within alternatives
_MOST_SORTS = 8

Hints = Mapping[str, Sequence[Json]]


class _Nothing:
    """No value is given."""


_NOTHING: Any = _Nothing()


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a value goes: its path, the name of the field, which item of a list it is in."""

    path: str = ""
    name: str = ""
    turn: int = 0
    depth: int = 0

    def field(self, name: str) -> _Spot:
        return replace(self, path=f"{self.path}.{name}", name=name, depth=self.depth + 1)

    def item(self, index: int) -> _Spot:
        return replace(self, path=f"{self.path}[]", turn=index, depth=self.depth + 1)


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Makes documents of a contract. `hints` are values that a field of a name is asked for.

    `by_urn` gives the schema of another contract.
    """

    contract: Contract
    by_urn: Callable[[str], Schema | None]
    hints: Hints = field(default_factory=dict)

    @cached_property
    def demand(self) -> Demand:
        """Return what a whole document must satisfy."""
        schemas = Schemas(self.by_urn, str(self.contract.ref))
        schema = self.contract.schema
        return Demand(schemas, tuple(schemas.views(schema, schema)))

    def make(self, chance: Chance, given: Json = _NOTHING) -> Json:
        """Return a document as chance decides; it need not hold. With `given`, one like it."""
        return _Maker(chance, self.hints).value(self.demand, _Spot(), given)

    def valid(self, seed: str, most: int, given: Sequence[Json] = ()) -> Iterator[Json]:
        """Yield at most so many documents that hold, each once, always the same for one seed.

        First an ordinary one, then each with one place at an edge, at last any. `given` are
        documents that hold: others are made like them as well.
        """
        known: set[str] = set()
        for one in self._tried(seed, most, given):
            shown = repr(one)
            if shown in known or self.contract.violations(one):
                continue
            known.add(shown)
            yield one
            if len(known) == most:
                return

    def _tried(self, seed: str, most: int, given: Sequence[Json]) -> Iterator[Json]:
        bases = [_NOTHING, *given]
        edges: list[list[tuple[Json, str, int]]] = []
        for base in bases:
            ordinary = Ordinary()
            yield self.make(ordinary, base)
            edges.append([(base, place, way) for place, way in ordinary.others()])
        flat = _in_turns(edges)
        # all edges where there is room for them, else every so many-th: the seed says which
        stride = max(1, -(-len(flat) * 4 // max(1, 3 * most)))
        begin = Seeded(seed).choose("edges", stride)
        for base, place, way in flat[begin::stride]:
            yield self.make(Ordinary({place: way}), base)
        for number in range(12 * most):
            yield self.make(Seeded(f"{seed}/{number}"), bases[number % len(bases)])


def _in_turns(lists: Sequence[Sequence[Any]]) -> list[Any]:
    longest = max(map(len, lists), default=0)
    return [one[place] for place in range(longest) for one in lists if place < len(one)]


class _Maker:
    """Makes one document."""

    def __init__(self, chance: Chance, hints: Hints) -> None:
        self._chance = chance
        self._hints = hints
        self._made = 0

    def value(self, demand: Demand, spot: _Spot, given: Json = _NOTHING) -> Json:
        self._made += 1
        if spot.depth > MOST_DEPTH:
            return None
        demand = self._sort(demand, spot)
        kinds, values = demand.kinds, demand.values
        if isinstance(given, dict) and "object" in kinds:
            return self._object(demand, spot, given)
        if isinstance(given, list) and "array" in kinds:
            return self._list(demand, spot, given)
        if values is not None:
            values = [
                one for one in values if kind_of(one) in kinds or "type" not in _words(demand)
            ]
        ways = self._ways(demand, spot, values)
        if given is not _NOTHING:
            ways.insert(0, lambda: given)
        return ways[self._chance.choose(f"{spot.path}=", len(ways))]() if ways else None

    def _ways(
        self, demand: Demand, spot: _Spot, values: Sequence[Json] | None
    ) -> list[Callable[[], Json]]:
        """Return how each value that a place may have is made."""
        hints = self._hints.get(spot.name, ())
        if values is not None:
            likely = [one for one in hints if one in values]
            ordered = list(dict.fromkeys([*likely, *values]))
            first = spot.turn % len(ordered) if ordered else 0
            return [_same(one) for one in [*ordered[first:], *ordered[:first]]]
        found: list[Callable[[], Json]] = []
        for kind in demand.kinds:
            match kind:
                case "object":
                    found.append(lambda: self._object(demand, spot, _NOTHING))
                case "array":
                    found.append(lambda: self._list(demand, spot, _NOTHING))
                case "string":
                    found += map(_same, texts(demand, hints, spot.turn))
                case "integer" | "number":
                    found += map(_same, numbers(demand, hints, spot.turn))
                case "boolean":
                    found += map(_same, (True, False))
                case "null":
                    found.append(_same(None))
        return found

    def _object(self, demand: Demand, spot: _Spot, given: Json) -> Json:
        made = {}
        required = frozenset(demand.required)
        there = given if isinstance(given, dict) else {}
        for name in dict.fromkeys([*there, *demand.names]):
            if name not in required and not self._wanted(spot.field(name), name, given):
                continue
            inner = demand.of_field(name)
            if inner.views or name in required:
                made[name] = self.value(inner, spot.field(name), there.get(name, _NOTHING))
            elif name in there:
                made[name] = there[name]
        return self._filled(demand, spot, made)

    def _filled(self, demand: Demand, spot: _Spot, made: dict[str, Json]) -> dict[str, Json]:
        """Add fields of any name where the schema describes such, or wants more."""
        other = demand.of_other_field
        least = demand.least("minProperties") or 0
        wanted = max(least - len(made), 1 if other.views and not made else 0)
        if wanted and not (demand.is_closed and not other.views):
            for name in texts(demand.of_name, (), spot.turn)[:wanted]:
                made.setdefault(name, self.value(other, spot.field("*")))
        return made

    def _wanted(self, spot: _Spot, name: str, given: Json) -> bool:
        if self._made > MOST_VALUES or spot.depth > _DEEP:
            return isinstance(given, dict) and name in given
        usual = given is _NOTHING or name in given
        return usual == (self._chance.choose(f"{spot.path}?", 2) == 0)

    def _list(self, demand: Demand, spot: _Spot, given: Json) -> Json:
        least, most = demand.least("minItems") or 0, demand.most("maxItems")
        least = max(least, 1 if demand.said("contains") else 0)
        sorts = len(demand.of_item(1).sorts())
        there = given if isinstance(given, list) else []
        usual = len(there) if given is not _NOTHING else max(2, sorts)
        counts = [usual, least, 1, 2, max(MANY, sorts)]
        top = MANY * 4 if most is None else min(most, MANY * 4)
        fitting = list(dict.fromkeys(max(least, min(one, max(top, least))) for one in counts))
        if self._made > MOST_VALUES or spot.depth > _DEEP:
            fitting = [least]
        count = fitting[self._chance.choose(f"{spot.path}#", len(fitting))]
        return [
            self.value(
                demand.of_item(index),
                spot.item(index),
                there[index] if index < len(there) else _NOTHING,
            )
            for index in range(count)
        ]

    def _sort(self, demand: Demand, spot: _Spot) -> Demand:
        """Return the demand with one of its alternatives taken."""
        for depth in range(_MOST_SORTS):
            sorts = demand.sorts(spot.turn)
            if not sorts:
                return demand
            demand = sorts[self._chance.choose(f"{spot.path}|{depth}", len(sorts))]
        return demand


def _words(demand: Demand) -> set[str]:
    return {word for schema, _ in demand.views for word in schema}


def _same(value: Json) -> Callable[[], Json]:
    return lambda: value
