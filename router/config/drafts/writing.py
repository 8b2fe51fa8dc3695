"""Owns: drafts as text: files, scalars, maps with what is left to write above them.
Imports: core.document, config.drafts.matching, config.drafts.offers.
Never: decides what is matched.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator

from router.config.drafts.matching import GUESS, Fields, Items, Node, Todo, Value
from router.config.drafts.offers import ZONE
from router.core.document import Json

#: from here a match needs no remark
SURE = 0.9
_WIDTH = 98
_PLAIN = re.compile(r"=?[A-Za-z_][A-Za-z0-9_./ ()\"-]*")
_WORDS = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})


def text_file(lines: Iterable[str]) -> bytes:
    """Return the bytes of a file of these lines."""
    return ("\n".join(lines) + "\n").encode()


def json_file(document: Json) -> bytes:
    """Return the bytes of a file with a document, for people to read."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def scalar(text: str) -> str:
    """Return a text as a YAML scalar that stands for it, in a flow list too."""
    as_it_is = _PLAIN.fullmatch(text) and text.strip() == text and text.lower() not in _WORDS
    if as_it_is and (text.startswith("=") or '"' not in text):
        return text
    return json.dumps(text, ensure_ascii=False)


def comment(text: str, indent: int) -> list[str]:
    """Return a text as comment lines."""
    start = " " * indent + "# "
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent=start,
        subsequent_indent=start + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def map_lines(fields: Fields, indent: int) -> Iterator[str]:
    """Yield the lines of a map; above it what is left to write."""
    for todo in fields.missing:
        yield from comment(_wanted(todo), indent)
    for unsure in fields.unsure:
        which = " or ".join(unsure.names)
        yield from comment(f"{which}, as you know better: {', '.join(unsure.texts)}", indent)
    for name, node in fields.entries:
        yield from _entry(name, node, indent)


def confidence(score: float) -> str:
    """Return a score as a word."""
    return "sure" if score >= SURE else "likely" if score >= GUESS else "guess"


def _entry(name: str, node: Node, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(node, Value):
        yield from _value(name, node, indent)
    elif isinstance(node, Fields):
        yield f"{pad}{scalar(name)}:"
        yield from map_lines(node, indent + 2)
    else:
        yield f"{pad}{scalar(name)}:"
        yield from _items(node, indent + 2)


def _items(node: Items, indent: int) -> Iterator[str]:
    pad = " " * indent
    if node.each:
        yield f"{pad}each: {scalar(node.each)}"
        yield f"{pad}map:"
        yield from map_lines(node.item, indent + 2)
        return
    began = False
    for line in map_lines(node.item, indent + 2):
        if began:
            yield line
            continue
        began = not line.lstrip().startswith("#")
        yield f"{pad}- {line.lstrip()}" if began else line[2:]


def _value(name: str, value: Value, indent: int) -> Iterator[str]:
    written = scalar(value.text)
    leaf = value.leaf
    if leaf is not None and not leaf.always and value.text != f"={leaf.path}":
        written = f"{{if: ={leaf.path}, map: {scalar(value.text)}}}"
    remark = _remark(value)
    line = f"{' ' * indent}{scalar(name)}: {written}"
    if remark and len(line) + len(remark) + 4 > _WIDTH:
        yield from comment(remark, indent)
        yield line
    else:
        yield f"{line}  # {remark}" if remark else line


def _remark(value: Value) -> str:
    doubt = confidence(value.score) if value.score < SURE else ""
    return ": ".join(one for one in (doubt, value.note) if one)


def _wanted(todo: Todo) -> str:
    goal = todo.goal
    words = f"one of {', '.join(goal.words)}" if goal.words else ""
    said = "; ".join(one for one in (goal.doc.rstrip("."), words, todo.note) if one)
    text = f"left to write: {goal.name}" + (f" ({said})" if said else "")
    if todo.candidates:
        text += f". Candidates: {' or '.join('=' + one for one in todo.candidates)}"
        if any(ZONE in one for one in todo.candidates):
            text += f", where {ZONE} is the zone of the place, such as Europe/Berlin"
    return text
