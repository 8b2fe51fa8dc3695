"""Owns: `router lineage`.
Imports: click, config.lineage, cli.common.
Never: needs a store or an environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path as File
from typing import Any

import click

from router.cli.common import fail, load_sound, project_option
from router.cli.render import envelope, visible
from router.config.lineage.ask import DECIDED, FROM, Hop, Lineage, Link
from router.config.lineage.drawing import drawn
from router.config.lineage.landscape import landscape_of
from router.config.lineage.naming import NamingError, field_named
from router.config.lineage.paths import Path, spelled

#: in which order the documents at the other end are told
_KINDS = (
    *("channel", "headers", "object", "event", "request", "address", "answer", "body", "look-up"),
    *("table", "env", "call", "constant"),
)
#: ends: nothing is made of them
_SENT = ("request", "address")
_NOT_THERE = "nothing of this landscape"


@click.command("lineage")
@click.argument("path")
@project_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "mermaid"]),
    default="text",
    show_default=True,
    help="How to print.",
)
def lineage(path: str, root: File, style: str) -> None:
    """Say where a field comes from, and what it feeds, through the whole landscape.

    PATH is `object.path`, `channel:path`, `contract.path` of what a channel accepts,
    `system.operation:path`, `address of system.operation`, or `"workflow event:path"`. Of the path
    the end is enough where no other ends so. What flows into a field is told apart from what only
    decides about it.
    """
    landscape = landscape_of(load_sound(root))
    try:
        asked = field_named(landscape, path)
    except NamingError as error:
        fail(visible(str(error)))
    known = Lineage(landscape)
    sources, targets = known.comes_from(asked), known.feeds(asked)
    if style == "mermaid":
        click.echo(drawn(asked, sources, targets))
    elif style == "json":
        data = {
            "path": str(asked),
            "comes_from": [_data(one) for one in sources],
            "feeds": [_data(one) for one in targets],
        }
        click.echo(envelope("lineage", ok=True, data=data))
    else:
        made = asked.source.kind in ("object", "event", *_SENT) or known.is_made(asked)
        click.echo(visible("\n".join(_text(asked, sources if made else None, targets))))


def _text(asked: Path, sources: list[Link] | None, targets: list[Link]) -> Iterator[str]:
    """Yield both directions; `sources` None = nothing of the landscape makes it."""
    if sources is not None:
        yield f"{asked} comes from" + ("" if sources else f" {_NOT_THERE}")
        yield from _groups(sources, DECIDED)
    if asked.source.kind not in _SENT:
        if sources is not None:
            yield ""
        yield f"{asked} feeds" + ("" if targets else f" {_NOT_THERE}")
        yield from _groups(targets, "decides about")


def _groups(links: list[Link], decides: str) -> Iterator[str]:
    """Yield the fields of each document, what flows before what decides, and the ways."""
    groups: dict[tuple[str, str], list[Link]] = {}
    for link in links:
        kind = link.path.source.kind
        groups.setdefault((kind, "" if kind == "constant" else link.path.source.name), []).append(
            link
        )
    for (kind, _), group in sorted(groups.items(), key=lambda one: _KINDS.index(one[0][0])):
        yield ""
        yield "  written in maps" if kind == "constant" else f"  {group[0].path.source}"
        yield from _lines([one for one in group if one.role == FROM], "    ")
        if any(one.role == DECIDED for one in group):
            yield f"    {decides}"
            yield from _lines([one for one in group if one.role == DECIDED], "      ")
        if kind != "constant":
            yield "    by way of"
            yield from (f"      {one}" for one in _ways(group))


def _lines(links: list[Link], indent: str) -> Iterator[str]:
    words = [_word(one.path) for one in links]
    width = max(map(len, words), default=0)
    for word, link in zip(words, links, strict=True):
        first, *more = _places(link)
        yield f"{indent}{word:{width}}  {first}"
        yield from (f"{indent}{'':{width}}  {one}" for one in more)


def _word(path: Path) -> str:
    if path.source.kind == "constant":
        return path.source.name
    return spelled(path.steps) or "its value"


def _places(link: Link) -> list[str]:
    """Return where a field is read, lines of one file together."""
    lines: dict[str, list[int]] = {}
    for place in sorted(link.places):
        lines.setdefault(place.file, []).append(place.line)
    return [
        f"{file}:{','.join(map(str, sorted(set(found))))}" for file, found in lines.items()
    ] or [""]


def _ways(group: Iterable[Link]) -> list[str]:
    """Return the ways of a group of fields; kinds that go one way are told together."""
    ways: dict[tuple[str, str], set[str]] = {}
    for link in group:
        for way in link.ways:
            channel, _, kind = way[0].maker.partition(":")
            ways.setdefault((channel, _way(way)), set()).add(kind)
    return sorted(f"{channel}{_kinds(kinds)}{tail}" for (channel, tail), kinds in ways.items())


def _kinds(kinds: set[str]) -> str:
    """Return the kinds of a channel; an operation has none."""
    some = sorted(kinds - {""})
    return f": {', '.join(some)}" if some else ""


def _way(way: tuple[Hop, ...]) -> str:
    """Return what comes behind the first maker: transforms in brackets, objects, flows."""
    tail = ""
    for number, hop in enumerate(way):
        tail += f" > {way[number - 1].made.source} > {hop.maker}" if number else ""
        tail += f" ({', '.join(hop.by)})" if hop.by else ""
    return tail


def _data(link: Link) -> dict[str, Any]:
    source = link.path.source
    return {
        "kind": source.kind,
        "name": source.name,
        "path": spelled(link.path.steps),
        "role": link.role,
        "places": [{"file": one.file, "line": one.line} for one in sorted(link.places)],
        "ways": sorted(
            (
                [
                    {"by": one.maker, "transforms": list(one.by), "makes": str(one.made)}
                    for one in way
                ]
                for way in link.ways
            ),
            key=str,
        ),
    }
