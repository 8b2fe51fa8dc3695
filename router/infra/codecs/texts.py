"""Owns: bytes to text for the formats that are lines: strict, by a declared encoding.
Imports: core.errors, infra.codecs.limits.
Never: guesses an encoding, replaces a character.
"""

from __future__ import annotations

from router.core.errors import DecodeError, LimitExceeded
from router.infra.codecs.limits import Limits

#: characters of a bad record that are shown
SHOWN = 2000


def decode_text(data: bytes, encoding: str, limits: Limits) -> str:
    """Return the text of a body. A UTF-8 BOM is dropped, NUL is refused."""
    if len(data) > limits.body:
        raise LimitExceeded(f"the body has {len(data)} bytes; the limit is {limits.body}")
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DecodeError(f"line {line} (byte {error.start}): not {encoding}") from error
    if "\0" in text:
        raise DecodeError(f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}: NUL in text")
    return text


class Counted:
    """Counts the values of a body against its limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._nodes = 0

    def take(self, values: list[str], where: str) -> None:
        """Count values. Raises LimitExceeded for too many, or for one that is too long."""
        self._nodes += len(values) + 1
        if self._nodes > self._limits.nodes:
            raise LimitExceeded(f"{where}: more than {self._limits.nodes} values")
        if values and max(map(len, values)) > self._limits.text:
            raise LimitExceeded(f"{where}: a text of more than {self._limits.text} characters")
