"""Owns: sources of files: which are taken, how they are written, when they are whole.
Imports: config.components, config.formats, config.references.
Never: looks into a folder (runtime does), says where it is (the environment does).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from router.config.components import Context, component, keys_of, knob
from router.config.formats import (
    CELLS,
    FORMAT,
    LINES,
    LONG_NUMBERS,
    LONG_NUMBERS_SAYS,
    LOOPS,
    MANY,
    MANY_SAYS,
    CellsOptions,
    LinesOptions,
)
from router.config.references import CONTRACT
from router.config.shapes import DURATION, SIZE, MapOf, Text
from router.config.validation import Contract
from router.core.diagnostics import Place


@component("file source", doc="Files appear in a folder that the environment names.")
class FileSource:
    pattern: str = knob(Text(), doc="which files, such as *.xml")
    format: str = knob(FORMAT, doc="how a file is written")
    shape: Contract | None = knob(
        CONTRACT, doc="xml: the contract that says which elements are single", default=None
    )
    namespaces: Mapping[str, str] = knob(MapOf(Text()), doc="xml: prefixes to use", default=dict)
    cells: CellsOptions | None = knob(CELLS, doc="csv, tsv: how rows are written", default=None)
    lines: LinesOptions | None = knob(LINES, doc="fixed: the lines and their columns", default=None)
    loops: Mapping[str, tuple[str, ...]] = knob(
        LOOPS, doc="x12: a segment that opens a loop, and those that belong to it", default=dict
    )
    long_numbers: str = knob(LONG_NUMBERS, doc=f"json, ndjson: {LONG_NUMBERS_SAYS}", default="")
    stable: timedelta = knob(
        DURATION, doc="how long size and time must stand still", default=timedelta(seconds=2)
    )
    marker: str = knob(
        Text("an ending such as .done", r"\.[A-Za-z0-9._-]+"),
        doc="a file is taken when one with its whole name and this ending lies beside it",
        default="",
    )
    body_limit: int = knob(SIZE, doc="larger files are refused", default=64 * 1024 * 1024)
    records_limit: int = knob(MANY, doc=MANY_SAYS, default=100_000)
    keys: Mapping[str, Place] = keys_of()


def check_files(source: FileSource, context: Context) -> None:
    """Report what must not be between the keys of a source."""
    if source.marker and source.pattern.endswith(source.marker):
        context.report.error(
            "E124",
            source.keys["marker"],
            f"files that fit {source.pattern} end like the marker {source.marker}: none is ever "
            "taken",
            f"name the files that carry records in pattern:, without {source.marker}",
        )
