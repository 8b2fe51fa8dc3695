"""Owns: strict YAML: text to nodes that know their place.
Imports: core.diagnostics, core.value; PyYAML's event parser, nothing else of it.
Never: builds values that the text does not spell (no tags, anchors, YAML 1.1 words), raises for a
mistake of the author.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from router.core.diagnostics import Place, Report
from router.core.document import Json
from router.core.value import value

#: characters; a file of 2,000 routes has 1.5 MiB
MAX_TEXT = 8 * 1024 * 1024
#: nesting of lists and mappings
MAX_DEPTH = 64

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_TRUTH = {"yes", "no", "on", "off", "y", "n"}
#: plain texts that mean something else than what they spell, in small letters
_WORDS = _TRUTH | {"true", "false", "null", "~", ""}
#: y and n are keys of coordinates; nothing is called true or null
_TRUTHS_OF_KEYS = (_TRUTH - {"y", "n"}) | {"true", "false", "null", "~"}
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?")
_ODD_NUMBER = re.compile(
    r"[-+]?(0[0-9_]+|0[xob][0-9a-fA-F_]+|[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?|\+[0-9]+(\.[0-9]*)?"
    r"|[0-9]*\.?[0-9]*[eE][-+]?[0-9]+|\.[0-9]+|[0-9]+\.|\.(inf|nan)|\.(Inf|NaN)|\.(INF|NAN))"
)

#: what ends a line of YAML
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#")
#: styles of a text that may hold a `#`
_QUOTES = ("'", '"', "|", ">")


@value(frozen=True, slots=True)
class Scalar:
    """Text, number, truth or null; `plain` when it was written without quotes."""

    place: Place
    value: str | int | float | bool | None
    plain: bool
    #: the text as written, before it was read as a number
    text: str


@value(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    place: Place
    items: tuple[Node, ...]


@value(frozen=True, slots=True)
class Entry:
    """One key of a mapping with the place of the key itself."""

    key: str
    place: Place
    node: Node


@value(frozen=True, slots=True)
class Table:
    """A mapping; its entries keep the order of the text."""

    place: Place
    entries: tuple[Entry, ...]

    def get(self, key: str) -> Node | None:
        """Return the node under a key, or None."""
        return next((one.node for one in self.entries if one.key == key), None)

    def text_of(self, key: str) -> str | None:
        """Return the scalar text under a key, or None when it is not a text."""
        node = self.get(key)
        return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


Node: TypeAlias = Scalar | Sequence | Table


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: where its `#` stands, from 1; what follows; whether nothing stands before it."""

    line: int
    column: int
    text: str
    alone: bool


def read_yaml(text: str, file: str) -> tuple[Node | None, list[Any]]:
    """Return the one document in `text` and what is wrong with it; `file` names it in places."""
    report = Report()
    if len(text) > MAX_TEXT:
        report.error("E003", Place(file), "the file is larger than 8 MiB", "split it")
        return None, report.found
    builder = _Builder(file, report)
    try:
        node = builder.build(_events(text))
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        _syntax_error(error, text, file, report)
        return None, report.found
    except _TooDeep as deep:
        report.error("E003", deep.place, "nested deeper than 64", "flatten it")
        return None, report.found
    return node, report.found


def skim(text: str) -> int:
    """Return how many events a text has: the least that reading it costs."""
    return sum(1 for _ in _events(text))


def comments_of(text: str) -> list[Comment]:
    """Return the comments of a text in order; of one that is no YAML, none.

    A `#` within a text, quoted or in a block, begins no comment.
    """
    try:
        spans = [_span(one) for one in _events(text) if getattr(one, "style", None) in _QUOTES]
    except (yaml.YAMLError, UnicodeEncodeError):
        return []
    found = []
    for number, line in enumerate(_BREAK.split(text)):
        for hit in _COMMENT.finditer(line):
            at = (number, hit.start())
            before = bisect.bisect_right(spans, at, key=lambda span: span[0]) - 1
            if before < 0 or at >= spans[before][1]:
                alone = not line[: hit.start()].strip()
                found.append(Comment(number + 1, hit.start() + 1, line[hit.end() :], alone=alone))
                break
    return found


def to_json(node: Node) -> Json:
    """Return the plain value of a node."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [to_json(one) for one in node.items]
        case Table():
            return {one.key: to_json(one.node) for one in node.entries}


def _span(event: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where the text of a scalar begins and ends; a block's head may hold a comment."""
    start, end = event.start_mark, event.end_mark
    block = event.style in "|>"
    return (start.line + 1, 0) if block else (start.line, start.column), (end.line, end.column)


def _events(text: str) -> Iterator[Any]:
    loader: Any = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
    return iter(loader(text).get_event, None)


def _syntax_error(error: Exception, text: str, file: str, report: Report) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    problem = str(getattr(error, "problem", None) or error).split("\n", 1)[0]
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    hint = "indent with spaces" if "\t" in line[: place.column] else ""
    if "mapping values are not allowed" in problem or "did not find expected" in problem:
        hint = (
            "indent it like its neighbours, or quote a text that holds "
            '": ", ",", "{" or "#": "=money(a, b)"'
        )
    report.error("E001", place, f"not YAML: {problem}", hint)


class _TooDeep(Exception):
    def __init__(self, place: Place) -> None:
        self.place = place


@dataclass(slots=True)
class _Builder:
    """Turns parser events into nodes; holds nothing but where it is."""

    file: str
    report: Report
    depth: int = 0
    events: Iterator[Any] = field(default_factory=lambda: iter(()))

    def build(self, events: Iterator[Any]) -> Node | None:
        self.events = events
        found: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                node = self._node(next(events))
                if documents == 1:
                    found = node
                else:
                    self.report.error(
                        "E002", self._place(event), "a second document", "one file, one document"
                    )
        return found

    def _node(self, event: Any) -> Node:
        place = self._place(event)
        if isinstance(event, yaml.AliasEvent):
            self.report.error("E002", place, f"alias *{event.anchor}", "write the value again")
            return Scalar(place, None, plain=True, text="")
        if event.anchor or event.tag:
            self._check_marks(event, place)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeep(place)
        node = (
            self._table(place) if isinstance(event, yaml.MappingStartEvent) else self._list(place)
        )
        self.depth -= 1
        return node

    def _check_marks(self, event: Any, place: Place) -> None:
        if event.anchor:
            self.report.error("E002", place, f"anchor &{event.anchor}", "leave it out")
        if event.tag:
            self.report.error("E002", place, f"tag {event.tag}", "leave it out")

    def _list(self, place: Place) -> Sequence:
        items: list[Node] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event))
        return Sequence(place, tuple(items))

    def _table(self, place: Place) -> Table:
        entries: dict[str, Entry] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key_place = self._place(event)
            if not isinstance(event, yaml.ScalarEvent):
                self.report.error("E002", key_place, "a key that is not a text", "use a plain name")
                self._node(event)
                self._node(next(self.events))
                continue
            key = self._key(event, key_place)
            node = self._node(next(self.events))
            if key == "<<":  # told as a merge key: no key of the component either
                continue
            if key in entries:
                first = entries[key].place.line
                self.report.error(
                    "E004", key_place, f"key {key} a second time", f"first on line {first}"
                )
            entries.setdefault(key, Entry(key, key_place, node))
        return Table(place, tuple(entries.values()))

    def _key(self, event: Any, place: Place) -> str:
        key: str = event.value
        if event.anchor or event.tag:
            self._check_marks(event, place)
        plain = not event.style  # '' from libyaml, None from Python's parser
        if plain and key.lower() in _TRUTHS_OF_KEYS:
            self.report.error(
                "E005", place, f"key {key} means a truth value to some readers", "choose another"
            )
        if plain and key == "<<":
            self.report.error("E002", place, "merge key <<", "write the keys again")
        return key

    def _scalar(self, event: Any, place: Place) -> Scalar:
        text: str = event.value
        if event.style:
            return Scalar(place, text, plain=False, text=text)
        value: str | int | float | bool | None = text
        if text.lower() in _WORDS:
            value = self._word(text, place)
        elif text[0] in "-+.0123456789":
            value = self._number(text, place)
        return Scalar(place, value, plain=True, text=text)

    def _word(self, text: str, place: Place) -> str | bool | None:
        if text in ("", "~", "null"):
            return None
        if text in ("true", "false"):
            return text == "true"
        small = text.lower()
        word = "null" if small == "null" else str(small in ("yes", "on", "y", "true")).lower()
        self.report.error(
            "E005",
            place,
            f"{text} means different things to YAML readers",
            f'write {word} or "{text}"',
        )
        return text

    def _number(self, text: str, place: Place) -> str | int | float:
        if _INTEGER.fullmatch(text):
            return int(text) if len(text) <= 18 else text
        if _DECIMAL.fullmatch(text):
            return float(text) if len(text) <= 16 else text
        if _SEXAGESIMAL.fullmatch(text) or _ODD_NUMBER.fullmatch(text):
            self.report.error(
                "E005",
                place,
                f"{text} means different numbers to YAML readers",
                f'write it in decimal, or quote it: "{text}"',
            )
        return text

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        width = 0
        end = event.end_mark
        if isinstance(event, yaml.ScalarEvent) and end.line == mark.line:
            width = end.column - mark.column
        return Place(self.file, mark.line + 1, mark.column + 1, width)
