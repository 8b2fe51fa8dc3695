"""Owns: a transform file: its inputs, the contract it gives, its map.
Imports: config.components, config.references, config.transforms.
Never: reads or gives anything but documents; validates (the border where it leaves does).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from router.config.components import INVALID, Context, component, knob, place_of
from router.config.references import CONTRACT, EXPRESSION, Named
from router.config.shapes import NAME_SAYS, ListOf, MapOf
from router.config.source import Node, Scalar
from router.config.source import Table as TableNode
from router.config.transforms.expressions import Expression
from router.config.transforms.mapcode import MapFunction
from router.config.transforms.maps import check_name, decode_map
from router.config.transforms.maptree import Builder
from router.config.transforms.tables import Table
from router.config.transforms.targets import check_target
from router.config.validation import Contract
from router.core.diagnostics import Place
from router.core.document import Json

#: roots that every transform may read without declaring them
COMMON_ROOTS = frozenset({"headers", "stamp", "env"})


@dataclass(frozen=True, slots=True)
class InputShape:
    """A contract, or for one item of a split the list that it is an item of: `=body.lines`."""

    expects: str = "a contract such as name@1, =path of the list it is an item of, text, or calls"

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Scalar) and node.value in ("text", "calls"):
            return node.value
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value[:1] == "=":
            return EXPRESSION.decode(node, context.with_roots(None))
        return CONTRACT.decode(node, context)


@dataclass(frozen=True, slots=True)
class MapShape:
    """A document with expressions in it."""

    expects: str = "a mapping of the result's fields"

    def decode(self, node: Node, context: Context) -> Any:
        inner = _inside(context)
        if not isinstance(node, TableNode):
            return _not_a_map(node, context)
        if inner is None:
            return INVALID
        for key in ("each", "if"):
            if node.get(key) is not None and node.get("map") is not None:
                context.report.error(
                    "E121",
                    node.place,
                    f"{key}: around the whole map gives no document",
                    "use a split or a filter step before the transform",
                )
                return INVALID
        builder = decode_map(node, inner.plus_roots(*(name for name, _ in context.around["let"])))
        target = context.around["to"]
        if isinstance(target, Contract):
            check_target(node, target, context)
        return builder


def _inside(context: Context) -> Context | None:
    """Return the context of the map: its inputs as roots, its declared tables alone."""
    inputs, tables, lets = (context.around.get(key) for key in ("inputs", "tables", "let"))
    if INVALID in (inputs, tables, lets) or inputs is None or tables is None:
        return None
    library = dataclasses.replace(context.library, tables={table.name: table for table in tables})
    items = {f"{name}_index" for name, given in inputs.items() if isinstance(given, Expression)}
    inner = context.with_roots(COMMON_ROOTS | frozenset(inputs) | items)
    return dataclasses.replace(inner, library=library)


def _not_a_map(node: Node, context: Context) -> Any:
    context.report.error("E012", node.place, "map: must be a mapping", "map: {field: =body.field}")
    return INVALID


@dataclass(frozen=True, slots=True)
class LetShape:
    """Names for values that the map uses more than once, each may use those before it."""

    expects: str = "a mapping of names to values"

    def decode(self, node: Node, context: Context) -> Any:
        inner = _inside(context)
        if not isinstance(node, TableNode):
            return _not_a_map(node, context)
        if inner is None:
            return INVALID
        made: list[tuple[str, Builder]] = []
        for entry in node.entries:
            check_name(entry, inner)
            builder = decode_map(entry.node, inner)
            if builder is INVALID:
                return INVALID
            made.append((entry.key, builder))  # type: ignore[arg-type]
            inner = inner.plus_roots(entry.key)
        return tuple(made)


TABLE = Named("table", "E036", lambda context: context.library.tables)


@component("transform", doc="Turns documents of declared contracts into one of another contract.")
class TransformFile:
    inputs: Mapping[str, Any] = knob(
        MapOf(InputShape(), key="[a-z][a-z0-9_]*", key_says=NAME_SAYS, least=1),
        doc="every root with its contract",
    )
    to: Contract = knob(CONTRACT, doc="the contract that the result keeps")
    tables: tuple[Table, ...] = knob(ListOf(TABLE), doc="tables it looks up", default=())
    let: tuple[tuple[str, Builder], ...] = knob(LetShape(), doc="values with a name", default=())
    map: Builder = knob(MapShape(), doc="the result, field by field")
    place: Place = place_of()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A named, compiled transform: a pure function of its inputs."""

    name: str
    file: TransformFile
    #: what it reads of the calls before it in a sequence, as (call, field); "" = any
    calls: frozenset[tuple[str, str]] = frozenset()
    _run: MapFunction = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_run", MapFunction(self.file.let, self.file.map))

    @property
    def inputs(self) -> frozenset[str]:
        """Return the roots that a step must give it."""
        return frozenset(self.file.inputs)

    @property
    def to(self) -> Contract:
        """Return the contract of the result."""
        return self.file.to

    def watch(self, told: Callable[[Mapping[str, Json]], None]) -> None:
        """Tell the roots of each run from now on, and evaluate each expression for itself."""
        self._run.watch(told)

    def __call__(self, scope: Mapping[str, Json]) -> Json:
        """Return the result over `scope`. Raises TransformError or LimitExceeded with its place."""
        return self._run(scope)
