"""Owns: a template that is ready to write: its text, how it is escaped, and its bytes.
Imports: core, config.transforms.templates; the standard library's expat.
Never: writes what is not well formed, a character that its encoding or XML does not have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from router.config.transforms.templates.markup import NO_CHARACTER
from router.config.transforms.templates.parts import Part, Writing
from router.core.diagnostics import Place
from router.core.document import Json, Written
from router.core.errors import TransformError

#: encodings by the name that XML gives them
ENCODINGS = ("utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252")
_MEDIA = {"xml": "application/xml", "text": "text/plain"}
#: what would begin another line or field in a text, or is no character
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_IN_CONTENT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_QUOTES = _IN_CONTENT | str.maketrans(
    {'"': "&quot;", "'": "&apos;", "\n": "&#10;", "\t": "&#9;"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A checked template: a pure function of its inputs."""

    kind: Literal["xml", "text"]
    place: Place
    parts: tuple[Part, ...]
    encoding: str
    #: characters that no value of a text may hold
    separators: str = ""

    def __call__(self, scope: Mapping[str, Json]) -> Written:
        """Return the bytes. Raises TransformError or LimitExceeded with its place."""
        writing = Writing(self._in_xml if self.kind == "xml" else self._in_text)
        writing.write(self.parts, dict(scope))
        text = "".join(writing.pieces)
        data = self._xml(text) if self.kind == "xml" else self._text(text)
        media = f"{_MEDIA[self.kind]}; charset={self.encoding}"
        return Written(data=data, media_type=media, encoding=self.encoding)

    def _xml(self, text: str) -> bytes:
        from xml.parsers import expat  # noqa: PLC0415 (who checks a project writes nothing)

        declared = f'<?xml version="1.0" encoding="{self.encoding.upper()}"?>\n{text}'
        data = declared.encode(self.encoding, "xmlcharrefreplace")
        try:
            expat.ParserCreate(namespace_separator=" ").Parse(data, True)  # noqa: FBT003
        except expat.ExpatError as error:
            what = f"not well formed: {expat.ErrorString(error.code)} in line {error.lineno - 1}"
            raise TransformError(f"{what} of what is written", place=self.place) from None
        return data

    def _text(self, text: str) -> bytes:
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            line = text.count("\n", 0, error.start) + 1
            what = f"line {line} of what is written has a character that {self.encoding} lacks"
            raise TransformError(what, place=self.place) from None

    @staticmethod
    def _in_xml(text: str, quoted: bool) -> str:  # noqa: FBT001 (a callable of two arguments)
        if NO_CHARACTER.search(text) is not None:
            raise ValueError("holds a character that XML does not have")
        return text.translate(_IN_QUOTES if quoted else _IN_CONTENT)

    def _in_text(self, text: str, _quoted: bool) -> str:  # noqa: FBT001
        if _CONTROL.search(text) is not None:
            raise ValueError("holds a line break or another control character")
        if self.separators and any(one in text for one in self.separators):
            raise ValueError("holds one of the separators")
        return text
