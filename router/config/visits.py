"""Owns: how often a validator must look at one value of a document, told from the schema.
Imports: config.pointers.
Never: validates; reads a schema that it was not given.

Each level of `allOf` that names one schema twice doubles the work; a schema that does so within
itself doubles it with each level of the document. No validator can be stopped while it works.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from router.config.pointers import pointed

Schema: TypeAlias = Any
#: id of the whole schema, JSON pointer in it
Spot: TypeAlias = tuple[str, str]

#: times that a validator may look at one value; the shipped contracts ask for 2
MAX_VISITS = 256
#: places of a document that are told apart; more are a contract that nobody reads
MAX_PLACES = 20_000

_SAME = ("not", "if", "then", "else")
_SAME_LISTS = ("allOf", "anyOf", "oneOf")
#: without these nothing else sees the same value
_BESIDE = frozenset(("$ref", "$dynamicRef", *_SAME, *_SAME_LISTS, "dependentSchemas"))
_FIELDS = ("additionalProperties", "unevaluatedProperties")
_ITEMS = ("items", "contains", "unevaluatedItems")
#: words of an enum that cost a teller as much as a question
WORDS = 40
#: stands for every field or item that is not named
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Burden:
    """What is too much: where it begins, in words."""

    spot: Spot
    text: str


def lost_references(base: str, schemas: Mapping[str, Schema]) -> Iterator[tuple[str, str]]:
    """Yield (pointer, reference) for each `$ref` of a schema that leads nowhere."""
    waiting = [("", schemas[base])]
    while waiting:
        pointer, one = waiting.pop()
        if isinstance(one, list):
            waiting += [(f"{pointer}/{index}", child) for index, child in enumerate(one)]
        if not isinstance(one, dict):
            continue
        reference = one.get("$ref")
        if isinstance(reference, str) and _resolved(reference, base, schemas) is None:
            yield f"{pointer}/$ref", reference
        waiting += [
            (f"{pointer}/{_escaped(key)}", child)
            for key, child in one.items()
            if key not in ("const", "enum", "default", "examples")
        ]


def measured(base: str, schemas: Mapping[str, Schema]) -> Burden | int:
    """Return what is too much of the schema with an id, or the most that one value can cost it.

    One is a question about the value; forty words that it may be cost as much to tell.
    """
    walk = _Walk(schemas)
    try:
        burden = walk.over(base)
    except _Endless as endless:
        return Burden(endless.spot, "leads back to itself before it asks anything of a part")
    return walk.most if burden is None else burden


class _Endless(Exception):
    def __init__(self, spot: Spot) -> None:
        super().__init__(spot)
        self.spot = spot


class _Walk:
    """One walk over the places of documents. A place is known by who looks at it, how often."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas
        self._same: dict[Spot, Counter[Spot]] = {}
        self._known: dict[Spot, Mapping[str, Any]] = {}
        self.most = 1

    def over(self, base: str) -> Burden | None:
        first = self._all({(base, ""): 1})
        seen, waiting = {_key(first)}, [first]
        while waiting:
            here = waiting.pop()
            total = sum(here.values())
            if total > MAX_VISITS:
                spot = max(here, key=lambda one: (one[0] == base, here[one]))
                return Burden(spot, f"is one of {total} questions about one value")
            words = max((len(self._at(one).get("enum", ())) for one in here), default=0)
            self.most = max(self.most, total + words // WORDS)
            if len(seen) > MAX_PLACES:
                return Burden((base, ""), f"has more than {MAX_PLACES} places to tell apart")
            for place in self._below(here):
                key = _key(place)
                if key and key not in seen:
                    seen.add(key)
                    waiting.append(place)
        return None

    def _all(self, spots: Mapping[Spot, int]) -> Counter[Spot]:
        """Return all that look at a value when these do; stop counting where it is too much."""
        made: Counter[Spot] = Counter()
        for spot, count in spots.items():
            for one, times in self._with(spot, ()).items():
                made[one] += times * count
        return made

    def _with(self, spot: Spot, above: tuple[Spot, ...]) -> Counter[Spot]:
        """Return a subschema and those that it hands the same value to."""
        known = self._same.get(spot)
        if known is not None:
            return known
        if spot in above:
            raise _Endless(spot)
        made = Counter({spot: 1})
        for child in self._beside(spot):
            made += self._with(child, (*above, spot))
        self._same[spot] = made
        return made

    def _at(self, spot: Spot) -> Mapping[str, Any]:
        known = self._known.get(spot)
        if known is None:
            found = pointed(self._schemas.get(spot[0]), spot[1])
            known = self._known[spot] = found if isinstance(found, dict) else {}
        return known

    def _beside(self, spot: Spot) -> Iterator[Spot]:
        """Yield the subschemas that see the same value."""
        (base, pointer), schema = spot, self._at(spot)
        if _BESIDE.isdisjoint(schema):
            return
        for key in ("$ref", "$dynamicRef"):
            reference = schema.get(key)
            if isinstance(reference, str):
                target = _resolved(reference, base, self._schemas)
                if target is not None:
                    yield target
        for key in _SAME:
            if key in schema:
                yield base, f"{pointer}/{key}"
        for key in _SAME_LISTS:
            for index in range(len(schema.get(key, ()))):
                yield base, f"{pointer}/{key}/{index}"
        for name in schema.get("dependentSchemas", ()):
            yield base, f"{pointer}/dependentSchemas/{_escaped(name)}"

    def _below(self, here: Mapping[Spot, int]) -> Iterator[Counter[Spot]]:
        """Yield who looks at each part of a value that these look at."""
        parts: dict[str, Counter[Spot]] = {}
        for spot, count in here.items():
            for label, child in self._parts(spot):
                parts.setdefault(label, Counter())[child] += count
        shared = {kind: parts.pop(kind, Counter()) for kind in (f"field {_ANY}", f"item {_ANY}")}
        for label, spots in parts.items():
            yield self._all(spots + shared[f"{label.partition(' ')[0]} {_ANY}"])
        for spots in shared.values():
            yield self._all(spots)

    def _parts(self, spot: Spot) -> Iterator[tuple[str, Spot]]:
        """Yield (part, subschema that sees it)."""
        (base, pointer), schema = spot, self._at(spot)
        for name in schema.get("properties", ()):
            yield f"field .{name}", (base, f"{pointer}/properties/{_escaped(name)}")
        for name in schema.get("patternProperties", ()):
            yield f"field {_ANY}", (base, f"{pointer}/patternProperties/{_escaped(name)}")
        for key in _FIELDS:
            if isinstance(schema.get(key), dict):
                yield f"field {_ANY}", (base, f"{pointer}/{key}")
        for key in _ITEMS:
            if isinstance(schema.get(key), dict):
                yield f"item {_ANY}", (base, f"{pointer}/{key}")
        for index in range(len(schema.get("prefixItems", ()))):
            yield f"item {index}", (base, f"{pointer}/prefixItems/{index}")


def _key(place: Counter[Spot]) -> frozenset[tuple[Spot, int]]:
    return frozenset(place.items())


def _resolved(reference: str, base: str, schemas: Mapping[str, Schema]) -> Spot | None:
    """Return where a reference leads, None when nothing is there."""
    whole, _, fragment = reference.partition("#")
    base = whole or base
    if base not in schemas:
        return None
    if fragment and not fragment.startswith("/"):
        pointer = _anchored(schemas[base], fragment)
        return None if pointer is None else (base, pointer)
    found = pointed(schemas[base], fragment)
    return (base, fragment) if isinstance(found, dict | bool) else None


def _anchored(schema: Schema, name: str) -> str | None:
    waiting = [("", schema)]
    while waiting:
        pointer, one = waiting.pop()
        if isinstance(one, dict):
            if name in (one.get("$anchor"), one.get("$dynamicAnchor")):
                return pointer
            waiting += [(f"{pointer}/{_escaped(key)}", child) for key, child in one.items()]
        elif isinstance(one, list):
            waiting += [(f"{pointer}/{index}", child) for index, child in enumerate(one)]
    return None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
