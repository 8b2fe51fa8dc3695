"""Owns: table files: nested rows to a lookup table.
Imports: config.components, config.transforms.tables.
Never: invents a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from router.config.components import INVALID, Context, component, knob, place_of, report_wrong
from router.config.shapes import Choice, Integer, ListOf, Name, Nested, Text
from router.config.source import Node, Scalar, to_json
from router.config.source import Table as TableNode
from router.config.transforms.tables import Table
from router.core.diagnostics import Place
from router.core.document import Json


@component("holds", doc="What every value of a table is: a whole number.")
class WholeNumbers:
    least: int = knob(Integer(-1_000_000_000, 1_000_000_000), doc="the smallest that may stand")
    most: int = knob(Integer(-1_000_000_000, 1_000_000_000), doc="the largest that may stand")


@dataclass(frozen=True, slots=True)
class Rows:
    """Mappings nested as deep as there are keys."""

    expects: str = "mappings nested as deep as there are keys, values at the bottom"

    def decode(self, node: Node, context: Context) -> Any:
        keys = context.around.get("keys")
        if keys is INVALID or keys is None:
            return INVALID
        rows: dict[tuple[str, ...], Json] = {}
        return rows if self._collect(node, (), len(keys), (rows, context)) else INVALID

    def _collect(
        self,
        node: Node,
        path: tuple[str, ...],
        depth: int,
        into: tuple[dict[tuple[str, ...], Json], Context],
    ) -> bool:
        rows, context = into
        if depth == 0:
            rows[path] = to_json(node)
            return _is_held(node, context)
        if not isinstance(node, TableNode):
            report_wrong(self, node, context)
            return False
        fine = [
            self._collect(entry.node, (*path, entry.key), depth - 1, into) for entry in node.entries
        ]
        return all(fine)


@dataclass(frozen=True, slots=True)
class Default:
    """The value of an unknown key, null, or an error."""

    expects: str = "a value, {nothing: unknown_key} for null, or {error: unknown_key}"

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, TableNode) and node.get("error") is not None:
            return (False, None)
        if isinstance(node, TableNode) and node.get("nothing") is not None:
            return (True, None)
        if not isinstance(node, Scalar | TableNode):
            return report_wrong(self, node, context)
        return (True, to_json(node)) if _is_held(node, context) else INVALID


def _is_held(node: Node, context: Context) -> bool:
    """Return whether a value is what the table says it holds, having told where it is not."""
    holds = context.around.get("holds")
    if not isinstance(holds, WholeNumbers):
        return True
    value = to_json(node)
    if type(value) is int and holds.least <= value <= holds.most:
        return True
    context.report.error(
        "E135",
        node.place,
        f"this table holds whole numbers from {holds.least} to {holds.most}",
        "write one of them; default: {nothing: unknown_key} where others have none",
    )
    return False


@component("table", doc="Reference data: keys to a value.")
class TableFile:
    table: str = knob(Name(), doc="its name, the same as its file")
    owner: str = knob(Text(), doc="who answers for it")
    keys: tuple[str, ...] = knob(ListOf(Name(), least=1), doc="what each level of rows is")
    holds: WholeNumbers | None = knob(
        Nested(WholeNumbers), doc="what its values are, where they are whole numbers", default=None
    )
    source: str = knob(Text(), doc="where the rows come from", default="")
    refresh: str = knob(Choice(("by_hand",)), doc="how they are kept fresh", default="by_hand")
    default: tuple[bool, Json] = knob(Default(), doc="for an unknown key")
    rows: dict[tuple[str, ...], Json] = knob(Rows(), doc="the rows")
    doc: str = knob(Text(), doc="what it is for", default="")
    place: Place = place_of()


def make_table(file: TableFile, _context: Context) -> Table:
    """Return the table of a decoded file."""
    has_default, default = file.default
    return Table(
        name=file.table,
        place=file.place,
        columns=file.keys,
        rows=file.rows,
        has_default=has_default,
        default=default,
        source=file.source,
    )
