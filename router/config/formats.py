"""Owns: how a body is written: the formats, and the options of each.
Imports: config.components, config.references, config.shapes.
Never: decodes a body (infra.codecs does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from router.config.components import Context, component, keys_of, knob, place_of
from router.config.references import CONTRACT
from router.config.shapes import (
    NAME,
    NAME_SAYS,
    Choice,
    Flag,
    Integer,
    ListOf,
    MapOf,
    Name,
    Nested,
    Text,
)
from router.config.validation import Contract
from router.core.diagnostics import Place

FORMATS = ("json", "ndjson", "form", "xml", "csv", "tsv", "fixed", "x12")
FORMAT = Choice(FORMATS)
#: options of a source, and the formats that they are for
OPTIONS = {
    "shape": ("xml",),
    "namespaces": ("xml",),
    "cells": ("csv", "tsv"),
    "lines": ("fixed",),
    "loops": ("x12",),
    "long_numbers": ("json", "ndjson"),
}
ENCODING = Choice(("utf-8", "cp1252", "latin-1"))
_SEGMENT = Text("the id of a segment, such as W07", r"[A-Z][A-Z0-9]{1,2}")


@component("cells", doc="How rows of separated values are written.")
class CellsOptions:
    delimiter: str = knob(
        Text("one character", r"[^\"'\r\n]"), doc="between cells; a comma, in tsv a tab", default=""
    )
    quotes: str = knob(
        Choice(("wrap", "plain")),
        doc="wrap: a cell can stand in quotes, as in csv; plain: they are characters, as in tsv",
        default="",
    )
    encoding: str = knob(ENCODING, doc="how characters are written", default="utf-8")
    columns: tuple[str, ...] = knob(
        ListOf(Text(), least=1), doc="names; by default the first row has them", default=()
    )
    place: Place = place_of()


@component("line", doc="One kind of line: how it begins, and its columns.")
class LineFile:
    begins: str = knob(Text(), doc="how a line of this kind begins", default="")
    columns: Mapping[str, int] = knob(
        MapOf(Integer(1, 10_000), key=NAME, key_says=NAME_SAYS, least=1),
        doc="name: width in characters, in their order",
    )
    inside: str = knob(Name(), doc="the line before it that it belongs to", default="")
    short: bool = knob(
        Flag(), doc="the sender cuts blanks off: it may end before its last column", default=False
    )
    place: Place = place_of()


@component("lines", doc="Lines of fixed columns.")
class LinesOptions:
    encoding: str = knob(ENCODING, doc="how characters are written", default="utf-8")
    kinds: Mapping[str, LineFile] = knob(
        MapOf(Nested(LineFile), key=NAME, key_says=NAME_SAYS, least=1),
        doc="by name; the first that a line begins like",
    )
    place: Place = place_of()


#: numbers of JSON that a double or 64 bits do not hold: refused, or the text that was written
LONG_NUMBERS = Choice(("text",))
LONG_NUMBERS_SAYS = "text: numbers of more digits than are exact (15, or 64 bits) come as texts"
CELLS = Nested(CellsOptions)
LINES = Nested(LinesOptions)
#: records of one delivery
MANY = Integer(1, 1_000_000)
MANY_SAYS = "a delivery with more records is refused (ndjson, csv, tsv, fixed, x12)"
LOOPS = MapOf(ListOf(_SEGMENT, least=1), key=_SEGMENT.pattern, key_says=_SEGMENT.expects)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSource:
    """What every source says whose bodies are written by others: its keys are theirs."""

    format: str = knob(FORMAT, doc="how a body is written")
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
    place: Place = place_of()
    keys: Mapping[str, Place] = keys_of()


def check_format(source: Any, place: Place, context: Context) -> None:
    """Report options that belong to another format, and lines that do not fit each other."""
    for name, formats in OPTIONS.items():
        given = getattr(source, name, None)
        if given and source.format not in formats:
            context.report.error(
                "E055",
                source.keys[name],
                f"{name}: says nothing about {source.format}",
                f"it is for format {' or '.join(formats)}: leave it out",
            )
    if source.format == "fixed" and source.lines is None:
        context.report.error(
            "E056", place, "fixed columns without their widths", "lines: {kinds: {...}}"
        )
    if source.lines is not None:
        for at, message, hint in _misfits(source.lines):
            context.report.error("E056", at, message, hint)


def _misfits(lines: LinesOptions) -> Iterator[tuple[Place, str, str]]:
    kinds = lines.kinds
    for name, kind in kinds.items():
        taken = {"line", *(one for one, inner in kinds.items() if inner.inside == name)}
        for column in sorted(taken & set(kind.columns)):
            yield kind.place, f"column {column} of {name} has the name of something else", "rename"
        if kind.inside and (kind.inside not in kinds or kind.inside == name):
            known = ", ".join(one for one in kinds if one != name) or "none"
            yield (
                kind.place,
                f"{name} lies inside {kind.inside}, which is no line",
                f"one of {known}",
            )
        elif _circles(name, kinds):
            yield kind.place, f"{name} lies inside itself", "take one inside: away"
        if len(kinds) > 1 and not kind.begins:
            yield kind.place, f"every line begins like {name}", "begins: its first characters"


def _circles(name: str, kinds: Mapping[str, LineFile]) -> bool:
    seen, at = {name}, kinds[name].inside
    while at in kinds:
        if at in seen:
            return True
        seen.add(at)
        at = kinds[at].inside
    return False
