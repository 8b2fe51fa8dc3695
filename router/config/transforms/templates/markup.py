"""Owns: where in XML a template stands: elements and attributes that are open, piece by piece.
Imports: the standard library.
Never: sees a value; takes for well formed what is so for some values only.

A template's own texts are read in order. Where every branch and every turn of a loop begins and
ends at the same point, whatever the values are, what is written is well formed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_NAME = r"[A-Za-z_\u00c0-\u02ff\u0370-\u1fff][\w.\-\u00b7]*(?::[A-Za-z_\u00c0-\u02ff][\w.\-]*)?"
_OPEN = re.compile(rf"<({_NAME})(?=[\s/>]|$)")
_CLOSE = re.compile(rf"</({_NAME})\s*>")
_ATTRIBUTE = re.compile(rf"(\s*)({_NAME})\s*=\s*([\"'])")
_REFERENCE = re.compile(r"&(?:amp|lt|gt|quot|apos|#[1-9]\d{0,6}|#x[1-9A-Fa-f][0-9A-Fa-f]{0,5});")
#: what XML 1.0 has no place for
NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: what no value is written in: (begins, ends, name)
_CLOSED = (
    ("<!--", "-->", "a comment"),
    ("<![CDATA[", "]]>", "a CDATA section"),
    ("<?", "?>", "a processing instruction"),
)
_PREDEFINED = frozenset({"xml", "xmlns"})


class Crooked(Exception):
    """A text is not what stands in XML there; `offset` is where in the text, `hint` what to do.

    `open_ended`: what a value or a tag of Jinja follows, and cannot.
    """

    def __init__(
        self, message: str, offset: int, hint: str = "", *, open_ended: bool = False
    ) -> None:
        super().__init__(message)
        self.offset = offset
        self.hint = hint
        self.open_ended = open_ended


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of an XML text: what is open there, and what was said of it."""

    #: "content", "tag", or the quote of the attribute value
    where: str = "content"
    #: elements that are open, the outermost first; of a tag its own is the last
    open: tuple[str, ...] = ()
    #: attributes of the tag so far
    attributes: frozenset[str] = frozenset()
    #: the outermost element has begun
    rooted: bool = False
    #: prefixes that are written, and those that an xmlns: declares
    used: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()

    def after(self, text: str) -> Spot:
        """Return the point after a text of the template. Raises Crooked."""
        wrong = NO_CHARACTER.search(text)
        if wrong is not None:
            raise Crooked("XML has no such character", wrong.start(), "leave it out")
        spot, at = self, 0
        while at < len(text):
            if spot.where == "content":
                spot, at = spot.content(text, at)
            elif spot.where == "tag":
                spot, at = spot.tag(text, at)
            else:
                spot, at = spot.quoted(text, at)
        return spot

    def problem(self) -> str:
        """Return why no value may be written here, or an empty text."""
        if self.where == "tag":
            return "a value stands in a tag"
        if self.where == "content" and not self.open:
            return "a value stands outside of the outermost element"
        return ""

    def same(self, other: Spot) -> bool:
        """Return whether the same is open, so that what follows fits both."""
        return (self.where, self.open, self.rooted) == (other.where, other.open, other.rooted)

    def joined(self, other: Spot) -> Spot:
        """Return this point after either way here."""
        return replace(
            self,
            attributes=self.attributes | other.attributes,
            used=self.used | other.used,
            declared=self.declared | other.declared,
        )

    def unfinished(self) -> str:
        """Return why the text cannot end here, or an empty text."""
        if self.open:
            return f"<{self.open[-1]}> is not closed"
        if not self.rooted:
            return "there is no element"
        unknown = self.used - self.declared - _PREDEFINED
        return f"nothing declares xmlns:{min(unknown)}" if unknown else ""

    def said(self) -> str:
        """Return in words what is open."""
        inside = "/".join(self.open) or "nothing"
        return f"{inside}, in a tag" if self.where != "content" else inside

    def content(self, text: str, at: int) -> tuple[Spot, int]:
        """Return the point after what begins here between tags, and where that is."""
        end = next((place for place in range(at, len(text)) if text[place] in "<&"), len(text))
        plain = text[at:end]
        if "]]>" in plain:
            raise Crooked(
                "]]> stands outside of a CDATA section", at + plain.index("]]>"), "]]&gt;"
            )
        if not self.open and plain.strip(" \t\r\n"):
            first = at + len(plain) - len(plain.lstrip(" \t\r\n"))
            raise Crooked("text outside of the outermost element", first, "write it inside")
        if end == len(text):
            return self, end
        if text[end] == "&":
            return self, _referred(text, end)
        return self._markup(text, end)

    def _markup(self, text: str, at: int) -> tuple[Spot, int]:
        if text.startswith("<?xml", at) and not text[at + 5 : at + 6].isalnum():
            raise Crooked("the XML declaration is written for you", at, "encoding: says which")
        for begins, ends, name in _CLOSED:
            if text.startswith(begins, at):
                return self, _closed(text, at, (begins, ends, name))
        if text.startswith("<!", at):
            raise Crooked("a document type", at, "leave it out: who reads strictly refuses it")
        closing = _CLOSE.match(text, at)
        if closing is not None:
            return self._closing(closing[1], at), closing.end()
        opening = _OPEN.match(text, at)
        if opening is None:
            if not text[at + 1 :].strip("/"):
                what = "the name of an element is no value"
                raise Crooked(what, at, '<name kind="{{ value }}">', open_ended=True)
            raise Crooked("no tag begins like this", at, "&lt; for the character itself")
        if self.rooted and not self.open:
            raise Crooked(f"<{opening[1]}> is a second outermost element", at, "one holds all")
        return (
            replace(
                self,
                where="tag",
                open=(*self.open, opening[1]),
                attributes=frozenset(),
                rooted=True,
                used=self.used | _prefix(opening[1]),
            ),
            opening.end(),
        )

    def _closing(self, name: str, at: int) -> Spot:
        if not self.open or self.open[-1] != name:
            inside = f"<{self.open[-1]}> is open" if self.open else "nothing is open"
            raise Crooked(f"</{name}> closes what is not open: {inside}", at)
        return replace(self, open=self.open[:-1])

    def tag(self, text: str, at: int) -> tuple[Spot, int]:
        """Return the point after what begins here in a tag, and where that is."""
        rest = text[at:].lstrip(" \t\r\n")
        at = len(text) - len(rest)
        if not rest:
            return self, at
        if rest[0] == ">":
            return replace(self, where="content", attributes=frozenset()), at + 1
        if rest.startswith("/>"):
            return (
                replace(self, where="content", open=self.open[:-1], attributes=frozenset()),
                at + 2,
            )
        begun = _ATTRIBUTE.match(text, at)
        if begun is None:
            raise Crooked("no attribute begins like this", at, 'name="{{ value }}"')
        name = begun[2]
        if at and not text[at - 1].isspace():
            raise Crooked(f"no blank before {name}", at)
        if name in self.attributes:
            raise Crooked(f"{name} is written a second time", at, "an attribute stands once")
        is_own = name.startswith("xmlns:")
        return (
            replace(
                self,
                where=begun[3],
                attributes=self.attributes | {name},
                used=self.used if is_own else self.used | _prefix(name),
                declared=self.declared | {name[6:]} if is_own else self.declared,
            ),
            begun.end(),
        )

    def quoted(self, text: str, at: int) -> tuple[Spot, int]:
        """Return the point after what begins here in an attribute's value, and where that is."""
        for place in range(at, len(text)):
            char = text[place]
            if char == self.where:
                return replace(self, where="tag"), place + 1
            if char == "<":
                raise Crooked("< in the value of an attribute", place, "&lt;")
            if char == "&":
                return self, _referred(text, place)
        return self, len(text)


def _prefix(name: str) -> frozenset[str]:
    prefix, colon, _ = name.partition(":")
    return frozenset({prefix}) if colon else frozenset()


def _referred(text: str, at: int) -> int:
    """Return where a reference ends. Raises Crooked."""
    found = _REFERENCE.match(text, at)
    if found is None or not _is_character(found[0]):
        raise Crooked("& begins no reference that XML knows", at, "&amp; for the character itself")
    return found.end()


def _is_character(reference: str) -> bool:
    """Return whether a numeric reference names a character of XML."""
    if not reference.startswith("&#"):
        return True
    digits = reference[2:-1]
    number = int(digits[1:], 16) if digits[0] == "x" else int(digits)
    return number <= 0x10FFFF and NO_CHARACTER.match(chr(number)) is None


def _closed(text: str, at: int, kind: tuple[str, str, str]) -> int:
    begins, ends, name = kind
    end = text.find(ends, at + len(begins))
    if end < 0:
        hint = "values stand in elements and attributes, where they are escaped"
        what = f"{name} holds a value or a tag of Jinja"
        raise Crooked(what, at, hint, open_ended=True)
    if begins == "<!--" and "--" in text[at + 4 : end]:
        raise Crooked("-- in a comment", at)
    return end + len(ends)
