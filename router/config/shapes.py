"""Owns: the shapes of plain values: text, names, numbers, durations, lists, mappings, choices.
Imports: config.components.
Never: looks anything up by name (config.references does).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from router.config.components import (
    INVALID,
    Context,
    Shape,
    decode_component,
    name_of,
    report_wrong,
)
from router.config.source import Node, Scalar, Sequence, Table
from router.config.source import to_json as node_to_json
from router.core import units
from router.core.diagnostics import nearest

#: how a name is written
NAME = r"[a-z][a-z0-9_]{0,63}"
NAME_SAYS = "a name in snake_case"
_NAME = re.compile(NAME)


@dataclass(frozen=True, slots=True)
class Text:
    """A literal text, optionally matching a pattern."""

    expects: str = "a text"
    pattern: str = ""

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
            return report_wrong(self, node, context)
        if self.pattern and not re.fullmatch(self.pattern, node.value):
            return report_wrong(self, node, context)
        return node.value


@dataclass(frozen=True, slots=True)
class Name:
    """A snake_case name."""

    expects: str = NAME_SAYS

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
            return node.value
        return report_wrong(self, node, context)


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    expects: str = "true or false"

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        return report_wrong(self, node, context)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number within bounds."""

    low: int
    high: int

    @property
    def expects(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def decode(self, node: Node, context: Context) -> Any:
        value = node.value if isinstance(node, Scalar) else None
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        ):
            return value
        return report_wrong(self, node, context)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text that a function turns into a value, or into None when it is not one."""

    expects: str
    parse: Callable[[str], Any]
    #: how it is written, as a regular expression
    written: str
    examples: tuple[str, ...]

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Scalar):
            value = self.parse(node.text)
            if value is not None:
                return value
        return report_wrong(self, node, context)


DURATION = Parsed(
    "a duration such as 500ms, 5s, 30m, 2h, 90d",
    units.duration,
    units.DURATION,
    ("500ms", "5s", "30m", "2h", "90d"),
)
SIZE = Parsed("a size such as 64KiB or 1MiB", units.size, units.SIZE, ("64KiB", "1MiB"))
PERCENT = Parsed("a percentage such as 20%", units.percent, units.PERCENT, ("20%",))
RATE = Parsed("a rate such as 2/s or 30/m", units.rate, units.RATE, ("2/s", "30/m"))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def expects(self) -> str:
        return "one of " + ", ".join(self.words)

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Scalar) and node.value in self.words:
            return node.value
        if isinstance(node, Scalar) and isinstance(node.value, str):
            context.report.error(
                "E013", node.place, f"unknown word {node.value}", nearest(node.value, self.words)
            )
            return INVALID
        return report_wrong(self, node, context, "E013")


@dataclass(frozen=True, slots=True)
class Document:
    """Any literal value."""

    expects: str = "a value"

    def decode(self, node: Node, context: Context) -> Any:
        return node_to_json(node)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items have one shape; decoded to a tuple."""

    item: Shape
    least: int = 0

    @property
    def expects(self) -> str:
        return f"a list, each {self.item.expects}"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Sequence) or len(node.items) < self.least:
            return report_wrong(self, node, context)
        items = tuple(self.item.decode(one, context) for one in node.items)
        return INVALID if any(one is INVALID for one in items) else items


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping with the author's own keys; decoded to a dict in the order of the text."""

    value: Shape
    #: how a key is written, as a regular expression, and in words
    key: str = ""
    key_says: str = ""
    least: int = 0
    #: tells the value's shape under which key it stands, as `context.around[told_as]`
    told_as: str = ""

    @property
    def expects(self) -> str:
        return f"a mapping, each value {self.value.expects}"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Table) or len(node.entries) < self.least:
            return report_wrong(self, node, context)
        found: dict[str, Any] = {}
        for entry in node.entries:
            if self.key and not re.fullmatch(self.key, entry.key):
                hint = f"write {self.key_says or f'what matches {self.key}'}"
                context.report.error(
                    "E012", entry.place, f"key {entry.key} is not well formed", hint
                )
                found[entry.key] = INVALID
                continue
            inner = context.within(**{self.told_as: entry.key}) if self.told_as else context
            found[entry.key] = self.value.decode(entry.node, inner)
        return INVALID if any(one is INVALID for one in found.values()) else found


@dataclass(frozen=True, slots=True)
class Nested:
    """Another component."""

    cls: type[Any]

    @property
    def expects(self) -> str:
        return f"a mapping of {name_of(self.cls)}"

    def decode(self, node: Node, context: Context) -> Any:
        return decode_component(self.cls, node, context)


@dataclass(frozen=True, slots=True)
class OneKey:
    """A mapping with exactly one key that says which shape its value has."""

    noun: str
    options: Mapping[str, Shape]

    @property
    def expects(self) -> str:
        return f"one of {', '.join(sorted(self.options))}"

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Table) and len(node.entries) > 1:
            second = node.entries[1]
            context.report.error(
                "E014",
                second.place,
                f"{second.key} beside {node.entries[0].key} in one {self.noun}",
                f"one key each: begin a further {self.noun} with `- `",
            )
            return INVALID
        if not isinstance(node, Table) or not node.entries:
            return report_wrong(self, node, context, "E014")
        entry = node.entries[0]
        shape = self.options.get(entry.key)
        if shape is None:
            hint = nearest(entry.key, self.options)
            context.report.error("E014", entry.place, f"unknown {self.noun} {entry.key}", hint)
            return INVALID
        return shape.decode(entry.node, context)


@dataclass(frozen=True, slots=True)
class Lazy:
    """A shape that is built when it is first used: for shapes that hold themselves."""

    expects: str
    build: Callable[[], Shape]

    def decode(self, node: Node, context: Context) -> Any:
        return self.build().decode(node, context)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A value of one shape that becomes the only knob of a component: `discard: reason`."""

    cls: type[Any]
    name: str
    shape: Shape

    @property
    def expects(self) -> str:
        return self.shape.expects

    def decode(self, node: Node, context: Context) -> Any:
        value = self.shape.decode(node, context)
        return INVALID if value is INVALID else self.cls(**{self.name: value, "place": node.place})
