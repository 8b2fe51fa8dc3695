"""Owns: the pages of channels and of flows.
Imports: config.atlas.book, config.atlas.markdown, config.guarantees.
Never: says what the file does not say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.config.atlas.book import Book, told
from router.config.atlas.graph import Node
from router.config.atlas.markdown import cell, code, code_cell, spelled, table
from router.config.channels import HttpSource, Route
from router.config.filesources import FileSource
from router.config.guarantees.promise import ASPECTS
from router.config.guarantees.routes import guarantee_of
from router.config.polls import PollSource
from router.config.queues import AmqpSource
from router.config.schedules import ScheduleSource

_SOURCES: dict[str, type[Any]] = {
    "http": HttpSource,
    "file": FileSource,
    "poll": PollSource,
    "schedule": ScheduleSource,
    "amqp": AmqpSource,
}

#: how the page of a flow says what it leads to
_VERBS = {
    "produces": "Produces",
    "sends": "Sends to",
    "signals": "Tells",
    "asks": "Asks",
}


def channel_page(book: Book, name: str) -> list[str]:
    """Return the lines of a channel's page."""
    page, file = f"channels/{name}.md", book.file("channel", name)
    routes = file["routes"]
    handled = {kind: one for kind, one in routes.items() if "accept" in one}
    lines = [f"# Channel `{name}`", "", f"Owner: {cell(file['owner'])}.", ""]
    lines += book.drawing([Node("channel", name)])
    lines += ["## Where it comes from", "", *_source(file["from"])]
    lines += ["## What tells a message", "", *_telling(file)]
    lines += ["## Routes", ""]
    heads = ("kind", "accepts", "becomes", "steps")
    lines += table(heads, (_route(book, kind, one, page) for kind, one in handled.items()))
    rest = [(code_cell(kind), _ending(one)) for kind, one in routes.items() if kind not in handled]
    rest.append(("every other kind", _ending(file["otherwise"][0])))
    lines += ["Kinds that become nothing:", "", *table(("kind", "why"), rest)]
    return lines + _identities(handled) + _guarantees(book, name)


def flow_page(book: Book, name: str) -> list[str]:
    """Return the lines of a flow's page."""
    page, file, node = f"flows/{name}.md", book.file("flow", name), Node("flow", name)
    subject = file["from"]["object"]
    source = Node("object", book.project.flows[f"flow:{name}"].accept.ref.subject)
    lines = [f"# Flow `{name}`", "", f"Owner: {cell(file['owner'])}.", "", *book.drawing([node])]
    lines += [f"Takes {book.to('contract', subject, page)}, which comes from"]
    lines += [f"{', '.join(book.leading(source, 'produces', page)) or 'nobody'}.", ""]
    for verb, words in _VERBS.items():
        found = book.following(node, verb, page)
        lines += [f"{words} {', '.join(found)}.", ""] if found else []
    lines += [f"When something fails: {code(file['on_failure'])}.", "", "## Steps", ""]
    return [*lines, *outline(file["steps"]), ""]


def outline(steps: list[dict[str, Any]], depth: int = 0) -> Iterator[str]:
    """Yield steps as nested list items."""
    for step in steps:
        ((word, value),) = step.items()
        indent = "  " * depth
        yield f"{indent}- {word}{_said(word, value)}"
        for title, inner in _branches(word, value):
            yield f"{indent}  - {title}"
            yield from outline(inner, depth + 2)


def _said(word: str, value: Any) -> str:
    """Return what one step says of itself, its branches aside."""
    if word in ("choose", "fork"):
        return ""
    if word == "filter":
        return f" {code(spelled(value['if']))}, else {_ending(value['else'])}"
    return f" {code(spelled(value))}"


def _branches(word: str, value: Any) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    if word == "fork":
        yield from ((f"branch {code(name)}", steps) for name, steps in value.items())
    if word == "choose":
        yield from ((f"if {code(spelled(one['if']))}", one["steps"]) for one in value["cases"])
        yield "otherwise", value["otherwise"]


def _source(source: dict[str, Any]) -> list[str]:
    rows = []
    for word, value in source.items():
        cls = _SOURCES.get(word)
        keys = told(cls, value) if cls is not None else [("", value)]
        rows += [(code(f"{word} {key}".strip()), code_cell(spelled(one))) for key, one in keys]
    return table(("key", "value"), rows)


def _telling(file: dict[str, Any]) -> list[str]:
    words = ("kind", "stamp", "identity", "on_failure")
    said = [(key, file[key]) for key in words if key in file]
    return table(("key", "value"), ((code(key), code_cell(spelled(one))) for key, one in said))


def _identities(routes: dict[str, Any]) -> list[str]:
    words = ("identity", "correlation", "order_by")
    rows = [
        (code_cell(kind), *(code_cell(spelled(one[key])) if key in one else "" for key in words))
        for kind, one in routes.items()
    ]
    said = [row for row in rows if any(row[1:])]
    heads = ("kind", "identity", "correlation", "order")
    return ["## What tells a message of each kind", "", *table(heads, said)] if said else []


def _guarantees(book: Book, name: str) -> list[str]:
    """Return what holds of the routes of a channel, and where it is weakened."""
    channel = book.project.channels[name]
    rows = []
    for kind, route in channel.routes.items():
        if isinstance(route, Route):
            found = guarantee_of(book.project, channel, route)
            why = "; ".join(f"{one.aspect}: {one.place}" for one in found.weakened)
            rows.append((code_cell(kind), *found.words.values(), cell(why)))
    return ["## What is guaranteed", "", *table(("kind", *ASPECTS, "weakened at"), rows)]


def _route(book: Book, kind: str, route: dict[str, Any], page: str) -> tuple[str, ...]:
    objects = dict.fromkeys(_objects(route["steps"]))
    made = ", ".join(book.to("contract", one, page) for one in objects)
    words = " → ".join(next(iter(step)) for step in route["steps"])
    return code_cell(kind), book.to("contract", route["accept"], page), made, words


def _objects(steps: Any) -> Iterator[str]:
    """Yield the objects that steps produce, however deep."""
    if isinstance(steps, dict):
        made = steps.get("produce")
        if isinstance(made, dict) and "object" in made:
            yield made["object"]
        for one in steps.values():
            yield from _objects(one)
    if isinstance(steps, list):
        for one in steps:
            yield from _objects(one)


def _ending(ending: dict[str, str]) -> str:
    ((word, reason),) = ending.items()
    return f"{word.replace('_', ' ')}: {cell(reason)}"
