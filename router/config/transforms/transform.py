"""Owns: a transform file: its inputs, and the contract and map, or the template, of what it gives.
Imports: config.components, config.references, config.transforms.
Never: reads or gives anything but documents; validates (the border where it leaves does).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from router.config.components import INVALID, Context, component, knob, place_of, report_wrong
from router.config.references import CONTRACT, EXPRESSION, Named
from router.config.shapes import NAME_SAYS, Choice, ListOf, MapOf, Text
from router.config.source import Node, Scalar
from router.config.source import Table as TableNode
from router.config.transforms.checks import Vocabulary
from router.config.transforms.expressions import Expression
from router.config.transforms.functions import LIBRARY
from router.config.transforms.mapcode import MapFunction
from router.config.transforms.maps import check_name, decode_map
from router.config.transforms.maptree import Builder, named
from router.config.transforms.tables import Table
from router.config.transforms.targets import check_target
from router.config.transforms.templates.reader import Source, read_template
from router.config.transforms.templates.template import ENCODINGS, Template
from router.config.validation import Contract
from router.core.diagnostics import Place, nearest
from router.core.document import Json, Written

#: roots that every transform may read without declaring them
COMMON_ROOTS = frozenset({"headers", "stamp", "env"})
#: a function, a truth of the result's contract, a field of the result: `/lines/*/amount`
_REFUSES = rf"{'|'.join(sorted(LIBRARY))}|[a-z0-9]+(-[a-z0-9]+)+|(/[^/]+)+"
_REFUSES_SAYS = "a function, the id of a truth with a hyphen, or a field such as /lines/*/amount"


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


@dataclass(frozen=True, slots=True)
class TemplateShape:
    """A file with a template, beside the transform's own."""

    kind: Literal["xml", "text"]
    expects: str = "a file beside this one that ends in .j2"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return report_wrong(self, node, context)
        path = f"{node.place.file.rpartition('/')[0]}/{node.value}"
        folder = path.removesuffix(node.value)
        there = [name.removeprefix(folder) for name in context.library.templates
                 if name.startswith(folder)]  # fmt: skip
        if node.value not in there:
            hint = nearest(node.value, there)
            context.report.error("E167", node.place, f"no template {node.value} here", hint)
            return INVALID
        inner = _inside(context)
        if inner is None:
            return INVALID
        inner = inner.plus_roots(*(name for name, _ in context.around["let"]))
        source = Source(re.sub("\r\n?", "\n", context.library.templates[path]), path)
        vocabulary = Vocabulary(roots=inner.roots, tables=inner.library.tables)
        parts = read_template(source, vocabulary, context.report, is_xml=self.kind == "xml")
        if parts is None:
            return INVALID
        return Template(
            kind=self.kind,
            place=source.place(0),
            parts=parts,
            encoding=context.around["encoding"],
            separators=context.around["separators"],
        )


TABLE = Named("table", "E036", lambda context: context.library.tables)


@component(
    "transform",
    doc="Turns documents of declared contracts into one of another contract, or into a text.",
)
class TransformFile:
    inputs: Mapping[str, Any] = knob(
        MapOf(InputShape(), key="[a-z][a-z0-9_]*", key_says=NAME_SAYS, least=1),
        doc="every root with its contract",
    )
    to: Contract | None = knob(
        CONTRACT, doc="with map: the contract that the result keeps", default=None
    )
    tables: tuple[Table, ...] = knob(ListOf(TABLE), doc="tables it looks up", default=())
    refuses: Mapping[str, str] = knob(
        MapOf(Text("a reason in words", r".*\S.*"), key=_REFUSES, key_says=_REFUSES_SAYS),
        doc="what may come to nothing though the contracts let it through, each with the reason",
        default=dict,
    )
    let: tuple[tuple[str, Builder], ...] = knob(LetShape(), doc="values with a name", default=())
    map: Builder | None = knob(MapShape(), doc="the result, field by field", default=None)
    encoding: str = knob(
        Choice(ENCODINGS), doc="with xml, text: how the characters are written", default="utf-8"
    )
    separators: str = knob(
        Text(),
        doc="with text: characters that no value may hold: they part fields",
        default="",
    )
    xml: Template | None = knob(
        TemplateShape("xml"), doc="instead of map: XML, a template for a system", default=None
    )
    text: Template | None = knob(
        TemplateShape("text"), doc="instead of map: a text, a template for a system", default=None
    )
    place: Place = place_of()

    @property
    def template(self) -> Template | None:
        """Return its template, of either kind."""
        return self.xml or self.text

    def complaint(self, keys: Collection[str]) -> tuple[str, str, str] | None:
        """Return what is wrong with the keys as a whole: code, message, hint."""
        ways = [key for key in ("map", "xml", "text") if key in keys]
        if not ways:
            return (
                "E011",
                "map is missing",
                f"map: {MapShape().expects}; or xml:, text: with a template",
            )
        if len(ways) > 1:
            return "E167", f"{' and '.join(ways)}: a transform gives one thing", "two transforms"
        if ways == ["map"] and "to" not in keys:
            hint = f"to: {CONTRACT.expects}; the contract that the result keeps"
            return "E011", "to is missing", hint
        for key in ("to", "encoding", "separators"):
            if key in keys and ways[0] not in _BELONGS[key]:
                hint = _BESIDE.get((key, ways[0]), f"{key}: belongs to {_BELONGS[key][-1]}:")
                return "E167", f"{key}: beside {ways[0]}:", hint
        return None


_BELONGS = {"to": ("map",), "encoding": ("xml", "text"), "separators": ("text",)}
_BESIDE = {
    ("to", "xml"): "the request of the operation names the contract of its XML",
    ("to", "text"): "a text has no contract",
}


class _Wording:
    """A template over the values that a `let:` names."""

    def __init__(self, lets: tuple[tuple[str, Builder], ...], template: Template) -> None:
        self._lets = lets
        self._template = template
        self._told: Callable[[Mapping[str, Json]], None] = lambda _: None

    def __call__(self, scope: Mapping[str, Json]) -> Written:
        """Return what the template writes."""
        self._told(scope)
        return self._template(named(self._lets, scope))

    def watch(self, told: Callable[[Mapping[str, Json]], None]) -> None:
        """Tell the roots of each run from now on."""
        self._told = told


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A named, compiled transform: a pure function of its inputs."""

    name: str
    file: TransformFile
    #: what it reads of the calls before it in a sequence, as (call, field); "" = any
    calls: frozenset[tuple[str, str]] = frozenset()
    _run: MapFunction | _Wording = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        template, lets = self.file.template, self.file.let
        assert template or self.file.map, "a transform has a map or a template"
        run = _Wording(lets, template) if template else MapFunction(lets, self.file.map)  # type: ignore[arg-type]
        object.__setattr__(self, "_run", run)

    @property
    def inputs(self) -> frozenset[str]:
        """Return the roots that a step must give it."""
        return frozenset(self.file.inputs)

    @property
    def to(self) -> Contract | None:
        """Return the contract of the result; None of a template, which gives bytes."""
        return self.file.to

    def watch(self, told: Callable[[Mapping[str, Json]], None]) -> None:
        """Tell the roots of each run from now on, and evaluate each expression for itself."""
        self._run.watch(told)

    def __call__(self, scope: Mapping[str, Json]) -> Json:
        """Return the result over `scope`, Written of a template.

        Raises TransformError or LimitExceeded with its place.
        """
        return self._run(scope)
