"""Owns: starting, cancelling and showing a job, the same under every command that plans one.
Imports: click, cli.asking, infra.store.
Never: plans.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from router.cli.asking import ask
from router.cli.common import FINDINGS, format_option, load_sound, place_options
from router.cli.reading import reading
from router.cli.render import envelope, visible

#: commands that are named by `show`
MOST_NAMED = 10


def job_commands(group: str, show_as: str) -> tuple[click.Command, click.Command, click.Command]:
    """Return the commands that start, cancel and show a job; `group` is what they stand under."""

    @click.command("start")
    @click.argument("job", type=int)
    @place_options
    def start(job: int, root: Path, environment: str) -> None:
        """Start a planned job, or go on with a cancelled one; the daemon sends."""
        ask(root, environment, "start", {"job": job})
        click.echo(f"job {job} runs: router {group} {show_as} {job}")

    @click.command("cancel")
    @click.argument("job", type=int)
    @place_options
    def cancel(job: int, root: Path, environment: str) -> None:
        """Stop a job: what was not sent stays as it is."""
        click.echo(said(ask(root, environment, "cancel", {"job": job})["totals"]))

    @click.command(show_as)
    @click.argument("job", type=int)
    @place_options
    @format_option
    def show(job: int, root: Path, environment: str, style: str) -> None:
        """Show how far a job is; its counts add up to the set that was frozen."""
        show_job(f"{group} {show_as}", job, (root, environment), style)

    return start, cancel, show


def show_job(command: str, job: int, place: tuple[Path, str], style: str) -> None:
    """Print a job of a project's environment, or exit with 1 when there is none."""
    root, environment = place
    with reading(load_sound(root), environment) as reader:
        found = reader.jobs.told(job)
        changed = reader.jobs.named(job, "changed", MOST_NAMED)
    if found is None:
        click.echo(f"no job {job}", err=True)
        sys.exit(FINDINGS)
    if style == "json":
        named = [{"operation": one, "message": message} for one, message in changed]
        click.echo(envelope(command, ok=True, data={"job": found, "changed": named}))
        return
    click.echo(f"job {job} {found['state']}: {said(found['totals'])}")
    if found["words"]:
        click.echo(f"commands: {said(found['words'])}")
    if found["turns"]:
        click.echo(f"turns: {said(found['turns'])}")
    if found["skipped"]:
        click.echo(f"skipped: {said(found['skipped'])}")
    for operation, message in changed:
        click.echo(visible(f"changed, not sent: {operation} {message}"))


def said(counts: Mapping[str, Any]) -> str:
    """Return counts as one line."""
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items())
