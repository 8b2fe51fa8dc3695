"""Owns: bodies of lines: newline-delimited JSON, and lines of fixed columns.
Imports: core, infra.codecs.
Never: lets one bad line fail the others; guesses where a column ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from router.core.document import BadRecord, Decoded, Json
from router.core.errors import DecodeError, MessageError
from router.infra.codecs.limits import Limits
from router.infra.codecs.strict_json import decode_json
from router.infra.codecs.texts import SHOWN, Counted, decode_text

_DEFAULT = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineKind:
    """One kind of line: how it begins, its columns in order with their widths, what it lies in."""

    begins: str
    columns: Mapping[str, int]
    inside: str = ""

    @property
    def width(self) -> int:
        """Return the characters of a full line."""
        return sum(self.columns.values())


def decode_ndjson(data: bytes, limits: Limits = _DEFAULT) -> Decoded:
    """Decode one JSON document a line to their list; blank lines are skipped.

    A line that is no document is a bad record. DecodeError and LimitExceeded for the whole body.
    """
    text = decode_text(data, "utf-8", limits)
    counted = Counted(limits)
    rows: list[Json] = []
    bad: list[BadRecord] = []
    for number, line in _lines(text):
        counted.take([line], f"line {number}")
        try:
            rows.append(decode_json(line.encode(), limits))
        except MessageError as error:
            told = type(error)(f"record on line {number}: {error}", code=error.code)
            bad.append(BadRecord(name=f"line {number}", error=told, text=line[:SHOWN]))
    return Decoded(document=rows, bad=tuple(bad))


def decode_fixed(
    data: bytes, kinds: Mapping[str, LineKind], *, encoding: str, limits: Limits = _DEFAULT
) -> Decoded:
    """Decode lines of fixed columns to the list of their objects; every value is text.

    Each object has `line`, the name of its kind, and a field for each column, without the blanks
    around it; a blank one is null. A kind that lies `inside` another is in a list of its name
    there. A short line lacks its last columns; one that is longer, or of no kind, is a bad record,
    and so is one whose outer line is missing.
    """
    text = decode_text(data, encoding, limits)
    counted = Counted(limits)
    rows: list[Json] = []
    bad: list[BadRecord] = []
    open_rows: dict[str, dict[str, Json]] = {}
    for number, line in _lines(text):
        try:
            name, row = _fixed(line, kinds, counted, number)
            _nest(name, row, kinds, (rows, open_rows))
        except DecodeError as error:
            bad.append(BadRecord(name=f"line {number}", error=error, text=line[:SHOWN]))
            open_rows = {}
    return Decoded(document=rows, bad=tuple(bad))


def _fixed(
    line: str, kinds: Mapping[str, LineKind], counted: Counted, number: int
) -> tuple[str, dict[str, Json]]:
    name = next((name for name, kind in kinds.items() if line.startswith(kind.begins)), None)
    if name is None:
        raise DecodeError(f"line {number}: it begins like no declared line")
    kind = kinds[name]
    if len(line.rstrip()) > kind.width:
        raise DecodeError(f"line {number}: longer than the {kind.width} characters of {name}")
    row: dict[str, Json] = {"line": name}
    at = 0
    for column, width in kind.columns.items():
        row[column] = line[at : at + width].strip() or None
        at += width
    counted.take([line], f"line {number}")
    return name, row


def _nest(
    name: str,
    row: dict[str, Json],
    kinds: Mapping[str, LineKind],
    into: tuple[list[Json], dict[str, dict[str, Json]]],
) -> None:
    rows, open_rows = into
    outer = kinds[name].inside
    if not outer:
        rows.append(row)
        open_rows.clear()
    elif outer not in open_rows:
        raise DecodeError(f"a line {name} without the {outer} that it lies in")
    else:
        open_rows[outer].setdefault(name, []).append(row)
    for inner, kind in kinds.items():
        if _within(inner, name, kinds):
            open_rows.pop(inner, None)
        if kind.inside == name:
            row[inner] = []
    open_rows[name] = row


def _within(inner: str, outer: str, kinds: Mapping[str, LineKind]) -> bool:
    """Return whether a kind lies in another, however deep."""
    while inner := kinds[inner].inside:
        if inner == outer:
            return True
    return False


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.removesuffix("\r")
