"""Owns: `router replay`.
Imports: click, cli.asking, cli.jobs, infra.store, runtime.
Never: sends anything; plans without a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from router.cli.asking import ask
from router.cli.common import (
    choose,
    fail,
    format_option,
    load_sound,
    place_options,
    secrets_of,
    store_of,
)
from router.cli.jobs import job_commands, said
from router.cli.kinds import When
from router.cli.render import envelope, render, visible
from router.config.project import Project
from router.core.errors import Unavailable
from router.core.instants import time_text
from router.infra.store.store import Store
from router.runtime.clock import SystemClock
from router.runtime.forecast import forecaster_of, told
from router.runtime.replay import edit_of
from router.runtime.wiring import open_exchange, revisions_of

MEANING = {
    "unchanged": "every command was sent just so: nothing is sent",
    "new": "a command was never sent, or was not done: it is sent",
    "changed": "a command was sent with another request: not sent without --resend",
    "dies": "would become a dead letter",
    "asks": "needs an answer that is not kept: what follows is not known",
    "stops": "ends before a command: discarded, duplicate, stale, absorbed",
    "skipped": "cannot be replayed",
}


@click.group("replay")
def replay() -> None:
    """Decide records anew, from the bytes of their delivery, and send what was not sent.

    What a record gives is held against what was sent before: a command with the same request is
    absorbed, one with another request is listed and not sent, unless the job was planned with
    --resend. Answers of systems that are in the journal are used again.
    """


@replay.command("plan")
@click.option("--channel", default="", help="Only records that came by this channel.")
@click.option("--kind", default="", help="Only of this kind; wants --channel.")
@click.option("--consumer", default="", help="Only what this route, flow or operation handled.")
@click.option("--word", default="", help="Only with this word in the journal: routed, refused, ...")
@click.option("--since", type=When(), help="Only lines of the journal from this time on.")
@click.option("--until", type=When(), help="Only lines of the journal before this time.")
@click.option("--about", default="", help="A message, a transaction, or a word it is known by.")
@click.option(
    "--configuration",
    type=click.Choice(["original", "current"]),
    default="current",
    show_default=True,
    help="Which one decides: that of the first decision, or the running one.",
)
@click.option("--resend", is_flag=True, help="Send changed commands as new effects.")
@click.option("--edit", default="", metavar="EXPR", help="Makes a new record of the root `body`.")
@click.option("--rate", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--reason", required=True, help="Why; kept with the messages.")
@place_options
@format_option
def plan(root: Path, environment: str, style: str, **options: Any) -> None:
    """Freeze what a filter finds as a job, and say what would come of it; nothing is sent yet.

    A time has an offset, as in 2026-03-01T00:00:00Z; 2h is two hours ago.
    """
    project = load_sound(root)
    _check_edit(project, options["edit"])
    query = {name: options[name] for name in ("channel", "kind", "consumer", "word", "about")} | {
        name: time_text(options[name]) if options[name] else "" for name in ("since", "until")
    }
    arguments = {
        "query": query,
        "rate": options["rate"],
        "reason": options["reason"],
        "options": {
            "original": options["configuration"] == "original",
            "resend": options["resend"],
            "edit": options["edit"],
        },
    }
    result = ask(root, environment, "replay", arguments)
    foreseen = _foresee(project, environment, result["job"])
    data = {**result, "running": result["revision"], "disk": project.revision, **foreseen}
    if style == "json":
        click.echo(envelope("replay plan", ok=True, data=data))
        return
    for line in plan_lines(data, options):
        click.echo(visible(line))


for command in job_commands("replay", "show"):
    replay.add_command(command)


def plan_lines(data: dict[str, Any], options: dict[str, Any]) -> Sequence[str]:
    """Return a plan as text."""
    job, counts, all_ = data["job"], data["consequences"], data["totals"]["all"]
    by = f"configuration {options['configuration']}"
    lines = [f"job {job}: {all_} records, {options['rate']} a second, {by}"]
    if data["running"] != data["disk"]:
        lines.append(f"  for revision {data['running']}, which runs; on disk is {data['disk']}")
    lines += [f"{counts[word]:>8} {word}: {MEANING[word]}" for word in MEANING if counts[word]]
    if data["skipped"]:
        lines.append(f"skipped: {said(data['skipped'])}")
    lines += [f"{n} records by the running configuration: {why}" for why, n in data["lost"].items()]
    for word in ("changed", "new", "dies", "asks"):
        lines += [
            f"{word}: {one['consumer']} {one['message']} {one['why']}".rstrip()
            for one in data.get(word, ())
        ]
    return [*lines, f"start it with: router replay start {job}"]


def _foresee(project: Project, environment: str, number: int) -> dict[str, Any]:
    settings = choose(project, environment)
    clock = SystemClock()
    try:
        store = Store.to_read(store_of(project, settings))
        with store.read() as reader:
            job = reader.jobs.get(number)
            assert job is not None, "it was planned a moment ago"
            revisions = revisions_of(project.root, store)
            running = project if job.revision == project.revision else revisions.get(job.revision)
            running = running or project
            exchange = open_exchange(running, settings, secrets_of(project), clock)
            forecaster = forecaster_of(running, exchange.env, (store, exchange, revisions))
            return told(forecaster.foresee(reader, job, clock.now()))
    except Unavailable as error:
        fail(str(error))


def _check_edit(project: Project, text: str) -> None:
    if text:
        expression, found = edit_of(project, text)
        if expression is None:
            fail(render(found, {"--edit": text.strip().removeprefix("=")}))
