"""Owns: `router try`.
Imports: click, runtime.rehearsal.
Never: calls a system, opens a store.
"""

from __future__ import annotations

import json
import sys
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
    secrets_of,
)
from router.cli.render import envelope, visible
from router.core.diagnostics import nearest
from router.core.errors import MessageError
from router.infra.codecs import decode_json
from router.runtime.clock import SystemClock
from router.runtime.rehearsal import Rehearsal, Script
from router.runtime.rehearsal import rehearse as walk
from router.runtime.wiring import open_adapters


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
) -> None:
    """Walk the payload in FILE through CHANNEL, stage by stage, without any effect.

    Shows kind, identity, each step, the canonical objects, the flows that get them, and the exact
    requests that would leave. Exits with 1 when the payload ends as a dead letter.
    """
    project = load_sound(root)
    found = project.channels.get(channel)
    if found is None:
        fail(f"no channel {channel}: {nearest(channel, project.channels)}")
    settings = choose(project, environment)
    script = Script(
        env=dict(settings.values),
        answers={name: _document(path) for name, path in _pairs(answers, "--answer")},
        adapters=open_adapters(project, settings, secrets_of(project)),
        at=SystemClock().now(),
        kind=kind,
    )
    given = {name.lower(): value for name, value in _pairs(headers, "--header")}
    body = file.read()
    made = walk(project, found, given, body, script)
    bad = any(one["outcome"] in ("dead_lettered", "needs") for one in made.outcomes)
    if style == "json":
        click.echo(envelope("try", ok=not bad, data=_data(made)))
    else:
        click.echo(visible(_text(made)))
    if bad:
        sys.exit(FINDINGS)


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
    return {"outcomes": made.outcomes, "produced": made.produced, "stages": stages}


def _text(made: Rehearsal) -> str:
    lines = []
    for stage in made.stages:
        indent = "  " * (stage.depth - 1)
        lines.append(f"{indent}{stage.title:<12} {stage.text}".rstrip())
        if stage.document is not None:
            shown = stage.document
            if not isinstance(shown, str):
                shown = json.dumps(shown, indent=2, ensure_ascii=False)
            lines += [f"{indent}             {line}" for line in shown.splitlines()]
    for outcome in made.outcomes:
        reason = f" ({outcome['reason']})" if outcome["reason"] else ""
        lines.append(f"outcome      {outcome['kind'] or 'no kind'}: {outcome['outcome']}{reason}")
    return "\n".join(lines)
