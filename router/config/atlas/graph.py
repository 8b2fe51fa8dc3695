"""Owns: the graph of a landscape: channels, objects, flows, workflows, systems, and what
leads where.
Imports: config.project, config.channels, config.steps.
Never: draws (config.atlas.mermaid does); follows what happens at run time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from router.config.channels import Route
from router.config.polls import PollSource
from router.config.project import Project
from router.config.steps import Enrich, Produce, Recipients, Signal, Step, steps_in

#: the kinds of nodes, in the order of a message's way
KINDS = ("channel", "object", "flow", "workflow", "system")


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """A thing of the landscape. An object's name is its contract and major version: `name@1`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """What leads from one thing to another.

    `verb` is `produces`, `takes`, `sends`, `signals` or `asks`; `words` are the kinds of a channel
    that produce, the events, the operations that are sent to or asked, sorted.
    """

    source: Node
    target: Node
    verb: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by kind and name, edges by their ends: the same project gives the same graph."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def named(self, name: str) -> list[Node]:
        """Return the nodes that `name`, `kind:name`, and of an object `name@1` mean."""
        return [
            node
            for node in self.nodes
            if name in (str(node), node.name, node.name.partition("@")[0])
        ]

    def around(self, centre: Iterable[Node]) -> Graph:
        """Return the part from which messages come to some nodes, and to which they go."""
        centre = set(centre)
        near = centre | self._reached(centre, forward=True) | self._reached(centre, forward=False)
        edges = tuple(one for one in self.edges if {one.source, one.target} <= near)
        return Graph(tuple(one for one in self.nodes if one in near), edges)

    @property
    def untaken(self) -> tuple[Node, ...]:
        """Return the objects that nobody takes."""
        taken = {edge.source for edge in self.edges if edge.verb == "takes"}
        return tuple(one for one in self.nodes if one.kind == "object" and one not in taken)

    def _reached(self, centre: set[Node], *, forward: bool) -> set[Node]:
        steps: dict[Node, set[Node]] = {}
        for edge in self.edges:
            ends = (edge.source, edge.target) if forward else (edge.target, edge.source)
            steps.setdefault(ends[0], set()).add(ends[1])
        found: set[Node] = set()
        todo = list(centre)
        while todo:
            fresh = steps.get(todo.pop(), set()) - found
            found |= fresh
            todo += fresh
        return found


def graph_of(project: Project) -> Graph:
    """Return the graph of a project: everything declared, connected or not."""
    words: dict[tuple[Node, Node, str], set[str]] = {}
    for source, target, verb, word in _ties(project):
        words.setdefault((source, target, verb), set()).update([word] if word else [])
    edges = [Edge(*ends, tuple(sorted(said))) for ends, said in words.items()]
    nodes = {node for edge in edges for node in (edge.source, edge.target)}
    nodes |= {Node("channel", name) for name in project.channels}
    nodes |= {Node("flow", flow_word(name)) for name in project.flows}
    nodes |= {Node("workflow", name) for name in project.workflows}
    nodes |= {Node("system", name) for name in project.systems}
    return Graph(tuple(sorted(nodes, key=_rank)), tuple(sorted(edges, key=_edge_rank)))


def flow_word(name: str) -> str:
    """Return the name of a flow without what tells it from a route."""
    return name.removeprefix("flow:")


def _ties(project: Project) -> Iterator[tuple[Node, Node, str, str]]:
    for channel in project.channels.values():
        if isinstance(channel.source, PollSource):
            call = channel.source.call
            yield (
                Node("channel", channel.name),
                Node("system", call.system),
                "asks",
                _word(call.name),
            )
        for route in channel.routes.values():
            if isinstance(route, Route):
                source = Node("channel", channel.name)
                yield from _leading(source, route.steps, route.kind)
    for flow in project.flows.values():
        node = Node("flow", flow_word(flow.name))
        yield Node("object", flow.accept.ref.subject), node, "takes", ""
        yield from _leading(node, flow.steps, "")
    for name, workflow in project.workflows.items():
        for operation in sorted(workflow.operations):
            system = operation.partition(".")[0]
            yield Node("workflow", name), Node("system", system), "sends", _word(operation)


def _leading(
    source: Node, steps: Iterable[Step], kind: str
) -> Iterator[tuple[Node, Node, str, str]]:
    for step in steps_in(steps):
        match step:
            case Produce():
                yield source, Node("object", step.object.ref.subject), "produces", kind
            case Enrich():
                yield source, Node("system", step.call.system), "asks", _word(step.call.name)
            case Recipients():
                for one in step.targets:
                    operation = one.operation
                    yield source, Node("system", operation.system), "sends", _word(operation.name)
            case Signal():
                yield source, Node("workflow", step.workflow.name), "signals", step.event


def _word(operation: str) -> str:
    return operation.partition(".")[2]


def _rank(node: Node) -> tuple[int, str]:
    return KINDS.index(node.kind), node.name


def _edge_rank(edge: Edge) -> tuple[tuple[int, str], tuple[int, str], str]:
    return _rank(edge.source), _rank(edge.target), edge.verb
