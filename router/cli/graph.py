"""Owns: `router graph`.
Imports: click, config.atlas, cli.common.
Never: needs a store or an environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from router.cli.common import fail, load_sound, project_option
from router.cli.render import envelope
from router.config.atlas.graph import Graph, graph_of
from router.config.atlas.mermaid import mermaid
from router.core.diagnostics import nearest


@click.command("graph")
@click.argument("name", required=False)
@project_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["mermaid", "json"]),
    default="mermaid",
    show_default=True,
    help="How to print.",
)
def graph(name: str | None, root: Path, style: str) -> None:
    """Draw what leads where: channels, objects, flows, workflows, systems.

    With NAME only what leads to it and what it leads to; `channel:NAME`, `object:NAME`,
    `flow:NAME`, `workflow:NAME` and `system:NAME` say which one is meant. An object that nobody
    takes is dashed.
    """
    found = graph_of(load_sound(root))
    if name is not None:
        centre = found.named(name)
        if not centre:
            known = [word for node in found.nodes for word in (node.name, str(node))]
            fail(f"nothing is called {name}: {nearest(name, known)}")
        found = found.around(centre)
    click.echo(
        mermaid(found) if style == "mermaid" else envelope("graph", ok=True, data=_data(found))
    )


def _data(graph: Graph) -> dict[str, Any]:
    nodes = [{"id": str(node), "kind": node.kind, "name": node.name} for node in graph.nodes]
    edges = [
        {
            "from": str(edge.source),
            "to": str(edge.target),
            "verb": edge.verb,
            "words": list(edge.words),
        }
        for edge in graph.edges
    ]
    return {"nodes": nodes, "edges": edges}
