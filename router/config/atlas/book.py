"""Owns: what pages are written from: the files of a project as written, its graph, who uses what.
Imports: config.project, config.editor.files, config.atlas.graph.
Never: writes a page (config.atlas.pages does); shows what a secret stands for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from router.config.atlas.graph import Graph, Node, graph_of
from router.config.atlas.markdown import code, link
from router.config.atlas.mermaid import mermaid
from router.config.components import knobs_of
from router.config.editor.files import KINDS, kind_of
from router.config.editor.values import written
from router.config.project import Project
from router.config.source import read_yaml, to_json

#: kind of a thing -> the folder of its pages
FOLDERS = {
    "channel": "channels",
    "flow": "flows",
    "workflow": "workflows",
    "system": "systems",
    "contract": "contracts",
    "table": "tables",
    "environment": "environments",
}


@dataclass(frozen=True, slots=True)
class Book:
    """A sound project, ready to be written down."""

    project: Project
    graph: Graph
    #: kind -> name -> the file as it was written
    files: Mapping[str, Mapping[str, dict[str, Any]]]

    def file(self, kind: str, name: str) -> dict[str, Any]:
        """Return a file as written; `{}` when there is none."""
        return self.files.get(kind, {}).get(name, {})

    def to(self, kind: str, name: str, page: str) -> str:
        """Return a link to the page of a thing, or its name when it has none.

        A contract may be named with its version.
        """
        base = name.partition("@")[0]
        known = base if kind == "contract" else name
        if known not in self.files.get(kind, {}) or kind not in FOLDERS:
            return code(name)
        return link(code(name), f"{FOLDERS[kind]}/{known}.md", page)

    def drawing(self, nodes: list[Node]) -> list[str]:
        """Return what lies around some nodes as a picture."""
        return ["```mermaid", mermaid(self.graph.around(nodes)), "```", ""]

    def leading(self, node: Node, verb: str, page: str) -> list[str]:
        """Return links to what leads to a node by a verb."""
        edges = [one for one in self.graph.edges if one.target == node and one.verb == verb]
        return [self.to(edge.source.kind, edge.source.name, page) for edge in edges]

    def following(self, node: Node, verb: str, page: str) -> list[str]:
        """Return links to what a node leads to by a verb."""
        edges = [one for one in self.graph.edges if one.source == node and one.verb == verb]
        return [_thing(self, edge.target, page) for edge in edges]


def book_of(project: Project) -> Book:
    """Return a project as it can be written down. It must be sound."""
    files: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
    for path, text in sorted(project.texts.items()):
        kind = kind_of(path)
        node, _ = read_yaml(text, path)
        if kind is not None and node is not None:
            files[kind.word][_name(path)] = to_json(node)
    return Book(project, graph_of(project), files)


def told(cls: type[Any], file: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each key of a component that was written or has a default, with its value."""
    for one in knobs_of(cls):
        value = file.get(one.key, None if one.required else written(one))
        if value not in (None, "", [], {}):
            yield one.key, value


def _thing(book: Book, node: Node, page: str) -> str:
    return book.to("contract" if node.kind == "object" else node.kind, node.name, page)


def _name(path: str) -> str:
    """Return what a file is about: its name, of contracts and transforms with their owner."""
    folder = path.removesuffix("/contract.yaml")
    if folder != path:
        return folder.removeprefix("contracts/")
    if path.startswith("transforms/"):
        return path.removeprefix("transforms/").removesuffix(".yaml")
    return path.rpartition("/")[2].removesuffix(".yaml")
