"""Owns: a graph as Mermaid, as GitHub and other pages draw it.
Imports: config.atlas.graph.
Never: lets a name become syntax.
"""

from __future__ import annotations

import re

from router.config.atlas.graph import Edge, Graph, Node

#: how each kind is drawn: what stands around its quoted name
FRAMES = {
    "channel": ("([", "])"),
    "object": ("[/", "/]"),
    "flow": ("[", "]"),
    "workflow": ("{{", "}}"),
    "system": ("[(", ")]"),
}
#: words of one edge that are shown; more are counted
SHOWN = 3
#: what Mermaid would read as syntax within quotes, or a page as markup
_WRITTEN_OUT = re.compile(r"[^\w .,:/@()+*=?!~\[\]{}|-]|[\r\n]")


def mermaid(graph: Graph) -> str:
    """Return a graph as a Mermaid flowchart from left to right, without a last line end."""
    ids = _ids(graph)
    lines = ["flowchart LR"]
    lines += [f"  {ids[node]}{_framed(node)}" for node in graph.nodes]
    lines += [f"  {ids[edge.source]} {_arrow(edge)} {ids[edge.target]}" for edge in graph.edges]
    if graph.untaken:
        lines.append("  classDef untaken stroke-dasharray: 4 4")
        lines.append(f"  class {','.join(ids[node] for node in graph.untaken)} untaken")
    return "\n".join(lines)


def quoted(text: str) -> str:
    """Return a text in quotes; what could be taken for syntax or markup is an entity."""
    written = _WRITTEN_OUT.sub(lambda match: f"#{ord(match[0])};", text)
    return f'"{written or " "}"'  # Mermaid takes no empty text


def _ids(graph: Graph) -> dict[Node, str]:
    """Return an id for each node: its kind and name, in letters that Mermaid takes."""
    ids: dict[Node, str] = {}
    for node in graph.nodes:
        wish = f"{node.kind}_{re.sub(r'[^a-z0-9]', '_', node.name)}"
        while wish in ids.values():  # bi/a_b@1 and bi_a/b@1
            wish += "_"
        ids[node] = wish
    return ids


def _framed(node: Node) -> str:
    before, behind = FRAMES[node.kind]
    return f"{before}{quoted(node.name)}{behind}"


def _arrow(edge: Edge) -> str:
    if edge.verb == "asks":
        return f"-. {_label(edge)} .->"
    return f"-- {_label(edge)} -->" if edge.verb in ("sends", "signals") else "-->"


def _label(edge: Edge) -> str:
    more = len(edge.words) - SHOWN
    shown = ", ".join(edge.words[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return quoted(f"asks {shown}" if edge.verb == "asks" else shown)
