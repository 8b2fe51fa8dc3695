"""Owns: `router cursor`.
Imports: click, cli.asking, config.polls, engine.polling, infra.store.
Never: puts a cursor where it cannot be; moves one without a reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from router.cli.asking import ask
from router.cli.common import fail, format_option, load_sound, place_options
from router.cli.reading import reading
from router.cli.render import envelope, visible
from router.config.polls import PollSource, complaint_of
from router.config.project import Project
from router.config.schedules import ScheduleSource
from router.core.diagnostics import nearest
from router.core.document import Json
from router.engine.polling import position
from router.runtime.cursors import by_source, poll_data, poll_line, tick_line


@click.group("cursor")
def cursor() -> None:
    """Look at the cursors of channels that ask a system, and put one somewhere else.

    A cursor says how far a channel has come. It moves when all pages before it are taken.
    """


@cursor.command("list")
@place_options
@format_option
def list_cursors(root: Path, environment: str, style: str) -> None:
    """Say how far each channel is, and what holds it up."""
    project = load_sound(root)
    with reading(project, environment) as reader:
        polls, _ = by_source(project, reader.cursors.all())
    if style == "json":
        data = {"polls": [poll_data(one) for one in polls]}
        click.echo(envelope("cursor list", ok=True, data=data))
        return
    for one in polls:
        channel = project.channels.get(one.channel)
        ticks = channel is not None and isinstance(channel.source, ScheduleSource)
        click.echo(visible(tick_line(one) if ticks else poll_line(one)))
    if not polls:
        click.echo("no channel was polled so far")


@cursor.command("set")
@click.argument("channel")
@click.argument("position", default="")
@click.option("--first", "anew", is_flag=True, help="Begin where the channel's first: says.")
@click.option("--reason", required=True, help="Why; kept with the command.")
@place_options
def set_position(channel: str, root: Path, environment: str, **how: Any) -> None:
    """Begin the next round of CHANNEL at POSITION.

    Records that were taken before are known by their identity: a cursor may go back. What lies
    between here and a POSITION further on is not asked for.
    """
    if bool(how["position"]) == how["anew"]:
        fail("say where: a POSITION, or --first")
    source = _source(load_sound(root), channel)
    to = None if how["anew"] else _position(source, channel, how["position"])
    asked = {"channel": channel, "cursor": to, "reason": how["reason"]}
    was = ask(root, environment, "cursor", asked)["was"]
    click.echo(visible(f"{channel} goes on at {_word(to)}, it was at {_word(was)}"))


def _position(source: PollSource, channel: str, text: str) -> Json:
    """Return the position that a text means; fail for one that is none."""
    known = source.cursor
    if known is None:
        fail(f"{channel} has no cursor: it asks for everything, each time")
    complaint = complaint_of(known, text)
    if complaint:
        fail(complaint)
    return position(known, int(text) if known.kind == "number" else text)


def _source(project: Project, channel: str) -> PollSource:
    polled = {
        name: one.source
        for name, one in project.channels.items()
        if isinstance(one.source, PollSource)
    }
    if channel not in polled:
        fail(f"no channel {channel} that polls: {nearest(channel, polled)}")
    return polled[channel]


def _word(cursor: Json) -> str:
    return "its beginning" if cursor is None else str(cursor)
