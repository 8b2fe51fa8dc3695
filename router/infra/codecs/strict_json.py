"""Owns: JSON at the border: strict decoding of strangers' bytes.
Imports: core.document, core.errors, infra.codecs.limits.
Never: guesses: a document is given back exactly as written or refused with its place.

Two paths. The quick one only accepts: orjson decodes, and whole-buffer checks in C prove that
nothing was lost; whatever leaves a doubt goes to the scanner, which decides and says why not.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Final, NoReturn

import orjson

from router.core.document import Json
from router.core.errors import DecodeError, LimitExceeded, MessageError
from router.infra.codecs.limits import EXACT_DIGITS, LARGEST_INTEGER, SMALLEST_INTEGER, Limits

_DEFAULT = Limits()
_BOM = b"\xef\xbb\xbf"


def decode_json(data: bytes, limits: Limits = _DEFAULT, *, long_as_text: bool = False) -> Json:
    """Decode one JSON document, or refuse whatever could change its meaning on the way.

    A UTF-8 BOM is dropped. Integers are exact (64 bit, signed or unsigned); a non-integer is the
    double whose repr is the written decimal value; `-0` is 0 and `-0.0` is 0.0. A number that is
    neither is refused; with `long_as_text` it is the text that was written, within the limits.
    DecodeError and LimitExceeded tell line, column (characters, from 1), byte (from 0), pointer.
    """
    if len(data) > limits.body:
        raise LimitExceeded(f"the body has {len(data)} bytes; the limit is {limits.body}")
    value = _quick(data.removeprefix(_BOM), limits)
    return _scan(data, limits, long_as_text=long_as_text) if value is _DOUBT else value


def decode_trusted(data: bytes) -> Json:
    """Decode a document that this router wrote itself: fast, and as lenient as orjson.

    DecodeError when it is not JSON at all.
    """
    try:
        return orjson.loads(data)
    except ValueError as error:
        raise DecodeError(f"a stored document is damaged: {error}") from error


# --- the quick path --------------------------------------------------------------------------

_DOUBT: Final = object()
#: escapes that hide a NUL, or a colon from the counting of colons
_HIDDEN = (b"\\u0000", b"\\u003a", b"\\u003A")


#: a digit or point becomes 1, an e 2, what may stand before a number a space
_CLASSES = bytes.maketrans(b"0123456789.eE\t\r\n:,[-", b"\1" * 11 + b"\2" * 2 + b" " * 7)
#: a number of 16 characters may have more digits than a double returns
_MANY_DIGITS = b" " + b"\1" * (EXACT_DIGITS + 1)
#: a number with a large negative exponent may become 0 (a large positive one orjson refuses)
_TINY = b"\1\2 \1\1\1"
#: what of the two is really a number, and no integer of up to 18 digits; possessive, so linear
_INEXACT = re.compile(
    rb"[ \t\r\n:,\[-](?=[0-9.]{16})(?![0-9]{1,18}+(?:[ \t\r\n,\]}]|\Z))"
    rb"[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?:[ \t\r\n,\]}]|\Z)"
)
_VANISHING = re.compile(rb"[0-9][eE]-[0-9]{3}[0-9]*+(?:[ \t\r\n,\]}]|\Z)")


def _quick(data: bytes, limits: Limits) -> Json:
    """Return the document if it is certainly acceptable, else `_DOUBT`."""
    if not _within(data, limits):
        return _DOUBT
    if b"\\" in data and any(escape in data for escape in _HIDDEN):
        return _DOUBT
    classes = b" " + data.translate(_CLASSES)
    if _MANY_DIGITS in classes and _INEXACT.search(b" " + data):
        return _DOUBT
    if _TINY in classes and _VANISHING.search(data):
        return _DOUBT
    try:
        value = orjson.loads(data)
        written = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    except (ValueError, TypeError):
        return _DOUBT
    # A dropped duplicate takes at least its own colon with it, and no colon is escaped here.
    if written.count(b":") != data.count(b":") or b"-0.0" in written:
        return _DOUBT
    # Texts hold no raw line feed: so many spaces after one are an indentation.
    return _DOUBT if b"\n" + b"  " * limits.depth in written else value


def _within(data: bytes, limits: Limits) -> bool:
    """Whether nodes and texts certainly keep their limits; bounds from above, counted in bytes."""
    if len(data) > limits.nodes:
        nodes = 1 + data.count(b",") + data.count(b"[") + data.count(b"{")
        if nodes > limits.nodes:
            return False
    if len(data) <= limits.text:
        return True
    return b'\\"' not in data and max(map(len, data.split(b'"'))) <= limits.text


# --- the scanner: decides what is in doubt, and finds the words and the place ------------------

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![0-9A-Za-z.+-])")
_FOUR_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_ESCAPES = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip
_WORDS: dict[str, tuple[str, Json]] = {
    "t": ("true", True),
    "f": ("false", False),
    "n": ("null", None),
}


def _scan(data: bytes, limits: Limits, *, long_as_text: bool = False) -> Json:
    start = len(_BOM) if data.startswith(_BOM) else 0
    _refuse_wide(data)
    try:
        text = data[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[start : start + error.start].decode("utf-8")
        place = _place(before, len(before), start)
        raise DecodeError(f"{place}: not UTF-8 ({error.reason})") from error
    return _Scanner(text=text, limits=limits, start=start, long_as_text=long_as_text).document()


def _refuse_wide(data: bytes) -> None:
    """Refuse UTF-16 and UTF-32, with or without BOM: RFC 8259 allows UTF-8 only."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:2]:
        raise DecodeError("line 1 column 1 (byte 0): UTF-16 or UTF-32; JSON must be UTF-8")


def _place(text: str, at: int, start: int) -> str:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return f"line {line} column {column} (byte {start + len(text[:at].encode())})"


@dataclass(slots=True)
class _Scanner:
    """Reads one document without recursion; `at` is the index of the next character."""

    text: str
    limits: Limits
    start: int
    #: numbers that would not be exact are given as they are written
    long_as_text: bool = False
    at: int = 0
    nodes: int = 0
    #: the key whose value is being read, when the innermost container is an object
    key: str | None = None
    #: open containers, outermost first; each holds its open child already
    stack: list[dict[str, Json] | list[Json]] = field(default_factory=list)

    def document(self) -> Json:
        """Return the value that is the whole text."""
        if not self._next():
            self._fail("the body is empty")
        root = self._value()
        while self.stack:
            innermost = self.stack[-1]
            if isinstance(innermost, list):
                self._element(innermost)
            else:
                self._member(innermost)
        if self._next():
            self._fail("text after the end of the document")
        return root

    def _next(self) -> str:
        match = _SPACE.match(self.text, self.at)
        assert match is not None, "the pattern matches nothing too"
        self.at = match.end()
        return self.text[self.at : self.at + 1]

    def _element(self, parent: list[Json]) -> None:
        sign = self._next()
        if sign == "]":
            self._close()
            return
        if parent:
            self._expect(sign, ",", "a comma or ]")
        parent.append(self._value())

    def _member(self, parent: dict[str, Json]) -> None:
        self.key = None
        sign = self._next()
        if sign == "}":
            self._close()
            return
        if parent:
            self._expect(sign, ",", "a comma or }")
            sign = self._next()
        at = self.at
        if sign != '"':
            self._fail("expected a key in double quotes")
        key = self._text()
        self.key = key
        if key in parent:
            self._fail("duplicate key", at)
        self._expect(self._next(), ":", "a colon")
        parent[key] = self._value()

    def _close(self) -> None:
        self.at += 1
        self.stack.pop()

    def _expect(self, sign: str, wanted: str, words: str) -> None:
        if sign != wanted:
            self._fail(f"expected {words}" if sign else f"the text ends; expected {words}")
        self.at += 1

    def _value(self) -> Json:
        sign = self._next()
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            self._exceed(f"more than {self.limits.nodes} values")
        if sign == '"':
            return self._text()
        if sign in ("{", "["):
            return self._open({} if sign == "{" else [])
        if sign in _WORDS:
            word, value = _WORDS[sign]
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        if sign == "-" or "0" <= sign <= "9":
            return self._number()
        if self.text.startswith(("NaN", "Infinity"), self.at):
            self._fail("NaN and Infinity are not JSON")
        what = "expected a value" if sign else "the text ends; expected a value"
        if sign and not sign.isprintable():
            what = f"expected a value, not the character U+{ord(sign):04X}"
        raise self._error(DecodeError, what)

    def _open(self, value: dict[str, Json] | list[Json]) -> Json:
        if len(self.stack) >= self.limits.depth:
            self._exceed(f"nested deeper than {self.limits.depth}")
        self.stack.append(value)
        self.at += 1
        return value

    # texts

    def _text(self) -> str:
        start = self.at
        self.at += 1
        parts: list[str] = []
        while True:
            match = _PLAIN.match(self.text, self.at)
            assert match is not None, "the pattern matches nothing too"
            parts.append(match[0])
            self.at = match.end()
            sign = self.text[self.at : self.at + 1]
            if sign != "\\":
                break
            parts.append(self._escape())
        if not sign:
            self._fail("text without closing quote", start)
        if sign != '"':
            self._fail("NUL in text" if sign == "\x00" else "raw control character in text")
        self.at += 1
        value = "".join(parts)
        if len(value) > self.limits.text:
            self._exceed(f"a text of more than {self.limits.text} characters", start)
        return value

    def _escape(self) -> str:
        sign = self.text[self.at + 1 : self.at + 2]
        if sign != "u":
            if sign not in _ESCAPES:
                self._fail("unknown escape in text")
            self.at += 2
            return _ESCAPES[sign]
        at = self.at
        unit = self._unit()
        if 0xD800 <= unit < 0xDC00 and self.text.startswith("\\u", self.at):
            low = self._unit()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
        if 0xD800 <= unit < 0xE000:
            self._fail("half of a surrogate pair: no character", at)
        if unit == 0:
            self._fail("NUL in text", at)
        return chr(unit)

    def _unit(self) -> int:
        match = _FOUR_HEX.match(self.text, self.at + 2)
        if match is None:
            self._fail("\\u without four hexadecimal digits")
        self.at = match.end()
        return int(match[0], 16)

    # numbers

    def _number(self) -> int | float | str:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            infinite = self.text.startswith("-Infinity", self.at)
            self._fail("NaN and Infinity are not JSON" if infinite else "not a JSON number")
        written = match[0]
        mantissa = re.split("[eE]", written)[0]
        if sum(map(str.isdigit, mantissa)) > self.limits.number_digits:
            self._exceed(f"a number of more than {self.limits.number_digits} digits")
        whole = match.lastindex is None
        value = self._integer(written) if whole else self._fraction(written, mantissa)
        self.at = match.end()
        return value

    def _integer(self, written: str) -> int | str:
        value = int(written) if len(written) <= len(str(SMALLEST_INTEGER)) else None
        if value is None or not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
            return self._inexact(written, "an integer beyond 64 bits")
        return value

    def _fraction(self, written: str, mantissa: str) -> float | str:
        digits = mantissa.lstrip("-").replace(".", "").strip("0")
        if len(digits) > EXACT_DIGITS:
            return self._inexact(written, f"more than {EXACT_DIGITS} significant digits")
        if not digits:
            return 0.0
        value = float(written)
        if not sys.float_info.min <= abs(value) <= sys.float_info.max:
            return self._inexact(written, "a number beyond the range of a double")
        return value

    def _inexact(self, written: str, what: str) -> str:
        if not self.long_as_text:
            self._fail(f"{what}: write it as text")
        return written

    # refusals

    def _fail(self, what: str, at: int | None = None) -> NoReturn:
        raise self._error(DecodeError, what, at)

    def _exceed(self, what: str, at: int | None = None) -> NoReturn:
        raise self._error(LimitExceeded, what, at)

    def _error(self, kind: type[MessageError], what: str, at: int | None = None) -> MessageError:
        place = _place(self.text, self.at if at is None else at, self.start)
        pointer = self._pointer()
        return kind(f"{place}, at {pointer}: {what}" if pointer else f"{place}: {what}")

    def _pointer(self) -> str:
        """Return the JSON Pointer of the value in hand, cut to 200 printable characters."""
        steps = [
            str(len(one) - 1) if isinstance(one, list) else next(reversed(one))
            for one in self.stack[:-1]
        ]
        if self.stack and isinstance(self.stack[-1], list):
            steps.append(str(len(self.stack[-1])))
        elif self.stack and self.key is not None:
            steps.append(self.key)
        path = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
        shown = path if len(path) <= 200 else f"{path[:200]}..."
        return "".join(sign if sign.isprintable() else "\ufffd" for sign in shown)
