"""What `router graph` and `router docs` draw is read by Mermaid's own parser."""

from __future__ import annotations

from pathlib import Path

from router.config.atlas.graph import Edge, Graph, Node, graph_of
from router.config.atlas.mermaid import mermaid
from router.config.project import load_project
from router.runtime.installed import installed_adapters
from tests.live.conftest import node
from tests.unit.tools.test_graph import WILD

ROOT = Path(__file__).parents[2]
OBJECT = Node("object", "o@1")
#: reads a list of texts, prints for each what the parser says
PARSE = """\
import {readFileSync} from "node:fs"; import {JSDOM} from "jsdom";
globalThis.window = new JSDOM("").window; globalThis.document = window.document;
const mermaid = (await import("mermaid")).default;
const said = [];
for (const text of JSON.parse(readFileSync(0, "utf8")))
  said.push(await mermaid.parse(text).then((one) => one.diagramType, (error) => String(error)));
console.log(JSON.stringify(said));
"""


def parsed(texts: list[str]) -> list[str]:
    """Return for each text the kind of diagram, or what is wrong with it."""
    made: list[str] = node("mermaid", PARSE, texts)
    return made


def test_the_parser_reads_the_landscape_and_every_name() -> None:
    graph = graph_of(load_project(ROOT, installed_adapters())[0])
    named = [(Node(kind, name), name) for name in WILD for kind in ("flow", "system")]
    wild = [
        Graph(
            (one, OBJECT),
            (Edge(one, OBJECT, "sends", (name,)), Edge(one, OBJECT, "asks", (name,))),
        )
        for one, name in named
    ]
    texts = [mermaid(one) for one in (graph, *wild, *(graph.around([n]) for n in graph.nodes))]
    assert set(parsed(texts)) == {"flowchart-v2"}


def test_the_parser_refuses_what_is_not_escaped() -> None:
    (said,) = parsed(['flowchart LR\n  a["x"y"]'])
    assert "Parse error" in said
