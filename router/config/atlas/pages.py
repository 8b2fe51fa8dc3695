"""Owns: all pages of a landscape, and the first of them.
Imports: config.atlas: the pages of each kind.
Never: writes to disk (cli.docs does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from router.config.atlas.book import FOLDERS, Book, book_of
from router.config.atlas.borders import contract_page, environment_page, table_page
from router.config.atlas.graph import KINDS
from router.config.atlas.markdown import cell, code, link, table
from router.config.atlas.mermaid import mermaid
from router.config.atlas.routing import channel_page, flow_page
from router.config.atlas.systems import system_page
from router.config.atlas.workflows import workflow_page
from router.config.project import Project

#: first line of every page: what may be overwritten and taken away
NOTE = "<!-- Written by `router docs`: change the files of the landscape, then run it again. -->"
INDEX = "README.md"
_PAGES: Mapping[str, Callable[[Book, str], list[str]]] = {
    "channel": channel_page,
    "flow": flow_page,
    "workflow": workflow_page,
    "system": system_page,
    "contract": contract_page,
    "table": table_page,
    "environment": environment_page,
}


def pages_of(project: Project) -> dict[str, str]:
    """Return every page of a sound project by its path: the same project, the same pages."""
    book = book_of(project)
    pages = {INDEX: _page(_index(book))}
    for kind, make in _PAGES.items():
        for name in book.files[kind]:
            path = f"{FOLDERS[kind]}/{name}.md"
            up = link("The landscape", INDEX, path)
            pages[path] = _page([*make(book, name), up])
    return pages


def _index(book: Book) -> list[str]:
    drawn = sum(len(book.files[kind]) for kind in KINDS if kind in book.files)
    lines = ["# The landscape", "", "```mermaid", mermaid(book.graph), "```", ""] if drawn else []
    for kind, folder in FOLDERS.items():
        files = book.files[kind]
        rows = (
            (book.to(kind, name, INDEX), cell(one.get("owner", "")), cell(_about(book, kind, name)))
            for name, one in files.items()
        )
        lines += [f"## {folder.capitalize()}", "", *table(("name", "owner", "about"), rows)]
        lines += [] if files else ["None.", ""]
    return lines


def _about(book: Book, kind: str, name: str) -> str:
    """Return what the first page says of a thing."""
    file = book.file(kind, name)
    match kind:
        case "channel":
            source = next(one for one in file["from"] if one != "records")
            return f"{source}; {', '.join(file['routes'])}"
        case "flow":
            return f"takes {file['from']['object']}"
        case "workflow":
            return ", ".join(one["is"] for one in file["states"] if one.get("final"))
        case "system":
            return ", ".join(file["operations"])
        case "contract":
            return file.get("doc", "") or ", ".join(file["versions"])
        case "table":
            return file.get("doc", "") or f"by {', '.join(file['keys'])}"
    return (
        ", ".join(code(one) for one in file.get("takes", []))
        and f"takes {', '.join(file['takes'])}"
    )


def _page(lines: list[str]) -> str:
    return "\n".join([NOTE, "", *lines]).rstrip() + "\n"
