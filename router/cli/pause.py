"""Owns: `router pause`, `router drain`, `router resume`.
Imports: click, cli.asking, infra.store, runtime.
Never: pauses what is not declared.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import click

from router.cli.asking import ask
from router.cli.common import FINDINGS, choose, fail, load_sound, place_options, store_of
from router.cli.kinds import Rate, Span
from router.cli.reading import has_store, is_running, reading
from router.core.diagnostics import nearest
from router.core.errors import Unavailable
from router.core.units import rate_text
from router.infra.store.store import Store
from router.runtime.daemon import pausable
from router.runtime.pausing import dropped_text

#: seconds between two looks at a drain
PAUSE = 0.2


@click.command("pause")
@click.argument("name")
@click.option("--reason", required=True, help="Why; shown in the status.")
@place_options
def pause(name: str, reason: str, root: Path, environment: str) -> None:
    """Hold the messages of NAME back: channel:NAME, flow:NAME, system:NAME or workflow:NAME.

    Deliveries are still taken and kept. What is under way is finished. Of a workflow no instance
    has a turn: events, answers, timers and orders wait in their order.
    """
    _known(root, environment, name)
    ask(root, environment, "pause", {"name": name, "reason": reason})
    click.echo(f"{name} is paused")


@click.command("drain")
@click.argument("name")
@click.option("--reason", default="", help="Why; shown in the status.")
@click.option(
    "--wait",
    "seconds",
    type=click.FloatRange(0, 86_400),
    default=0,
    help="Come back when it is drained, after so many seconds at the latest (exit code 1).",
)
@place_options
def drain(name: str, reason: str, seconds: float, root: Path, environment: str) -> None:
    """Let what is there of NAME finish, and begin nothing new until it is resumed.

    A channel answers new deliveries with 503 and leaves files where they are. What comes later for
    a flow or a system waits in its place. Instances of a workflow go on to their end; what would
    begin one waits.
    """
    _known(root, environment, name)
    left = ask(root, environment, "drain", {"name": name, "reason": reason})["left"]
    if left and seconds:
        left = _wait(root, environment, name, seconds)
    click.echo(f"{name} is drained" if not left else f"{name} is draining, {left} left")
    if left and seconds:
        sys.exit(FINDINGS)


@click.command("resume")
@click.argument("name")
@click.option("--drop-older-than", "older", type=Span(), help="End messages that are older.")
@click.option(
    "--latest-per-key", "latest", is_flag=True, help="Of each key only the newest goes on."
)
@click.option("--rate", "pace", type=Rate(), default=0, help="Let what waits go on at 20/s, 30/m.")
@click.option("--dry-run", is_flag=True, help="Only say what would go on, and what be dropped.")
@place_options
def resume(root: Path, environment: str, name: str, **policy: Any) -> None:
    """Let the messages of NAME go on, in the order in which they came.

    Without a policy all of them go on at once. What is dropped is in the journal as discarded. A
    command for which a call was begun is never dropped, nor is anything that waits for a workflow.
    """
    _known(root, environment, name)
    older, dry_run = policy["older"], policy["dry_run"]
    arguments = {
        "name": name,
        "older_s": None if older is None else older.total_seconds(),
        "latest": policy["latest"],
        "rate": policy["pace"],
        "dry_run": dry_run,
    }
    result = ask(root, environment, "resume", arguments)
    at = f" at {rate_text(policy['pace'])}" if policy["pace"] else ""
    head = f"dry run: {name} would go on{at}" if dry_run else f"{name} goes on{at}"
    click.echo(f"{head}: {result['goes_on']} go on, {dropped_text(result['dropped'])}")


def _wait(root: Path, environment: str, name: str, seconds: float) -> int:
    """Return how many are left when nothing is, or when the time is over."""
    project = load_sound(root)
    database = store_of(project, choose(project, environment))
    if not is_running(project, environment):
        fail(f"{name} is draining, and no daemon runs on this store: start router run")
    until, wait = time.monotonic() + seconds, threading.Event()
    try:
        store = Store.to_read(database)
        while True:
            with store.read() as reader:
                fence = reader.pauses.get(name)
                left = 0 if fence is None else reader.pauses.left(fence)
            if not left or time.monotonic() >= until:
                return left
            wait.wait(PAUSE)
    except Unavailable as error:
        fail(str(error))


def _known(root: Path, environment: str, name: str) -> None:
    """Fail for a name that is neither declared nor held back."""
    project = load_sound(root)
    known = pausable(project)
    if name in known:
        return
    if has_store(project, environment):
        with reading(project, environment) as reader:
            if reader.pauses.get(name) is not None:
                return
    fail(f"nothing is called {name}: {nearest(name, known)}")
