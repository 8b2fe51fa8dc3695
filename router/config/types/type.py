"""Owns: what a value may be: kinds, texts, items, fields, and why it may be null.
Imports: core.
Never: holds a value of a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from router.core.value import value

#: kinds of values beside null; an integer is a number, too
SCALARS = frozenset({"boolean", "integer", "number", "text"})
ALL = SCALARS | {"list", "object"}
#: paths, and the texts that stand at each
Equal = frozenset[tuple[tuple[str, ...], frozenset[str]]]
#: texts that a type tells one by one; more are any text
MOST_TEXTS = 200

WORDS = {
    "boolean": "a boolean",
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "list": "a list",
    "object": "an object",
}


class Fields(Protocol):
    """The fields of an object."""

    @property
    def closed(self) -> bool:
        """Return whether it may have no other field than those of its names."""

    def field(self, name: str) -> Type | None:
        """Return what a field may be; None where the object has none of that name."""

    def names(self) -> Iterable[str]:
        """Return the names that are known."""

    @property
    def where(self) -> str:
        """Return which object it is, and of which contract, in words; "" where none says."""


@value(frozen=True, slots=True, kw_only=True)
class Type:
    """What a value may be. `unknown`: anything, nothing can be said of it."""

    kinds: frozenset[str] = frozenset()
    #: why it may be null; "" = it is never null
    null: str = ""
    #: it is null only where its object has no such field: it never stands there as null
    absent: bool = False
    #: the texts that it may be; None = any
    texts: frozenset[str] | None = None
    #: texts that it never is
    never: frozenset[str] = frozenset()
    #: the longest text, None = unknown
    longest: int | None = None
    #: the form of a text, a `format` of JSON Schema; "" = none is known
    form: str = ""
    #: the pattern that a text keeps; "" = none is known
    pattern: str = ""
    #: the one boolean that it is; None = either
    sure_of: bool | None = None
    #: where it is said, "body.lines[].id in shop/order@1"; "" = it is worked out
    origin: str = ""
    #: what an item of a list may be; made when asked
    item: Callable[[], Type] | None = None
    #: items that a list has at least
    least: int = 0
    #: paths and texts: a list has an item with this text there
    has: Equal = frozenset()
    #: the objects that it may be, each with its fields
    objects: tuple[Fields, ...] = ()
    unknown: bool = False

    @property
    def items(self) -> Type:
        """Return what an item of a list may be."""
        return self.item() if self.item is not None else UNKNOWN

    def sure(self) -> Type:
        """Return the type without null."""
        return self._with("", absent=False) if self.null else self

    def maybe(self, why: str) -> Type:
        """Return the type with null, for this reason where it had none."""
        return self if self.null or self.unknown else self._with(why, absent=False)

    def optional(self, why: str) -> Type:
        """Return the type of a field that may be missing, for this reason."""
        return self if self.null or self.unknown else self._with(why, absent=True)

    def _with(self, null: str, *, absent: bool) -> Type:
        return Type(
            kinds=self.kinds,
            null=null,
            absent=absent,
            texts=self.texts,
            never=self.never,
            longest=self.longest,
            form=self.form,
            pattern=self.pattern,
            sure_of=self.sure_of,
            origin=self.origin,
            item=self.item,
            least=self.least,
            has=self.has,
            objects=self.objects,
            unknown=self.unknown,
        )

    def field(self, name: str) -> Type | None:
        """Return what a field of it may be; null where it is no object; None = no such field.

        An object of several sorts has the fields of each; where one sort lacks it, it may be null.
        """
        if self.unknown:
            return UNKNOWN
        if not self.objects:
            return NOTHING
        there = [held for one in self.objects if (held := one.field(name)) is not None]
        if not there:
            return None
        made = there[0] if len(there) == 1 else union(there)
        if self.null:
            made = made.maybe(self.null)
        if len(there) < len(self.objects):
            made = made.maybe(f"not every sort of it has {name}")
        if self.kinds - {"object"}:
            made = made.maybe("it may be no object")
        return made

    def without(self, kind: str) -> Type:
        """Return the type without one kind."""
        return replace(self, kinds=self.kinds - {kind})

    @property
    def is_null(self) -> bool:
        """Return whether it is null and nothing else."""
        return not self.kinds and bool(self.null)

    @property
    def truth(self) -> bool | None:
        """Return whether it always holds, or never; None where that is not known."""
        if self.unknown or not (self.kinds or self.null):
            return None
        found = False if self.null else None
        for kind in self.kinds:
            one = _holds(self, kind)
            if one is None or (found is not None and one is not found):
                return None
            found = one
        return found

    def names(self) -> set[str]:
        """Return the names of the fields that are known."""
        return {name for one in self.objects for name in one.names()}

    @property
    def told(self) -> str:
        """Return where it is said, " (body.lines in shop/order@1)"; "" where nothing says."""
        return f" ({self.origin})" if self.origin else ""

    @property
    def where(self) -> str:
        """Return which object it is, " of body.lines[] in shop/order@1"; "" where none says."""
        return next((f" of {one.where}" for one in self.objects if one.where), "")

    def __str__(self) -> str:
        if self.unknown:
            return "anything"
        kinds = self.kinds - ({"integer"} if "number" in self.kinds else frozenset())
        words = [WORDS[kind] for kind in sorted(kinds)]
        return " or ".join(words + (["null"] if self.null else [])) or "nothing"


UNKNOWN = Type(kinds=ALL, unknown=True)
#: null and nothing else
NOTHING = Type(null="it is always null")
TEXT = Type(kinds=frozenset({"text"}))
NUMBER = Type(kinds=frozenset({"number", "integer"}))
INTEGER = Type(kinds=frozenset({"integer"}))
BOOLEAN = Type(kinds=frozenset({"boolean"}))
TRUE = Type(kinds=frozenset({"boolean"}), sure_of=True)
FALSE = Type(kinds=frozenset({"boolean"}), sure_of=False)


def list_of(item: Callable[[], Type], least: int = 0, has: Equal = frozenset()) -> Type:
    """Return the type of a list."""
    return Type(kinds=frozenset({"list"}), item=item, least=least, has=has)


def object_of(*fields: Fields) -> Type:
    """Return the type of an object that is one of these."""
    return Type(kinds=frozenset({"object"}), objects=fields)


@value(frozen=True, slots=True)
class Literal:
    """An object whose fields are known one by one: a record of a map, a multi-select."""

    fields: Mapping[str, Type]
    closed: bool = True
    where: str = ""

    def field(self, name: str) -> Type | None:
        """Return what a field may be."""
        return self.fields.get(name)

    def names(self) -> Iterable[str]:
        """Return the names of all fields."""
        return self.fields


@dataclass(frozen=True, slots=True)
class Open:
    """An object of which nothing is known, but that each field is of one type."""

    value: Type
    closed: bool = False
    where: str = ""

    def field(self, _name: str) -> Type | None:
        """Return what any field may be."""
        return self.value.maybe("any field may be missing")

    def names(self) -> Iterable[str]:
        """Return no name."""
        return ()


@dataclass(frozen=True, slots=True)
class _Known:
    """An object of which more is known."""

    inner: Fields

    @property
    def closed(self) -> bool:
        """Return whether it may have no other field."""
        return self.inner.closed

    @property
    def where(self) -> str:
        """Return which object it is."""
        return self.inner.where

    def names(self) -> Iterable[str]:
        """Return the names that are known."""
        return self.inner.names()


@dataclass(frozen=True, slots=True)
class Narrowed(_Known):
    """An object of which some fields are known to be there."""

    there: frozenset[tuple[str, ...]]

    def field(self, name: str) -> Type | None:
        """Return what a field may be, without null where it is known to be there."""
        found = self.inner.field(name)
        paths = {path[1:] for path in self.there if path[0] == name}
        if found is None or not paths:
            return found
        return narrowed(found.sure(), frozenset(path for path in paths if path))


@dataclass(frozen=True, slots=True)
class Chosen(_Known):
    """An object of which one field is known better."""

    name: str
    held: Type

    def field(self, name: str) -> Type | None:
        """Return what a field may be."""
        return self.held if name == self.name else self.inner.field(name)


def _holds(value: Type, kind: str) -> bool | None:
    """Return whether what is of one of its kinds holds: is not false, and not empty."""
    if kind in ("integer", "number"):
        return True
    if kind == "boolean":
        return value.sure_of
    if kind == "list":
        return True if value.least else None
    if kind == "text" and value.texts is not None:
        return None if "" in value.texts and len(value.texts) > 1 else "" not in value.texts
    return None


def narrowed(value: Type, there: frozenset[tuple[str, ...]], equal: Equal = frozenset()) -> Type:
    """Return a type whose fields at these paths are not null, or are one of these texts."""
    if value.unknown or not value.objects or not (there or equal):
        return value
    sorts = [one for one in value.objects if all(_can(one, *wanted) for wanted in equal)]
    objects = tuple(Narrowed(one, there) if there else one for one in sorts or value.objects)
    return replace(value, objects=objects)


def _can(fields: Fields, path: tuple[str, ...], texts: frozenset[str]) -> bool:
    """Return whether an object can have one of these texts at a path."""
    found = object_of(fields).field(path[0])
    for name in path[1:]:
        found = found.field(name) if found is not None else None
    if found is None:
        return False
    if found.unknown or found.texts is None:
        return not texts <= found.never
    return bool(found.texts & texts)


def union(types: Sequence[Type]) -> Type:
    """Return what is one of these types."""
    if len(types) == 1:
        return types[0]
    if not types or any(one.unknown for one in types):
        return UNKNOWN
    texts = [one.texts for one in types if "text" in one.kinds]
    forms = {one.form for one in types if "text" in one.kinds}
    patterns = {one.pattern for one in types if "text" in one.kinds}
    origins = {one.origin for one in types}
    truths = {one.sure_of for one in types if "boolean" in one.kinds}
    some = {text for one in texts if one is not None for text in one}
    known = all(one is not None for one in texts) and len(some) <= MOST_TEXTS
    longest = [one.longest for one in types if "text" in one.kinds]
    lists = [one for one in types if "list" in one.kinds]
    return Type(
        kinds=frozenset(kind for one in types for kind in one.kinds),
        null=next((one.null for one in types if one.null), ""),
        absent=any(one.null for one in types) and all(one.absent for one in types if one.null),
        texts=frozenset(some) if texts and known else None,
        longest=_most(longest),
        pattern=patterns.pop() if len(patterns) == 1 else "",
        form=forms.pop() if len(forms) == 1 else "",
        sure_of=truths.pop() if len(truths) == 1 else None,
        origin=origins.pop() if len(origins) == 1 else "",
        item=(lambda: union([one.items for one in lists])) if lists else None,
        least=min((one.least for one in lists), default=0),
        has=frozenset.intersection(*(one.has for one in lists)) if lists else frozenset(),
        objects=tuple(part for one in types for part in one.objects),
    )


def _most(lengths: Sequence[int | None]) -> int | None:
    known = [one for one in lengths if one is not None]
    return max(known) if known and len(known) == len(lengths) else None
