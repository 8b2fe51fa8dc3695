"""Owns: `router status`.
Imports: click, infra.store.
Never: writes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from router.cli.common import choose, format_option, load_sound, place_options
from router.cli.holding import held_data, held_line
from router.cli.reading import is_running, reading
from router.cli.render import envelope, visible
from router.config.environments import EnvironmentFile
from router.config.project import Project
from router.core.instants import time_text
from router.infra.store.files import Waiting
from router.infra.store.letters import LetterQuery
from router.infra.store.reader import Reader
from router.runtime.cursors import by_source, poll_data, poll_line, queue_data, queue_line
from router.runtime.holds import SystemHeld, held_systems, told_apart
from router.runtime.leadership import Led, led_by
from router.runtime.retention import last_pass, pass_data, pass_line
from router.runtime.states import Apart
from router.runtime.tidings import Away, away
from router.runtime.units import units_of
from router.runtime.workload import Workload, workload_lines, workload_of


@click.command("status")
@place_options
@format_option
def status(root: Path, environment: str, style: str) -> None:
    """Count what happened to each kind, what waits, and show the newest dead letters.

    Where no daemon runs, it says so first.
    """
    project = load_sound(root)
    running = is_running(project, environment)
    with reading(project, environment) as reader:
        seen = _look(reader, project, choose(project, environment), running=running)
    if style == "json":
        click.echo(envelope("status", ok=True, data=_data(seen)))
        return
    if not running:
        click.echo("no daemon runs on this store, nothing moves: start router run\n")
    _tell(seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What there is to tell. Without a running daemon nothing is led or held."""

    running: bool
    led: Led | None
    counters: list[dict[str, Any]]
    sizes: dict[str, int]
    dead: list[dict[str, Any]]
    paused: dict[str, dict[str, Any]]
    files: list[Waiting]
    polls: list[Any]
    queues: list[Any]
    held: list[SystemHeld]
    apart: Apart | None
    away: list[Away]
    forgotten: Any
    workflows: Workload


def _look(
    reader: Reader, project: Project, environment: EnvironmentFile, *, running: bool
) -> _Seen:
    polls, queues = by_source(project, reader.cursors.all())
    return _Seen(
        running=running,
        led=led_by(reader, units_of(project, environment, project.systems)) if running else None,
        counters=reader.counters(),
        sizes=reader.sizes(),
        dead=reader.letters.find(LetterQuery(limit=10)),
        paused={one.name: held_data(reader, one) for one in reader.pauses.all()},
        files=list(reader.files.waiting()),
        polls=list(polls),
        queues=list(queues),
        held=held_systems(reader) if running else [],
        apart=told_apart(reader) if running else None,
        away=away(reader) if running else [],
        forgotten=last_pass(reader),
        workflows=workload_of(reader),
    )


def _data(seen: _Seen) -> dict[str, Any]:
    apart = seen.apart
    return {
        "running": seen.running,
        "leaders": {} if seen.led is None else seen.led.data(),
        "counters": seen.counters,
        "waiting": seen.sizes,
        "dead_letters": seen.dead,
        "paused": seen.paused,
        "held": [_system_data(one) for one in seen.held],
        "apart": None if apart is None else {**asdict(apart), "since": time_text(apart.since)},
        "away": [{**asdict(one), "since": time_text(one.since)} for one in seen.away],
        "files": [{**asdict(one), "at": time_text(one.at)} for one in seen.files],
        "polls": [poll_data(one) for one in seen.polls],
        "queues": [queue_data(one) for one in seen.queues if one.trouble],
        "retention": pass_data(seen.forgotten),
        "workflows": seen.workflows,
    }


def _tell(seen: _Seen) -> None:
    lines = [] if seen.led is None else seen.led.lines()
    lines += [held_line(name, why) for name, why in seen.paused.items()]
    lines += [_apart_line(seen.apart)] if seen.apart is not None else []
    lines += [_away_line(one) for one in seen.away]
    lines += [_system_line(one) for one in seen.held]
    lines += [_file_line(one) for one in seen.files]
    lines += [poll_line(one) for one in seen.polls if one.failures or one.page]
    lines += [queue_line(one) for one in seen.queues if one.trouble]
    lines += workload_lines(seen.workflows)
    lines += [_letter_line(one) for one in seen.dead]
    lines += [pass_line(seen.forgotten)] if seen.forgotten is not None else []
    if seen.counters:
        click.echo(f"{count_table(seen.counters)}\n")
    waiting = ", ".join(f"{name} {n}" for name, n in sorted(seen.sizes.items()) if n)
    click.echo(f"waiting: {waiting or 'nothing'}")
    for line in lines:
        click.echo(visible(line))


def _system_data(held: SystemHeld) -> dict[str, str]:
    times = {"since": time_text(held.since), "until": time_text(held.until)}
    return {"system": held.system, **times, "why": held.why}


def _system_line(held: SystemHeld) -> str:
    since, until = time_text(held.since)[:19], time_text(held.until)[:19]
    return f"held: system:{held.system} since {since}Z, until {until}Z at least, {held.why}"


def _apart_line(apart: Apart) -> str:
    since = f"since {time_text(apart.since)[:19]}Z"
    return f"redis is away {since}, {apart.why}: {apart.share}% of each limit is used here"


def _away_line(away: Away) -> str:
    since = f"since {time_text(away.since)[:19]}Z"
    return f"commands to {away.process} {since}: {away.why}"


def _file_line(file: Waiting) -> str:
    since = f"since {time_text(file.at)[:19]}Z"
    return f"file waits: {file.channel} {file.name} {since}, {file.detail[:300]}"


def _letter_line(letter: dict[str, Any]) -> str:
    about = f"{letter['message_id']} {letter['consumer']}: {letter['reason']}"
    return f"dead letter {about} {letter['detail'][:160]}"


def count_table(counters: list[dict[str, Any]]) -> str:
    """Return the counters as a table, one line a consumer and word."""
    rows = [
        (row["consumer"], row["word"], str(row["n"]), row["reason"])
        for row in counters
        if row["word"] != "enriched"
    ]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    lines = [
        f"{a:<{widths[0]}}  {b:<{widths[1]}}  {n:>{widths[2]}}  {why}".rstrip()
        for a, b, n, why in rows
    ]
    return visible("\n".join(lines))
