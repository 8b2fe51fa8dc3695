"""Owns: control totals: what a file, or one beside it, says of its records.
Imports: config.components, config.formats, config.references.
Never: adds up (engine.control does), opens a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time

from router.config.components import Context, component, keys_of, knob, place_of
from router.config.formats import (
    CELLS,
    LINES,
    LONG_NUMBERS,
    LONG_NUMBERS_SAYS,
    CellsOptions,
    LinesOptions,
    check_format,
)
from router.config.references import EXPRESSION
from router.config.shapes import Choice, Integer, ListOf, MapOf, Nested, Parsed, Text
from router.config.transforms.expressions import Expression
from router.core.diagnostics import Place
from router.core.instants import is_zone

_SHOWN = r"([01][0-9]|2[0-3]):[0-5][0-9]"
#: the end of a name, by which a file beside another is known
ENDING = Text("an ending such as .done", r"\.[A-Za-z0-9._-]+")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = Parsed(
    "a time of day such as 06:00",
    lambda text: time.fromisoformat(text) if re.fullmatch(_SHOWN, text) else None,
    _SHOWN,
    ("06:00",),
)
ZONE = Parsed(
    "a time zone such as Europe/Berlin",
    lambda text: text if is_zone(text) else None,
    r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*",
    ("Europe/Berlin", "UTC"),
)
_SAID = frozenset({"body", "headers"})
_RECORD = frozenset({"record", "headers"})


def _says(context: Context) -> frozenset[str]:
    return _SAID | ({"beside"} if context.around.get("beside") else frozenset())


@component("side file", doc="A small file beside one with records, which says what is in that.")
class SideFile:
    ending: str = knob(ENDING, doc="its name: the whole name of the file, and this ending")
    format: str = knob(
        Choice(("json", "ndjson", "form", "xml", "csv", "tsv", "fixed")), doc="how it is written"
    )
    namespaces: Mapping[str, str] = knob(MapOf(Text()), doc="xml: prefixes to use", default=dict)
    cells: CellsOptions | None = knob(CELLS, doc="csv, tsv: how rows are written", default=None)
    lines: LinesOptions | None = knob(LINES, doc="fixed: the lines and their columns", default=None)
    long_numbers: str = knob(LONG_NUMBERS, doc=f"json, ndjson: {LONG_NUMBERS_SAYS}", default="")
    place: Place = place_of()
    keys: Mapping[str, Place] = keys_of()


@component("sum", doc="What the records of a file add up to, exactly.")
class Sum:
    of: Expression = knob(
        EXPRESSION,
        doc="of each `record`: a number or its text, money of one currency, a quantity of one unit",
        roots=_RECORD,
    )
    says: Expression = knob(EXPRESSION, key="is", doc="what is said, of the same kind")


@component("day", doc="What must have come by a time of day; a day that is not complete is told.")
class Day:
    files: Mapping[str, int] = knob(
        MapOf(Integer(1, 100_000), least=1),
        doc="by a pattern such as shop_*.csv: how many files, each with a name of its own",
    )
    by: time = knob(CLOCK, doc="when they must be there; the next day begins behind it")
    zone: str = knob(ZONE, doc="whose clocks")
    weekdays: tuple[str, ...] = knob(
        ListOf(Choice(WEEKDAYS), least=1), doc="on which they must", default=WEEKDAYS
    )


@component("control", doc="What must be in a file; one that does not add up is held as a whole.")
class Control:
    beside: SideFile | None = knob(
        Nested(SideFile),
        doc="a file that says it; the file with records is taken when it lies beside",
        default=None,
    )
    count: Expression | None = knob(
        EXPRESSION, doc="how many records there are, read or not", default=None, roots=_says
    )
    sums: tuple[Sum, ...] = knob(
        ListOf(Nested(Sum), least=1), doc="what they add up to", default=(), roots=_says
    )
    day: Day | None = knob(Nested(Day), doc="which files make a day complete", default=None)
    place: Place = place_of()

    @property
    def adds_up(self) -> bool:
        """Return whether anything is said of the records of one file."""
        return self.count is not None or bool(self.sums)


def check_control(control: Control, context: Context) -> None:
    """Report a control that compares nothing, and options of a side file for another format."""
    if control.beside is not None:
        check_format(control.beside, control.beside.place, context)
    if not control.adds_up and (control.day is None or control.beside is not None):
        context.report.error(
            "E129",
            control.place,
            "control: compares nothing",
            "count: =body[-1].count, or sums: [{of: =record.amount, is: =body[-1].total}]",
        )
