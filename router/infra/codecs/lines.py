"""Owns: bodies of lines: newline-delimited JSON, and lines of fixed columns.
Imports: core, infra.codecs.
Never: lets one bad record fail the others; guesses where a column ends.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from router.core.document import Decoded, Json
from router.core.errors import DecodeError, MessageError
from router.infra.codecs.limits import Limits
from router.infra.codecs.strict_json import decode_json
from router.infra.codecs.texts import Counted, Records, decode_loosely, flaw_of

_DEFAULT = Limits()
#: the place in an error about a document that is one line
_PLACE = re.compile(r"line 1 column (\d+) \(byte \d+\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineKind:
    """One kind of line: how it begins, its columns in order with their widths, what it lies in.

    `short`: it may end before its last column.
    """

    begins: str
    columns: Mapping[str, int]
    inside: str = ""
    short: bool = False

    @property
    def width(self) -> int:
        """Return the characters of a full line."""
        return sum(self.columns.values())


def decode_ndjson(data: bytes, limits: Limits = _DEFAULT, *, long_as_text: bool = False) -> Decoded:
    """Decode one JSON document a line to their list (see `decode_json`); blank lines are skipped.

    A line that is no document, or beyond the limits of one, is a bad record; its error tells line
    and column of the body. DecodeError and LimitExceeded for the whole body.
    """
    text = decode_loosely(data, "utf-8", limits)
    counted = Counted(limits)
    records = Records(limits)
    decode = partial(decode_json, limits=limits, long_as_text=long_as_text)
    for number, line in _lines(text):
        counted.take((), f"line {number}")
        try:
            document = _document(line, number, decode)
        except MessageError as error:
            records.refuse(f"line {number}", error, line)
        else:
            records.take(document)
    return records.decoded()


def _document(line: str, number: int, decode: Callable[[bytes], Json]) -> Json:
    flaw = flaw_of(line, number)
    if flaw is not None:
        raise flaw
    try:
        return decode(line.encode())
    except MessageError as error:
        told, places = _PLACE.subn(rf"line {number} column \1", str(error), count=1)
        raise type(error)(told if places else f"line {number}: {told}") from error


def decode_fixed(
    data: bytes, kinds: Mapping[str, LineKind], *, encoding: str, limits: Limits = _DEFAULT
) -> Decoded:
    """Decode lines of fixed columns to the list of their objects; every value is text.

    Each object has `line`, the name of its kind, and a field for each column, without the blanks
    around it; a blank one is null. A kind that lies `inside` another is in a list of its name
    there. A line that is too long or, but for a `short` kind, too short is bad, and so is one of no
    kind or without its outer line. The record that it lies in is bad as a whole: half of it would
    be another record.
    """
    text = decode_loosely(data, encoding, limits)
    counted = Counted(limits)
    records = Records(limits)
    group = _Group(kinds)
    for number, line in _lines(text):
        name = next((name for name, kind in kinds.items() if line.startswith(kind.begins)), "")
        if group.ends_before(name):
            group.close(records)
            group = _Group(kinds)
        counted.take((line,), f"line {number}")
        group.add(name, line, number)
    group.close(records)
    return records.decoded()


@dataclass(slots=True)
class _Group:
    """The lines of one record: an outer line and all that lies in it."""

    kinds: Mapping[str, LineKind]
    first: int = 0
    lines: list[str] = field(default_factory=list)
    #: the kind of the outer line, and its row when it can be read
    outer: str = ""
    row: dict[str, Json] = field(default_factory=dict)
    #: the last row of each kind that further lines can lie in
    open: dict[str, dict[str, Json]] = field(default_factory=dict)
    error: DecodeError | None = None

    def ends_before(self, name: str) -> bool:
        """Return whether a line of this kind ("" = of none) begins another record."""
        holds = any(kind.inside == self.outer for kind in self.kinds.values() if self.outer)
        return not holds or (name != "" and not self.kinds[name].inside)

    def add(self, name: str, line: str, number: int) -> None:
        """Take a line; what is wrong with it is wrong with the record."""
        self.first = self.first or number
        self.lines.append(line)
        if name and not self.kinds[name].inside:
            self.outer = name
        try:
            row = self._cut(name, line, number)
            self._nest(name, row, number)
        except DecodeError as error:
            self.error = self.error or error

    def close(self, records: Records) -> None:
        """Add the record to the others."""
        if self.error is not None:
            records.refuse(f"line {self.first}", self.error, "\n".join(self.lines))
        elif self.row:
            records.take(self.row)

    def _cut(self, name: str, line: str, number: int) -> dict[str, Json]:
        flaw = flaw_of(line, number)
        if flaw is not None:
            raise flaw
        if not name:
            raise DecodeError(f"line {number}: it begins like no declared line")
        kind = self.kinds[name]
        if len(line.rstrip()) > kind.width:
            raise DecodeError(f"line {number}: longer than the {kind.width} characters of {name}")
        if len(line) < kind.width and not kind.short:
            raise DecodeError(
                f"line {number}: {len(line)} characters, {name} has {kind.width}: is it cut off?"
            )
        row: dict[str, Json] = {"line": name}
        at = 0
        for column, width in kind.columns.items():
            row[column] = line[at : at + width].strip() or None
            at += width
        return row

    def _nest(self, name: str, row: dict[str, Json], number: int) -> None:
        outer = self.kinds[name].inside
        if not outer:
            self.row = row
        elif outer not in self.open:
            raise DecodeError(f"line {number}: {name} without the {outer} that it lies in")
        else:
            self.open[outer][name].append(row)
        for inner, kind in self.kinds.items():
            if _within(inner, name, self.kinds):
                self.open.pop(inner, None)
            if kind.inside == name:
                row[inner] = []
        self.open[name] = row


def _within(inner: str, outer: str, kinds: Mapping[str, LineKind]) -> bool:
    """Return whether a kind lies in another, however deep."""
    while inner := kinds[inner].inside:
        if inner == outer:
            return True
    return False


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        if line.strip():
            yield number, line.removesuffix("\n").removesuffix("\r")
