"""Owns: pieces of Markdown: tables, links, values as an author writes them.
Imports: nothing of the router but core.document.
Never: lets a value break out of its cell or its code.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from router.core.document import Json


def cell(text: str) -> str:
    """Return a text for a cell: on one line, nothing in it is syntax."""
    return one_line(text).replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def code(text: str) -> str:
    """Return a text as code; it may hold backticks."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def code_cell(text: str) -> str:
    """Return a text as code within a cell."""
    return code(one_line(text).replace("|", "\\|"))


def one_line(text: str) -> str:
    """Return a text with every run of white space as one space."""
    return " ".join(text.split())


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table of cells that are Markdown already; no lines at all without rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    rule = " | ".join("---" for _ in heads)
    return [f"| {' | '.join(heads)} |", f"| {rule} |", *lines, ""] if lines else []


def link(text: str, target: str, page: str) -> str:
    """Return a link from one page to another, both by their paths in one folder."""
    return f"[{text}]({posixpath.relpath(target, posixpath.dirname(page) or '.')})"


def spelled(value: Json) -> str:
    """Return a value of a file as an author could write it on one line."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{key}: {spelled(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(spelled(one) for one in value) + "]"
    return str(value)
