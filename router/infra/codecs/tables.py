"""Owns: rows of cells: separated values, and the fields of a form.
Imports: core, infra.codecs; csv.
Never: turns a cell into a number, a date or a formula; lets one ragged row fail the others.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from router.core.document import BadRecord, Decoded, Json
from router.core.errors import DecodeError
from router.infra.codecs.limits import Limits
from router.infra.codecs.texts import SHOWN, Counted, decode_text

_DEFAULT = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """How rows are written. `quote` "" = a quote is a character like any other."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    #: names of the columns; () = the first row has them
    columns: tuple[str, ...] = ()


def decode_cells(data: bytes, cells: Cells, limits: Limits = _DEFAULT) -> Decoded:
    """Decode rows to a list of objects by column name; every value is text, an empty one null.

    Blank rows are skipped. A row with more or fewer cells than columns, or with a quote that does
    not fit, is a bad record. DecodeError when the columns have no names, or two have one.
    """
    text = decode_text(data, cells.encoding, limits)
    rows = _rows(text, cells)
    columns = cells.columns or _header(rows)
    counted = Counted(limits)
    made: list[Json] = []
    bad: list[BadRecord] = []
    lines = text.split("\n")
    for first, last, row in rows:
        where = f"line {first}"
        found = row if isinstance(row, str) else _ragged(row, columns)
        if found:
            written = "\n".join(lines[first - 1 : last])[:SHOWN]
            error = DecodeError(f"{where}: {found}")
            bad.append(BadRecord(name=where, error=error, text=written))
            continue
        counted.take(list(row), where)
        made.append({name: cell or None for name, cell in zip(columns, row, strict=True)})
    return Decoded(document=made, bad=tuple(bad))


def decode_form(data: bytes, limits: Limits = _DEFAULT) -> Json:
    """Decode application/x-www-form-urlencoded to an object; every value is text.

    A name that ends with [] is a list under the name without it. Any other name may stand once.
    """
    text = decode_text(data, "utf-8", limits)
    counted = Counted(limits)
    made: dict[str, Json] = {}
    for number, part in enumerate(text.split("&") if text else (), 1):
        name, _, value = part.partition("=")
        where = f"field {number}"
        plain, content = _unquoted(name, where), _unquoted(value, where)
        counted.take([plain, content], where)
        key = plain.removesuffix("[]")
        if not key:
            raise DecodeError(f"{where}: it has no name")
        if key != plain:
            if not isinstance(made.setdefault(key, []), list):
                raise DecodeError(f"{where}: {key} is a list and a text")
            made[key].append(content)
        elif key in made:
            raise DecodeError(f"{where}: {key} a second time; a list is written {key}[]")
        else:
            made[key] = content
    if not made:
        raise DecodeError("the body is empty")
    return made


def _rows(text: str, cells: Cells) -> Iterator[tuple[int, int, list[str] | str]]:
    """Yield rows with their first and last line; a row that csv refuses as why."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=cells.delimiter,
        quotechar=cells.quote or None,
        quoting=csv.QUOTE_MINIMAL if cells.quote else csv.QUOTE_NONE,
        strict=True,
    )
    while True:
        first = reader.line_num + 1
        try:
            row: list[str] | str = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = str(error)
        if row and row != [""]:
            yield first, reader.line_num, row


def _header(rows: Iterator[tuple[int, int, list[str] | str]]) -> tuple[str, ...]:
    first = next(rows, None)
    if first is None:
        raise DecodeError("the body is empty: not even a row of column names")
    _, _, row = first
    if isinstance(row, str):
        raise DecodeError(f"line 1: {row}")
    names = tuple(cell.strip() for cell in row)
    if not all(names):
        raise DecodeError("line 1: a column without a name")
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise DecodeError(f"line 1: two columns are called {twice[0]}")
    return names


def _ragged(row: Sequence[str], columns: Sequence[str]) -> str:
    if len(row) == len(columns):
        return ""
    return f"{len(row)} cells for {len(columns)} columns"


def _unquoted(text: str, where: str) -> str:
    raw = text.replace("+", " ")
    for at in [i for i, char in enumerate(raw) if char == "%"]:
        if not _is_hex(raw[at + 1 : at + 3]):
            raise DecodeError(f"{where}: % without two hexadecimal digits")
    try:
        made = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError(f"{where}: not UTF-8") from error
    if "\0" in made:
        raise DecodeError(f"{where}: NUL in text")
    return made


def _is_hex(text: str) -> bool:
    return len(text) == 2 and all(char in "0123456789abcdefABCDEF" for char in text)
