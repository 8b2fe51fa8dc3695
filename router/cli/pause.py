"""Owns: `router pause` and `router resume`.
Imports: click, cli.asking.
Never: pauses what is not declared.
"""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.asking import ask
from router.cli.common import environment_option, fail, load_sound, project_option
from router.core.diagnostics import nearest


@click.command("pause")
@click.argument("name")
@click.option("--reason", required=True, help="Why; shown in the status.")
@project_option
@environment_option
def pause(name: str, reason: str, root: Path, environment: str) -> None:
    """Hold the messages of NAME back: channel:NAME, flow:NAME or system:NAME.

    Deliveries are still taken and kept. What is under way is finished.
    """
    _known(root, name)
    ask(root, environment, "pause", {"name": name, "reason": reason})
    click.echo(f"{name} is paused")


@click.command("resume")
@click.argument("name")
@project_option
@environment_option
def resume(name: str, root: Path, environment: str) -> None:
    """Let the messages of NAME go on, in the order in which they came."""
    _known(root, name)
    ask(root, environment, "resume", {"name": name})
    click.echo(f"{name} goes on")


def _known(root: Path, name: str) -> None:
    project = load_sound(root)
    known = [
        *(f"channel:{one}" for one in project.channels),
        *project.flows,
        *(f"system:{one}" for one in project.systems),
    ]
    if name not in known:
        fail(f"nothing is called {name}: {nearest(name, known)}")
