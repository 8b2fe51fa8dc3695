"""Owns: functions of text: cutting, joining, padding, hashing.
Imports: core.quantity (numbers as text), declare.
Never: makes a text or list that is larger than the bounds, not even on the way to an error.
"""

from __future__ import annotations

import hashlib
import re
import uuid

from router.config.transforms.functions.declare import (
    MAX_TEXT,
    ArgumentError,
    Function,
    function,
    whole,
)
from router.config.transforms.functions.kinds import MAX_ITEMS
from router.core.document import Json
from router.core.quantity import exact, normal_text

#: characters that a text is padded to at most: the widest field of a fixed-width record
_MAX_WIDTH = 1000
_NOT_DIGITS = re.compile(r"[^0-9]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@function(
    "value: text|number|boolean",
    returns="text",
    example=("text(`450789469`)", '"450789469"'),
)
def text(value: Json) -> Json:
    """Give a text, number or boolean as text, exactly: no exponent, no trailing zeros.

    Fractions of more than 15 digits are refused, for they are not exact any more.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return normal_text(exact(value))


@function(
    "text: text",
    "from: number",
    "to?: number",
    returns="text",
    name="slice",
    example=("slice('0100000123', `0`, `4`)", '"0100"'),
)
def cut(text: str, start: float, end: float | None = None) -> Json:
    """Give the characters from an index (the first is 0) up to, not with, another.

    Negative indices count from the end; beyond the text there is nothing.
    """
    return text[whole(start, "start") : None if end is None else whole(end, "end")]


@function("text: text", returns="text", example=("upper('eur')", '"EUR"'))
def upper(text: str) -> Json:
    """Give the text in capitals."""
    return text.upper()


@function("text: text", returns="text", example=("lower('EUR')", '"eur"'))
def lower(text: str) -> Json:
    """Give the text in small letters."""
    return text.lower()


@function("text: text", returns="text", example=("trim('  a b ')", '"a b"'))
def trim(text: str) -> Json:
    """Give the text without white space at both ends."""
    return text.strip()


@function(
    "text: text",
    "old: text",
    "new: text",
    returns="text",
    example=("replace('#9999-R1', '#', '')", '"9999-R1"'),
)
def replace(text: str, old: str, new: str) -> Json:
    """Give the text with every `old`, which may not be empty, replaced by `new`."""
    if not old:
        raise ArgumentError("argument 2 is empty")
    if len(new) > len(old):
        _bound(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


@function(
    "text: text",
    "separator: text",
    returns="list[text]",
    example=("split_text('a,b,,c', ',')", '["a", "b", "", "c"]'),
)
def split_text(text: str, separator: str) -> Json:
    """Give the parts of a text between separators, empty ones too."""
    if not separator:
        raise ArgumentError("argument 2 is empty")
    parts = text.split(separator, MAX_ITEMS)
    if len(parts) > MAX_ITEMS:
        raise ArgumentError(f"more than {MAX_ITEMS} parts")
    return parts


@function(
    "texts: list[text]",
    "separator: text",
    returns="text",
    example=('join_text(`["a", "b"]`, \'/\')', '"a/b"'),
)
def join_text(texts: list[str], separator: str) -> Json:
    """Give the texts of a list as one, with the separator between them."""
    _bound(sum(map(len, texts)) + len(separator) * max(len(texts) - 1, 0))
    return separator.join(texts)


@function("text: text", returns="text", example=("digits('+49 (30) 12-34')", '"49301234"'))
def digits(text: str) -> Json:
    """Give the digits 0 to 9 of the text and nothing else."""
    return _NOT_DIGITS.sub("", text)


@function(
    "text: text",
    "width: number",
    "fill: text",
    returns="text",
    example=("pad_left('42', `6`, '0')", '"000042"'),
)
def pad_left(text: str, width: float, fill: str) -> Json:
    """Give the text filled up on the left to a width of at most 1000; a longer one as it is."""
    wide = whole(width, "width")
    if not 0 <= wide <= _MAX_WIDTH:
        raise ArgumentError(f"the width is not between 0 and {_MAX_WIDTH}")
    if len(fill) != 1:
        raise ArgumentError("the fill is not one character")
    return text.rjust(wide, fill)


@function(
    "text: text",
    returns="text",
    name="hash",
    example=(
        "hash('abc')",
        '"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"',
    ),
)
def sha256_of(text: str) -> Json:
    """Give the SHA-256 of the text's UTF-8 bytes as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


@function(
    "namespace: text",
    "name: text",
    returns="text",
    example=(
        "uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'example.org')",
        '"aad03681-8b63-5304-89e0-8ca8f49461b5"',
    ),
)
def uuid5(namespace: str, name: str) -> Json:
    """Give the name-based UUID (version 5) of a name in a namespace, which is a UUID itself."""
    if not _UUID.fullmatch(namespace):
        raise ArgumentError("argument 1 is no UUID")
    return str(uuid.uuid5(uuid.UUID(namespace), name))


FUNCTIONS: tuple[Function, ...] = (
    text,
    cut,
    upper,
    lower,
    trim,
    replace,
    split_text,
    join_text,
    digits,
    pad_left,
    sha256_of,
    uuid5,
)


def _bound(characters: int) -> None:
    if characters > MAX_TEXT:
        raise ArgumentError(f"the text is larger than {MAX_TEXT} bytes")
