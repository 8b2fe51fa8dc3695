"""Owns: `router status`.
Imports: click, infra.store.
Never: writes.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from router.cli.common import format_option, load_sound, place_options
from router.cli.reading import is_running, reading
from router.cli.render import envelope, visible
from router.core.instants import time_text
from router.core.units import rate_text
from router.infra.store.files import Waiting
from router.infra.store.letters import LetterQuery
from router.infra.store.pauses import PAUSED, SLOW, Pause
from router.infra.store.reader import Reader
from router.runtime.cursors import by_source, poll_data, poll_line, queue_data, queue_line
from router.runtime.holds import SystemHeld, held_systems, told_apart
from router.runtime.retention import last_pass, pass_data, pass_line
from router.runtime.states import Apart


@click.command("status")
@place_options
@format_option
def status(root: Path, environment: str, style: str) -> None:
    """Count what happened to each kind, what waits, and show the newest dead letters.

    Where no daemon runs, it says so first.
    """
    project = load_sound(root)
    with reading(project, environment) as reader:
        counters, sizes = reader.counters(), reader.sizes()
        dead = reader.letters.find(LetterQuery(limit=10))
        paused = {one.name: _held(reader, one) for one in reader.pauses.all()}
        files = reader.files.waiting()
        polls, queues = by_source(project, reader.cursors.all())
        held, apart = held_systems(reader), told_apart(reader)
        forgotten = last_pass(reader)
    running = is_running(project, environment)
    held, apart = (held, apart) if running else ([], None)
    if style == "json":
        data = {
            "running": running,
            "counters": counters,
            "waiting": sizes,
            "dead_letters": dead,
            "paused": paused,
            "held": [_system_data(one) for one in held],
            "apart": None if apart is None else {**asdict(apart), "since": time_text(apart.since)},
            "files": [{**asdict(one), "at": time_text(one.at)} for one in files],
            "polls": [poll_data(one) for one in polls],
            "queues": [queue_data(one) for one in queues if one.trouble],
            "retention": pass_data(forgotten),
        }
        click.echo(envelope("status", ok=True, data=data))
        return
    if not running:
        click.echo("no daemon runs on this store, nothing moves: start router run\n")
    lines = [_held_line(name, why) for name, why in paused.items()]
    lines += [_apart_line(apart)] if apart is not None else []
    lines += [*map(_system_line, held), *_coming_lines(files, polls, queues)]
    lines += [_letter_line(one) for one in dead]
    lines += [pass_line(forgotten)] if forgotten is not None else []
    _tell(counters, sizes, lines)


def _coming_lines(files: Any, polls: Any, queues: Any) -> list[str]:
    """Return what is to be known of where messages come from."""
    lines = [_file_line(one) for one in files]
    lines += [poll_line(one) for one in polls if one.failures or one.page]
    return lines + [queue_line(one) for one in queues if one.trouble]


def _tell(counters: list[dict[str, Any]], sizes: dict[str, int], lines: list[str]) -> None:
    if counters:
        click.echo(f"{count_table(counters)}\n")
    waiting = ", ".join(f"{name} {n}" for name, n in sorted(sizes.items()) if n)
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


def _file_line(file: Waiting) -> str:
    since = f"since {time_text(file.at)[:19]}Z"
    return f"file waits: {file.channel} {file.name} {since}, {file.detail[:300]}"


def _letter_line(letter: dict[str, Any]) -> str:
    about = f"{letter['message_id']} {letter['consumer']}: {letter['reason']}"
    return f"dead letter {about} {letter['detail'][:160]}"


def _held(reader: Reader, pause: Pause) -> dict[str, Any]:
    """Return what holds a name back, how much is left to be worked off, and how much waits."""
    return {
        "since": pause.at,
        "reason": pause.reason,
        "mode": pause.mode,
        "rate": rate_text(pause.rate) if pause.mode == SLOW else "",
        "left": reader.pauses.left(pause) if pause.mode != PAUSED else 0,
        "behind": reader.pauses.behind(pause),
        "dead": reader.pauses.dead(pause.name),
    }


def _held_line(name: str, why: dict[str, Any]) -> str:
    since = f"since {why['since'][:19]}Z"
    because = f", {why['reason']}" if why["reason"] else ""
    if why["mode"] == SLOW:
        return f"resumed at {why['rate']}: {name}, {why['left']} left{because}"
    if why["mode"] == PAUSED:
        return f"paused: {name} {since}{because}"
    behind = f", {why['behind']} wait behind it" if why["behind"] else ""
    if why["dead"]:
        behind += f", {why['dead']} dead letter" + ("s" if why["dead"] > 1 else "")
    if why["left"]:
        return f"draining: {name} {since}, {why['left']} left{behind}{because}"
    return f"drained: {name} {since}{behind}{because}"


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
