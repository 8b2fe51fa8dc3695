"""The graph of a landscape, and that what it prints is Mermaid whatever things are called."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from router.config.atlas.graph import Edge, Graph, Node, graph_of
from router.config.atlas.mermaid import mermaid, quoted
from router.config.project import load_project
from router.runtime.installed import installed_adapters
from tests.unit.tools.conftest import ROOT, Command

#: names that would be syntax, markup or a second line
WILD = (
    'a"b',
    "end",
    "a#quot;b",
    "<b>x</b>",
    "a`*b*`",
    "a\nb --> c",
    "a;b",
    "é/ü@1",
    "%%{init}%%",
    "",
)
#: all that a line of our Mermaid may be: the strict half of its grammar
TEXT = r'"(?:[^"\#\n<>`&%;]|\#\d+;)*"'
LINE = re.compile(
    rf"""flowchart\ LR
    | \ \ \w+(?:\(\[{TEXT}\]\)|\[/{TEXT}/\]|\[\({TEXT}\)\]|\[{TEXT}\]|\{{\{{{TEXT}\}}\}})
    | \ \ \w+\ (?:-->|--\ {TEXT}\ -->|-\.\ {TEXT}\ \.->)\ \w+
    | \ \ classDef\ untaken\ stroke-dasharray:\ 4\ 4
    | \ \ class\ \w+(?:,\w+)*\ untaken""",
    re.VERBOSE,
)

CHANNEL, OBJECT, FLOW, SYSTEM = (
    Node("channel", "a"),
    Node("object", "o@1"),
    Node("flow", "f"),
    Node("system", "s"),
)
ALONE = Node("channel", "alone")
SMALL = Graph(
    (CHANNEL, ALONE, OBJECT, FLOW, SYSTEM),
    (
        Edge(CHANNEL, OBJECT, "produces", ("k",)),
        Edge(CHANNEL, SYSTEM, "asks", ("get",)),
        Edge(OBJECT, FLOW, "takes", ()),
        Edge(FLOW, SYSTEM, "sends", ("put",)),
    ),
)


def test_channels_objects_flows_and_systems_are_tied(base: Path) -> None:
    graph = graph_of(load_project(base, installed_adapters())[0])
    assert [str(node) for node in graph.nodes] == [
        *("channel:inbox", "object:task@1", "flow:file_task", "workflow:note", "system:archive")
    ]
    assert [(str(one.source), one.verb, str(one.target), one.words) for one in graph.edges] == [
        ("channel:inbox", "produces", "object:task@1", ("note",)),
        ("object:task@1", "takes", "flow:file_task", ()),
        ("flow:file_task", "sends", "system:archive", ("put",)),
        ("workflow:note", "sends", "system:archive", ("put",)),
    ]


def test_the_landscape_gives_one_graph_each_time() -> None:
    made = [graph_of(load_project(ROOT, installed_adapters())[0]) for _ in range(2)]
    assert made[0] == made[1]
    asked = {(str(e.source), e.words) for e in made[0].edges if e.verb == "asks"}
    assert ("channel:shopify", ("get_order",)) in asked
    assert not set(made[0].untaken) & {edge.source for edge in made[0].edges}


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("f", {CHANNEL, OBJECT, FLOW, SYSTEM}),
        ("a", {CHANNEL, OBJECT, FLOW, SYSTEM}),
        ("o", {CHANNEL, OBJECT, FLOW, SYSTEM}),
        ("o@1", {CHANNEL, OBJECT, FLOW, SYSTEM}),
        ("system:s", {CHANNEL, OBJECT, FLOW, SYSTEM}),
        ("alone", {ALONE}),
        ("flow:alone", set()),
    ],
)
def test_around_a_name_is_what_leads_to_it_and_from_it(name: str, near: set[Node]) -> None:
    assert set(SMALL.around(SMALL.named(name)).nodes) == near


def test_what_only_has_the_same_target_is_not_around() -> None:
    other = Node("channel", "other")
    graph = Graph(
        (CHANNEL, other, OBJECT),
        (Edge(CHANNEL, OBJECT, "produces", ()), Edge(other, OBJECT, "produces", ())),
    )
    assert set(graph.around([CHANNEL]).nodes) == {CHANNEL, OBJECT}


def test_mermaid_of_a_small_one() -> None:
    assert mermaid(SMALL).splitlines() == [
        "flowchart LR",
        '  channel_a(["a"])',
        '  channel_alone(["alone"])',
        '  object_o_1[/"o@1"/]',
        '  flow_f["f"]',
        '  system_s[("s")]',
        "  channel_a --> object_o_1",
        '  channel_a -. "asks get" .-> system_s',
        "  object_o_1 --> flow_f",
        '  flow_f -- "put" --> system_s',
    ]


def test_what_nobody_takes_is_dashed_and_many_words_are_counted() -> None:
    many = tuple("abcde")
    graph = Graph(
        (OBJECT, FLOW, SYSTEM),
        (Edge(FLOW, OBJECT, "produces", ()), Edge(FLOW, SYSTEM, "sends", many)),
    )
    text = mermaid(graph)
    assert '-- "a, b, c and 2 more" -->' in text
    assert text.endswith("  classDef untaken stroke-dasharray: 4 4\n  class object_o_1 untaken")


def test_a_workflow_has_a_frame_of_its_own_and_is_told_events() -> None:
    workflow = Node("workflow", "w")
    graph = Graph((FLOW, workflow), (Edge(FLOW, workflow, "signals", ("paid",)),))
    assert mermaid(graph).splitlines()[2:] == [
        '  workflow_w{{"w"}}',
        '  flow_f -- "paid" --> workflow_w',
    ]


@pytest.mark.parametrize("name", WILD)
def test_a_name_is_never_syntax(name: str) -> None:
    node, target = Node("flow", name), Node("system", name)
    graph = Graph((node, target), (Edge(node, target, "sends", (name,)),))
    lines = mermaid(graph).split("\n")
    assert len(lines) == 4
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert re.sub(r"#(\d+);", lambda m: chr(int(m[1])), quoted(name)[1:-1]) == (name or " ")


def test_ids_are_told_apart() -> None:
    nodes = tuple(Node("object", name) for name in ("a/b_c@1", "a_b/c@1", "a_b_c@1"))
    ids = [line.strip().partition("[")[0] for line in mermaid(Graph(nodes, ())).splitlines()[1:4]]
    assert len(set(ids)) == 3


def test_the_landscape_is_mermaid_line_by_line(command: Command) -> None:
    done = command("graph", "-p", ROOT)
    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if not LINE.fullmatch(line)] == []


def test_as_data(command: Command, base: Path) -> None:
    made = json.loads(command("graph", "file_task", "--format", "json", "-p", base).stdout)
    assert made["nodes"][0] == {"id": "channel:inbox", "kind": "channel", "name": "inbox"}
    assert made["edges"][-1] == {
        "from": "flow:file_task",
        "to": "system:archive",
        "verb": "sends",
        "words": ["put"],
    }


def test_a_name_that_nothing_has(command: Command, base: Path) -> None:
    done = command("graph", "archve", "-p", base)
    assert (done.exit_code, done.stderr) == (
        2,
        "router: nothing is called archve: did you mean archive?\n",
    )


def test_a_project_with_mistakes_tells_them(command: Command, base: Path) -> None:
    (base / "routes/flows/file_task.yaml").write_text("flow: [")
    done = command("graph", "-p", base)
    assert done.exit_code == 1
    assert "E001" in done.stderr
