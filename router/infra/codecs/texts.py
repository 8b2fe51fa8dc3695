"""Owns: bytes to text for the formats that are lines, by a declared encoding; collecting records.
Imports: core.document, core.errors, infra.codecs.limits.
Never: guesses an encoding, replaces a character of what is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from router.core.document import BadRecord, Decoded, Json
from router.core.errors import DecodeError, LimitExceeded, MessageError
from router.infra.codecs.limits import Limits

#: characters of a bad record that are shown
SHOWN = 2000
#: a byte that is no character of the encoding (Python's surrogateescape), and NUL
_NO_TEXT = re.compile("[\udc80-\udcff\x00]")
_WIDE = (b"\xff\xfe", b"\xfe\xff")


def decode_text(data: bytes, encoding: str, limits: Limits) -> str:
    """Return the text of a body. A UTF-8 BOM is dropped, NUL is refused."""
    text = decode_loosely(data, encoding, limits)
    flaw = flaw_of(text, 1)
    if flaw is not None:
        raise flaw
    return text


def decode_loosely(data: bytes, encoding: str, limits: Limits) -> str:
    """Return the text of a body; a record in which `flaw_of` finds something cannot be read."""
    if len(data) > limits.body:
        raise LimitExceeded(f"the body has {len(data)} bytes; the limit is {limits.body}")
    if data[:2] in _WIDE:
        raise DecodeError("line 1 column 1: UTF-16 is not taken; write UTF-8")
    return data.decode("utf-8-sig" if encoding == "utf-8" else encoding, "surrogateescape")


def flaw_of(text: str, line: int) -> DecodeError | None:
    """Return why a text that begins a line is none: a byte that is no character, or NUL."""
    found = _NO_TEXT.search(text)
    if found is None:
        return None
    at = found.start()
    line += text.count("\n", 0, at)
    column = at - text.rfind("\n", 0, at)
    what = "NUL in text" if found[0] == "\0" else f"the byte {_byte(found)} is no character"
    return DecodeError(f"line {line} column {column}: {what}")


def _byte(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]) & 0xFF:02x}"


@dataclass(slots=True)
class Records:
    """The records of a body in their order: those that can be read, and those that cannot."""

    limits: Limits
    good: list[Json] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)

    def take(self, record: Json) -> None:
        """Add a record. Raises LimitExceeded when there are too many."""
        self.places.append(self._next())
        self.good.append(record)

    def refuse(self, name: str, error: MessageError, text: str) -> None:
        """Add one that cannot be read, with its text. Raises LimitExceeded."""
        shown = _NO_TEXT.sub(_byte, text[:SHOWN])
        self.bad.append(BadRecord(name=name, error=error, text=shown, at=self._next()))

    def decoded(self) -> Decoded:
        """Return the body."""
        return Decoded(document=self.good, bad=tuple(self.bad), places=tuple(self.places))

    def _next(self) -> int:
        at = len(self.good) + len(self.bad)
        if at >= self.limits.records:
            raise LimitExceeded(f"more than {self.limits.records} records")
        return at


class Counted:
    """Counts the values of a body against its limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._nodes = 0

    def take(self, values: Sequence[str], where: str) -> None:
        """Count values. Raises LimitExceeded for too many, or for one that is too long."""
        self._nodes += len(values) + 1
        if self._nodes > self._limits.nodes:
            raise LimitExceeded(f"{where}: more than {self._limits.nodes} values")
        if values and max(map(len, values)) > self._limits.text:
            raise LimitExceeded(f"{where}: a text of more than {self._limits.text} characters")
