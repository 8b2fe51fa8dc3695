"""Owns: `router workflow close-window`.
Imports: click, cli (asking, holding, reading), config.workflow.
Never: closes a window without a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from router.cli.asking import ask
from router.cli.common import fail, format_option, load_sound, place_options, workflow_of
from router.cli.holding import stands_still
from router.cli.reading import reading
from router.cli.render import envelope, some, visible
from router.config.project import Project
from router.core.diagnostics import nearest
from router.core.instance import consumer_of
from router.core.instants import time_text


@click.command("close-window")
@click.argument("workflow")
@click.argument("window")
@click.option("--reason", required=True, help="Why; kept with the command.")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would leave; nothing does.")
@place_options
@format_option
def close_window(workflow: str, window: str, root: Path, environment: str, **how: str) -> None:
    """Close WINDOW of WORKFLOW now: what it holds leaves, as at the time of its closing.

    For a month that ends early. What comes to the window after that waits for it as ever.
    """
    project = load_sound(root)
    _known(project, workflow, window)
    if how["dry"]:
        with reading(project, environment) as reader:
            found = reader.instances.closings(workflow, window)
        closed: Mapping[str, int] = {time_text(at): number for at, number in found}
    else:
        asked = {"workflow": workflow, "window": window, "reason": how["reason"]}
        closed = ask(root, environment, "close_window", asked)["closed"]
    if how["style"] == "json":
        data = {"closed": closed, "dry_run": bool(how["dry"])}
        click.echo(envelope("workflow close-window", ok=True, data=data))
        return
    with reading(project, environment) as reader:
        waits = stands_still(reader, workflow)
    when = f"when {consumer_of(workflow)} goes on" if waits else "now"
    for at, number in closed.items():
        lets = "would let" if how["dry"] else "lets"
        told = f"{window} of {workflow}, which closes at {at}, {lets} {some(number, 'commands')}"
        click.echo(visible(f"{told} go {when}"))
    if not closed:
        click.echo(visible(f"{window} holds nothing of {workflow}"))


def _known(project: Project, workflow: str, window: str) -> None:
    """Fail where there is no such workflow, or it waits for no such window."""
    found = workflow_of(project, workflow)
    windows = {step.hold.window.name for step in found.steps.values() if step.hold is not None}
    if window not in windows:
        fail(f"{workflow} waits for no window {window}: {nearest(window, windows)}")


CLOSING = (close_window,)
