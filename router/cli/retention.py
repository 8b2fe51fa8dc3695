"""Owns: `router retention`.
Imports: click, infra.store, runtime.retention.
Never: takes anything away (the daemon does).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from router.cli.common import choose, format_option, load_sound, place_options
from router.cli.reading import reading
from router.cli.render import envelope
from router.config.retention import RetentionSettings
from router.core.units import duration_text
from router.runtime.clock import SystemClock
from router.runtime.retention import bounds_at, forecast, last_pass, pass_data, pass_line

#: what is kept, and what that is
_KEPT = {
    "bodies": "what senders delivered",
    "journal": "what was decided, sent and answered",
    "claims": "what tells a repeat",
}


@click.command("retention")
@click.option("--plan", "planned", is_flag=True, help="Count what would go now; this reads it all.")
@place_options
@format_option
def retention(root: Path, environment: str, style: str, *, planned: bool) -> None:
    """Say how long what has ended is kept, and how far the daemon is in forgetting it.

    Nothing goes of a message that is under way, waits for a person, or is to be replayed.
    """
    project = load_sound(root)
    settings = choose(project, environment).retention
    with reading(project, environment) as reader:
        known, counts = last_pass(reader), None
        if planned and settings is not None:
            counts = forecast(reader, bounds_at(settings, SystemClock().now()))
    if style == "json":
        data = {"kept": _kept(settings), "pass": pass_data(known), "would_go": counts}
        click.echo(envelope("retention", ok=True, data=data))
        return
    for name, what in _KEPT.items():
        click.echo(f"{name:8} {_kept(settings)[name] or 'for ever':10} {what}")
    if counts is not None:
        click.echo(f"would go now: {_told(counts)}")
    if known is not None:
        click.echo(pass_line(known))
        click.echo(f"gone so far: {_told(known.gone)}")


def _kept(settings: RetentionSettings | None) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in _KEPT:
        age = None if settings is None else getattr(settings, name)
        found[name] = None if age is None else duration_text(age)
    return found


def _told(counts: Any) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items() if n) or "nothing"
