"""Owns: how a component of the language is defined once (keys, shapes, defaults, docs) and decoded.
Imports: core, config.source.
Never: knows a single component; writes a default or a key anywhere but in its definition.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar, cast, dataclass_transform

from router.config.library import Library
from router.config.source import Node, Scalar, Sequence, Table
from router.core.diagnostics import Place, Report, nearest
from router.core.value import value

C = TypeVar("C")


class Invalid:
    """What a shape returns after it has reported a mistake."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INVALID"


INVALID = Invalid()
_REQUIRED: Any = object()


@value(frozen=True, slots=True, kw_only=True)
class Context:
    """What a shape may look at: names loaded so far, expression roots in reach, the report."""

    library: Library
    report: Report
    #: None = any name: the expression's document has no fixed roots
    roots: frozenset[str] | None = frozenset()
    #: what the enclosing component has said so far, for shapes that depend on it
    around: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    #: functions that expressions may call here beside the library's
    functions: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def with_roots(self, roots: frozenset[str] | None) -> Context:
        """Return the context with other expression roots."""
        return Context(
            library=self.library,
            report=self.report,
            roots=roots,
            around=self.around,
            functions=self.functions,
        )

    def plus_roots(self, *names: str) -> Context:
        """Return the context with more expression roots."""
        return self.with_roots((self.roots or frozenset()) | frozenset(names))

    def within(self, **around: Any) -> Context:
        """Return the context with something more known about the surroundings."""
        return self.inside({**self.around, **around})

    def inside(self, around: Mapping[str, Any]) -> Context:
        """Return the context with other surroundings."""
        return Context(
            library=self.library,
            report=self.report,
            roots=self.roots,
            around=around,
            functions=self.functions,
        )


class Shape(Protocol):
    """The one way in which a value can be written."""

    @property
    def expects(self) -> str:
        """What to write, for error texts and the reference: `a duration such as 5s`."""

    def decode(self, node: Node, context: Context) -> Any:
        """Return the value, or INVALID after reporting why not."""


#: fixed names, or names that depend on what the component has said so far
Roots: TypeAlias = "frozenset[str] | Callable[[Context], frozenset[str]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """One key of a component."""

    name: str
    key: str
    shape: Shape
    doc: str
    default: Any
    roots: Roots | None

    @property
    def required(self) -> bool:
        """Whether the key must be written."""
        return self.default is _REQUIRED


def knob(
    shape: Shape,
    *,
    doc: str,
    key: str = "",
    default: Any = _REQUIRED,
    roots: Roots | None = None,
) -> Any:
    """Declare a key: its shape, what it means, its default, and the roots its expressions see."""
    metadata = {"knob": (key, shape, doc, default, roots)}
    return dataclasses.field(metadata=metadata)


def place_of() -> Any:
    """Declare the field that receives where the component stands."""
    return dataclasses.field(metadata={"place": True})


def keys_of() -> Any:
    """Declare the field that receives where each key stands that was written, by key."""
    return dataclasses.field(metadata={"keys": True})


@dataclass_transform(
    frozen_default=True,
    kw_only_default=True,
    field_specifiers=(knob, place_of, keys_of, dataclasses.field),
)
def component(name: str, *, doc: str) -> Callable[[type[C]], type[C]]:
    """Make a class a component: frozen, slotted, with its knobs readable by `knobs_of`."""

    def make(cls: type[C]) -> type[C]:
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        made.__component__ = name  # type: ignore[attr-defined]
        made.__summary__ = doc  # type: ignore[attr-defined]
        made.__knobs__ = _knobs(made)  # type: ignore[attr-defined]
        made.__places__ = _places(made)  # type: ignore[attr-defined]
        return made

    return make


def knobs_of(cls: type[Any]) -> tuple[Knob, ...]:
    """Return the keys of a component in the order of their definition."""
    return cast("tuple[Knob, ...]", getattr(cls, "__knobs__", ()))


def _knobs(cls: type[Any]) -> tuple[Knob, ...]:
    found = []
    for field in dataclasses.fields(cls):
        if "knob" in field.metadata:
            key, shape, doc, default, roots = field.metadata["knob"]
            found.append(
                Knob(
                    name=field.name,
                    key=key or field.name,
                    shape=shape,
                    doc=doc,
                    default=default,
                    roots=roots,
                )
            )
    return tuple(found)


def _places(cls: type[Any]) -> tuple[tuple[str, bool], ...]:
    """Return the fields that receive places, and whether one of each key."""
    return tuple(
        (field.name, "keys" in field.metadata)
        for field in dataclasses.fields(cls)
        if field.metadata.keys() & {"place", "keys"}
    )


def name_of(cls: type[Any]) -> str:
    """Return the word by which error texts call a component."""
    return cast("str", cls.__component__)


def decode_component(cls: type[C], node: Node, context: Context) -> C | Invalid:
    """Return the component that a mapping spells, or INVALID after reporting every mistake."""
    if not isinstance(node, Table):
        context.report.error(
            "E012", node.place, f"{name_of(cls)} must be a mapping", f"keys: {_keys(cls)}"
        )
        return INVALID
    written = {entry.key: entry.node for entry in node.entries}
    meant = _unknown_keys(cls, node, context)
    values: dict[str, Any] = {}
    around = {**context.around}
    inner = context.inside(around)  # which grow with each key
    for one in knobs_of(cls):
        found = written.get(one.key)
        lost = found is None and one.key in meant
        value = INVALID if lost else _decode_knob(one, found, node.place, inner)
        values[one.name] = around[one.name] = value
    if any(value is INVALID for value in values.values()):
        return INVALID
    for name, each in getattr(cls, "__places__", ()):
        values[name] = {entry.key: entry.place for entry in node.entries} if each else node.place
    return cls(**values)


def _decode_knob(one: Knob, node: Node | None, around: Place, context: Context) -> Any:
    """Return what a key says, which stands in a component that begins `around` here."""
    if node is not None and not _is_null(node):
        if one.roots is not None:
            context = context.with_roots(one.roots(context) if callable(one.roots) else one.roots)
        return one.shape.decode(node, context)
    if not one.required:
        return one.default() if callable(one.default) else one.default
    place = node.place if node is not None else around
    context.report.error(
        "E011", place, f"{one.key} is missing", f"{one.key}: {one.shape.expects}; {one.doc}"
    )
    return INVALID


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _unknown_keys(cls: type[Any], node: Table, context: Context) -> set[str]:
    """Report unknown keys; return the keys that they probably were meant to be."""
    known = {one.key for one in knobs_of(cls)}
    meant: set[str] = set()
    for entry in node.entries:
        if entry.key not in known:
            hint = nearest(entry.key, known)
            context.report.error(
                "E010", entry.place, f"unknown key {entry.key} in {name_of(cls)}", hint
            )
            meant.add(hint.removeprefix("did you mean ").removesuffix("?"))
    return meant


def _keys(cls: type[Any]) -> str:
    return ", ".join(one.key + ("" if one.required else "?") for one in knobs_of(cls))


def report_wrong(shape: Shape, node: Node, context: Context, code: str = "E012") -> Invalid:
    """Report that a node is not what the shape expects."""
    context.report.error(code, node.place, f"{_what(node)} where {shape.expects} belongs")
    return INVALID


def _what(node: Node) -> str:
    match node:
        case Table(entries=()):
            return "an empty mapping"
        case Table():
            return "a mapping"
        case Sequence(items=()):
            return "an empty list"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=str() as text):
            return f'the text "{text}"' if len(text) <= 40 else "a text"
        case Scalar(text=text):
            return text
    return "a list"
