"""Owns: `router verify`.
Imports: click, api.doubts, api.guard.
Never: prints a secret, or a signature that would fit.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from router.api.doubts import doubts
from router.api.guard import Claimed
from router.cli.common import FINDINGS, fail, format_option, load_sound, project_option, secrets_of
from router.cli.kinds import When
from router.cli.render import envelope
from router.config.channels import Channel, HttpSource
from router.config.project import Project
from router.core.diagnostics import nearest
from router.runtime.bodies import decode_body
from router.runtime.clock import SystemClock


@click.group("verify")
def verify() -> None:
    """Find out why a delivery does not fit its signature."""


@verify.command("try")
@click.argument("channel")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-H", "--header", "headers", multiple=True, help="NAME=VALUE, as it came.")
@click.option("--at", type=When(), help="When it came; by default now.")
@project_option
@format_option
def try_(channel: str, file: Path, root: Path, style: str, **given: Any) -> None:
    """Verify the body in FILE as a delivery to CHANNEL, and say which part differs.

    The bytes must be those that came: an editor that adds a line end changes them. Exits with 1
    when it does not fit.
    """
    project = load_sound(root)
    found = _channel(project, channel)
    source = found.source
    assert isinstance(source, HttpSource), "held by _channel"
    at: datetime = given["at"] or SystemClock().now()
    body = file.read_bytes()
    claimed = Claimed(
        headers=_headers(given["headers"]),
        body=body,
        at=at,
        document=lambda: decode_body(found, body).document,
    )
    ok, told = doubts(source.verify, claimed, secrets_of(project))
    if style == "json":
        click.echo(envelope("verify try", ok=ok, data={"doubts": told}))
    else:
        click.echo("it fits" if ok else "it does not fit: " + told[0])
        for line in told[1:]:
            click.echo(f"  {line}")
    if not ok:
        sys.exit(FINDINGS)


def _channel(project: Project, name: str) -> Channel:
    found = project.channels.get(name)
    if found is None:
        fail(f"no channel {name}: {nearest(name, project.channels)}")
    if not isinstance(found.source, HttpSource):
        fail(f"channel {name} reads files: nothing is signed")
    return found


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    made: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            fail(f"--header {text}: write NAME=VALUE")
        made[name.strip().lower()] = value.strip()
    return made
