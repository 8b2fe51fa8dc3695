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

from router.core.document import Decoded, Json
from router.core.errors import DecodeError, LimitExceeded, MessageError
from router.infra.codecs.limits import Limits
from router.infra.codecs.texts import Counted, Records, decode_loosely, decode_text, flaw_of

_DEFAULT = Limits()
#: signs that part cells elsewhere: a single column with one in its name was cut by another
_PARTING = ",;\t|"


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

    Blank rows are skipped. A row with more or fewer cells than columns, with a cell that is too
    long, with what is no text, or with a quote that does not fit, is a bad record. Where it is not
    known in which line such a row ends, all that follows is part of it: what stands inside quotes
    is never taken for rows. DecodeError when the columns have no names, or two have one.
    """
    text = decode_loosely(data, cells.encoding, limits)
    rows = _rows(text, cells)
    columns = cells.columns or _header(rows)
    counted = Counted(limits)
    records = Records(limits)
    flawed = flaw_of(text, 1) is not None
    for row in rows:
        error: MessageError | None = row.error or (flaw_of(row.text, row.line) if flawed else None)
        error = error or _misfit(row, columns, limits)
        if error is not None:
            records.refuse(f"line {row.line}", error, row.text.rstrip("\r\n"))
            continue
        counted.take(row.cells, f"line {row.line}")
        records.take({name: cell or None for name, cell in zip(columns, row.cells, strict=True)})
    return records.decoded()


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


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: the line that it begins in, its cells, the text of its lines, why csv refuses it."""

    line: int
    cells: Sequence[str]
    text: str
    error: DecodeError | None = None


def _rows(text: str, cells: Cells) -> Iterator[_Row]:
    lines: list[str] = []

    def feed() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            lines.append(line)
            yield line

    source = feed()
    reader = csv.reader(
        source,
        delimiter=cells.delimiter,
        quotechar=cells.quote or None,
        quoting=csv.QUOTE_MINIMAL if cells.quote else csv.QUOTE_NONE,
        strict=True,
    )
    while True:
        lines.clear()
        first = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if len(lines) > 1 or (cells.quote and lines[0].count(cells.quote) % 2):
                for _ in source:  # it adds each line to `lines`
                    pass
                told = f"line {first}: {error}; where the row ends is not known, nor what follows"
            else:
                told = f"line {first}: {error}"
            yield _Row(first, (), "".join(lines), DecodeError(told))
            continue
        if row:
            yield _Row(first, row, "".join(lines))


def _header(rows: Iterator[_Row]) -> tuple[str, ...]:
    row = next(rows, None)
    if row is None:
        raise DecodeError("the body is empty: not even a row of column names")
    error = row.error or flaw_of(row.text, row.line)
    if error is not None:
        raise error
    where = f"line {row.line}"
    names = tuple(cell.strip() for cell in row.cells)
    if not all(names):
        raise DecodeError(f"{where}: a column without a name")
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise DecodeError(f"{where}: two columns are called {twice[0]}")
    if len(names) == 1 and any(sign in names[0] for sign in _PARTING):
        raise DecodeError(f"{where}: one column, called {names[0][:60]}: see delimiter:")
    return names


def _misfit(row: _Row, columns: Sequence[str], limits: Limits) -> MessageError | None:
    if len(row.cells) != len(columns):
        return DecodeError(f"line {row.line}: {len(row.cells)} cells for {len(columns)} columns")
    if len(row.text) > limits.text and max(map(len, row.cells)) > limits.text:
        return LimitExceeded(f"line {row.line}: a cell of more than {limits.text} characters")
    return None


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
