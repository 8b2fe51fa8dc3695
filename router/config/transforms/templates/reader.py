"""Owns: reading a template: from its text to checked parts, every mistake told.
Imports: core, config.transforms; the parser when there is a template to read.
Never: writes; raises for a mistake of the author.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from router.config.transforms.checks import Vocabulary, Words
from router.config.transforms.expressions import MAX_LENGTH, compile_parsed
from router.config.transforms.tables import Table
from router.config.transforms.templates import parts
from router.config.transforms.templates.markup import Crooked, Spot
from router.config.transforms.templates.spelling import Unspoken, tree_of
from router.config.transforms.templates.weights import weighed_paths
from router.core.diagnostics import Place, Report

if TYPE_CHECKING:
    from router.config.transforms.templates.jinja import Tree

Node = Any
#: bytes of one template
MAX_SOURCE = 16 * 1024
#: `{% if %}` and `{% for %}` within each other
MAX_NESTING = 32
#: what else Jinja's templates have, and what is written here instead
_LOOP = "{% for name in list %}, and {% if %} in it"
_NOT_HERE = {
    "Macro": ("macro", "write it where it is needed, or two templates"),
    "CallBlock": ("call", "write it where it is needed"),
    "Include": ("include", "a template is one file"),
    "Import": ("import", "functions are there without it"),
    "FromImport": ("import", "functions are there without it"),
    "Extends": ("extends", "a template is one file"),
    "Block": ("block", "a template is one file"),
    "FilterBlock": ("filter", "{{ value | filter }}"),
    "With": ("with", "{% set name = value %}"),
    "ScopedEvalContextModifier": ("autoescape", "XML is always escaped, text never"),
    "AssignBlock": ("set without =", "{% set name = value %}"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A template's text, in a file of the project."""

    text: str
    file: str

    def place(self, offset: int, width: int = 0) -> Place:
        """Return where an offset stands."""
        line = self.text.count("\n", 0, offset) + 1
        return Place(self.file, line, offset - self.text.rfind("\n", 0, offset), width)


def read_template(
    source: Source, vocabulary: Vocabulary, report: Report, *, is_xml: bool
) -> tuple[parts.Part, ...] | None:
    """Return the parts of a template, or None after reporting every mistake in it."""
    from router.config.transforms.templates.jinja import Misread, parse  # noqa: PLC0415

    found = Report()
    made = None
    if len(source.text.encode()) > MAX_SOURCE:
        text = f"the template is larger than {MAX_SOURCE} bytes"
        found.error("E169", source.place(0), text, "several operations have several templates")
    else:
        try:
            tree = parse(source.text)
        except Misread as error:
            found.error("E160", source.place(error.offset, 1), f"not Jinja: {error}")
        else:
            made = _Reader(source, vocabulary.tables, tree, found).all(vocabulary, is_xml=is_xml)
    report.extend(found.found)
    return None if found.has_errors else made


@dataclass(frozen=True, slots=True)
class _At:
    """Where a part stands: the names in reach, what is open in XML, how deep it is."""

    names: set[str]
    #: None = no XML, or no longer told
    spot: Spot | None
    depth: int = 0

    def inner(self, *names: str) -> _At:
        """Return the inside of a branch or a loop."""
        return _At({*self.names, *names}, self.spot, self.depth + 1)


class _Reader:
    def __init__(
        self, source: Source, tables: Mapping[str, Table], tree: Tree, report: Report
    ) -> None:
        self._source = source
        self._tables = tables
        self._tree = tree
        self._report = report

    def all(self, vocabulary: Vocabulary, *, is_xml: bool) -> tuple[parts.Part, ...]:
        """Return the parts of the whole template."""
        names = set(vocabulary.roots or ())
        made, spot = self._parts(self._tree.body, _At(names, Spot() if is_xml else None))
        why = spot.unfinished() if spot is not None else ""
        if why:
            last = max(len(self._source.text.rstrip()) - 1, 0)
            self._error("E164", last, f"not well formed: {why}", "one element holds all the others")
        return made

    def _parts(self, nodes: Iterable[Node], at: _At) -> tuple[tuple[parts.Part, ...], Spot | None]:
        """Return the parts that nodes are, and the point of the XML after them."""
        made: list[parts.Part] = []
        for node in nodes:
            part, spot = self._part(node, at)
            made += part
            at = replace(at, spot=spot)
        return tuple(made), at.spot

    def _part(self, node: Node, at: _At) -> tuple[list[parts.Part], Spot | None]:
        if at.depth > MAX_NESTING:
            self._error("E169", node.lineno, f"nested deeper than {MAX_NESTING}", "take it apart")
            return [], None
        match type(node).__name__:
            case "Output":
                return self._output(node, at)
            case "If":
                return self._branch(node, at)
            case "For":
                return self._loop(node, at)
            case "Assign":
                return self._assign(node, at), at.spot
        while node.lineno is None:  # Jinja wraps the node in one of its own
            node = next(node.iter_child_nodes())
        word, hint = _NOT_HERE.get(type(node).__name__, (type(node).__name__, ""))
        self._error("E161", node.lineno, f"templates have no {word}", hint)
        return [], None

    def _output(self, output: Node, at: _At) -> tuple[list[parts.Part], Spot | None]:
        made: list[parts.Part] = []
        spot = at.spot
        for node in output.nodes:
            if type(node).__name__ == "TemplateData":
                spot = self._after(node, spot)
                made.append(parts.Words(node.data, self._source.place(node.lineno)))
                continue
            why = spot.problem() if spot is not None else ""
            value = self._value(node, at)
            if why:
                hint = "between tags, or in the quotes of an attribute"
                self._error("E163", self._start(node), why, hint)
                spot = None
            elif value is not None:
                quoted = spot is not None and spot.where != "content"
                made.append(parts.Write(value, quoted))
        return made, spot

    def _after(self, node: Node, spot: Spot | None) -> Spot | None:
        if spot is None:
            return None
        try:
            return spot.after(node.data)
        except Crooked as error:
            # a text of raw blocks and trimmed lines still stands in the source as it is
            begin = max(self._source.text.find(node.data, node.lineno), 0)
            code, what = ("E163", "") if error.open_ended else ("E164", "not well formed: ")
            self._error(code, begin + error.offset, f"{what}{error}", error.hint)
            return None

    def _assign(self, node: Node, at: _At) -> list[parts.Part]:
        name = self._new(node.target, at)
        value = self._value(node.node, at)
        at.names.add(name)
        return [parts.Name(name, value)] if name and value is not None else []

    def _new(self, target: Node, at: _At) -> str:
        """Return the name that a node gives, "" after reporting why not."""
        if type(target).__name__ != "Name":
            self._error("E161", target.lineno, "not one name", "one name, {% set name = value %}")
            return ""
        name: str = target.name
        if name in at.names or name == "loop":
            self._error("E122", target.lineno, f"{name} hides a name in reach", "choose another")
            return ""
        return name

    def _branch(self, node: Node, at: _At) -> tuple[list[parts.Part], Spot | None]:
        ways: list[tuple[Any, tuple[parts.Part, ...]]] = []
        ends: list[Spot | None] = []
        for one in (node, *node.elif_):
            condition = self._value(one.test, at)
            body, spot = self._parts(one.body, at.inner())
            ways.append((condition, body))
            ends.append(spot)
        body, spot = self._parts(node.else_, at.inner())
        if node.else_:
            ways.append((None, body))
        bad = any(condition is None for condition, _ in ways[: 1 + len(node.elif_)])
        ends.append(spot)  # without else: what was open before it
        return [] if bad else [parts.Branch(tuple(ways))], self._met(node, at.spot, ends)

    def _met(self, node: Node, before: Spot | None, ends: list[Spot | None]) -> Spot | None:
        """Return the point at which all ways meet."""
        if before is None or any(one is None for one in ends):
            return None
        first, *others = [one for one in ends if one is not None]
        for one in others:
            if not one.same(first):
                what = f"a way ends in {first.said()}, another in {one.said()}"
                hint = "begin and end an element in the same branch"
                self._error("E164", node.lineno, f"not well formed: {what}", hint)
                return None
            first = first.joined(one)
        return first

    def _loop(self, node: Node, at: _At) -> tuple[list[parts.Part], Spot | None]:
        for there, word in ((node.else_, "else"), (node.test, "if"), (node.recursive, "recursive")):
            if there:
                self._error("E161", node.lineno, f"a loop of a template has no {word}", _LOOP)
        name = self._new(node.target, at)
        source = self._value(node.iter, at)
        body, spot = self._parts(node.body, at.inner(name, "loop"))
        after = self._turned(node, at.spot, spot)
        if not name or source is None:
            return [], after
        return [parts.Loop(name, source, body)], after

    def _turned(self, node: Node, before: Spot | None, after: Spot | None) -> Spot | None:
        """Return the point after a loop of no, one or many turns."""
        if before is None or after is None:
            return None
        if not after.same(before) or after.attributes != before.attributes:
            what = f"a turn begins in {before.said()} and ends in {after.said()}"
            if after.same(before):
                what = "a loop writes one attribute several times"
            hint = "begin and end an element in the same turn"
            self._error("E164", node.lineno, f"not well formed: {what}", hint)
            return None
        return before.joined(after)

    def _value(self, node: Node, at: _At) -> parts.Weighed | None:
        start = self._start(node)
        text = self._source.text[start : self._end(start)].rstrip().removesuffix("-").rstrip()
        if len(text) > MAX_LENGTH:
            what = f"longer than {MAX_LENGTH} characters"
            self._error("E105", start, what, "take it apart: {% set name = value %}")
            return None
        try:
            tree = tree_of(node)
        except Unspoken as error:
            self._error(error.code, error.offset, str(error), error.hint)
            return None
        words = Words(text, self._source.place(start))
        vocabulary = Vocabulary(roots=frozenset(at.names), tables=self._tables)
        expression = compile_parsed(tree, words, vocabulary, self._report)
        return parts.Weighed(expression, weighed_paths(tree)) if expression is not None else None

    def _start(self, node: Node) -> int:
        """Return where an expression begins, with the brackets around it."""
        start: int = node.lineno
        waiting = [node]
        while waiting:
            one = waiting.pop()
            start = min(start, one.lineno or start)  # an operand has none, and follows
            waiting.extend(one.iter_child_nodes())
        at = start
        while at and self._source.text[at - 1] in "( \n\t":
            at -= 1
            if self._source.text[at] == "(":
                start = at
        return start

    def _end(self, start: int) -> int:
        ends = self._tree.ends
        index = bisect_left(ends, start)
        return ends[index] if index < len(ends) else len(self._source.text)

    def _error(self, code: str, offset: int, message: str, hint: str) -> None:
        self._report.error(code, self._source.place(offset), message, hint)
