"""Owns: `router try`.
Imports: click, runtime.rehearsal, cli.stages.
Never: calls a system, opens a store.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from router.cli.common import (
    FINDINGS,
    choose,
    fail,
    format_option,
    load_sound,
    place_options,
    refuse_watch,
    secrets_of,
    watch_option,
)
from router.cli.render import envelope, visible
from router.cli.stages import Shown, compared, plain, shown
from router.core.diagnostics import nearest
from router.core.errors import MessageError
from router.infra.codecs import decode_json
from router.runtime.clock import SystemClock
from router.runtime.rehearsal import Rehearsal, Script
from router.runtime.rehearsal import rehearse as walk
from router.runtime.wiring import open_adapters


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the options ask for: which payload, what comes with it, when it comes."""

    root: Path
    environment: str
    channel: str
    kind: str | None
    headers: Mapping[str, str]
    #: operation -> path of the document that it gives
    answers: Mapping[str, str]
    at: datetime


@click.command("try")
@click.argument("channel")
@click.argument("file", type=click.File("rb"))
@click.option("--kind", help="The kind, instead of what `kind:` says.")
@click.option("--header", "-H", "headers", multiple=True, metavar="NAME=VALUE", help="A header.")
@click.option(
    "--answer",
    "-a",
    "answers",
    multiple=True,
    metavar="OPERATION=FILE",
    help="What an enrich or a later call gets: a JSON file.",
)
@place_options
@watch_option
@format_option
def rehearse(
    channel: str,
    file: BinaryIO,
    kind: str | None,
    headers: tuple[str, ...],
    answers: tuple[str, ...],
    root: Path,
    environment: str,
    style: str,
    *,
    watched: bool,
) -> None:
    """Walk the payload in FILE through CHANNEL, stage by stage, without any effect.

    Shows kind, identity, each step, the canonical objects, the flows that get them, and the exact
    requests that would leave. Exits with 1 when the payload ends as a dead letter, or what it
    becomes does in a flow or an operation behind it. --watch looks at FILE and at the answers, too,
    marks what differs from the run before, and keeps the time of the first one.
    """
    wish = Wish(
        root=root,
        environment=environment,
        channel=channel,
        kind=kind,
        headers={name.lower(): value for name, value in _pairs(headers, "--header")},
        answers=dict(_pairs(answers, "--answer")),
        at=SystemClock().now(),
    )
    if watched:
        refuse_watch(style)
        _watch(wish, file)
        return
    made = _walk(wish, file.read())
    if style == "json":
        click.echo(envelope("try", ok=not _bad(made), data=_data(made)))
    else:
        click.echo(visible(plain(shown(made))))
    if _bad(made):
        sys.exit(FINDINGS)


def _watch(wish: Wish, file: BinaryIO) -> None:
    """Show the stages again after each save; a run that found errors is nothing to compare with."""
    from router.cli.watching import watch  # noqa: PLC0415

    path, before = Path(getattr(file, "name", "-")), list[tuple[Shown, ...]]()
    if not path.is_file():
        fail("--watch reads FILE again after each save: what is piped in is read once")
    file.close()

    def again() -> None:
        now = shown(_walk(wish, path.read_bytes()))
        click.echo(visible(compared(before[-1], now) if before else plain(now)))
        before[:] = [now]

    watch(wish.root, again, also=(path, *map(Path, wish.answers.values())))


def _walk(wish: Wish, body: bytes) -> Rehearsal:
    project = load_sound(wish.root)
    found = project.channels.get(wish.channel)
    if found is None:
        fail(f"no channel {wish.channel}: {nearest(wish.channel, project.channels)}")
    settings = choose(project, wish.environment)
    answers = {name: _document(path) for name, path in wish.answers.items()}
    adapters = open_adapters(project, settings, secrets_of(project))
    script = Script(
        env=dict(settings.values),
        answers=answers,
        adapters=adapters,
        at=wish.at,
        kind=wish.kind,
    )
    try:
        return walk(project, found, wish.headers, body, script)
    finally:
        for adapter in adapters.values():
            adapter.close()


def _bad(made: Rehearsal) -> bool:
    failed = any(one["outcome"] in ("dead_lettered", "needs") for one in made.outcomes)
    return failed or bool(made.dead)


def _pairs(texts: tuple[str, ...], option: str) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            fail(f"{option} {text}: write NAME=VALUE")
        pairs.append((name, value))
    return pairs


def _document(path: str) -> object:
    try:
        return decode_json(Path(path).read_bytes())
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except MessageError as error:
        fail(f"{path}: {error}")


def _data(made: Rehearsal) -> dict[str, object]:
    stages = [
        {"depth": one.depth, "title": one.title, "text": one.text, "document": one.document}
        for one in made.stages
    ]
    return {
        "outcomes": made.outcomes,
        "produced": made.produced,
        "signalled": made.signalled,
        "dead": made.dead,
        "stages": stages,
    }
