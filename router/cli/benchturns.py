"""Owns: `router bench turns`.
Imports: click, cli (common, render), config, runtime.turnspeed.
Never: prints one figure without its peer.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import click

from router.cli.common import fail, format_option, load_sound, project_option
from router.cli.render import envelope
from router.config.project import Project
from router.config.workflow.scenarios import ScenarioFile
from router.core.diagnostics import nearest
from router.runtime.turnspeed import NothingToPlay, TurnSpeed, measure_turns


@click.command("turns")
@click.argument("name", required=False)
@click.option(
    "--scenario", metavar="TEXT", default="", help="One whose name holds TEXT; else the longest."
)
@click.option("--turns", type=click.IntRange(1, 10_000_000), default=4000, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@project_option
@format_option
def turns(name: str | None, scenario: str, root: Path, style: str, **how: int) -> None:
    """Measure the turns of a workflow, the first by default, beside JSON alone.

    A scenario of its tests is played again and again, without a store. The floor reads each state
    and input and writes the next state as JSON: no engine whose states lie in a store can do less.
    """
    file = scenarios_of(load_sound(root), name)
    try:
        found = measure_turns(file, scenario, **how)
    except NothingToPlay as error:
        fail(str(error))
    click.echo(_as_json(found) if style == "json" else _told(found))


def scenarios_of(project: Project, name: str | None) -> ScenarioFile:
    """Return the scenarios of a workflow, or fail."""
    files = {one.workflow.name: one for _, one in sorted(project.scenarios.items())}
    wanted = name if name is not None else next(iter(files), "")
    if wanted not in files:
        fail(f"no workflow {wanted} has scenarios: {nearest(wanted, files)}".replace("  ", " "))
    return files[wanted]


def _as_json(found: TurnSpeed) -> str:
    data = {
        "workflow": found.workflow, "scenario": found.scenario, "turns": found.turns,
        "instances": found.instances, "rate": found.rate, "cpu_us": found.cpu,
        "floor_us": found.floor, "ratio": found.ratio,
    }  # fmt: skip
    return envelope("bench turns", ok=True, data=data)


def _told(found: TurnSpeed) -> str:
    each, unit = found.turns / found.instances, "us of CPU a turn"
    rate, cpu, floor = map(statistics.median, (found.rate, found.cpu, found.floor))
    return "\n".join(
        (
            f"{found.workflow}: {found.scenario}",
            f"{each:.0f} turns an instance, {len(found.cpu)} repeats, medians",
            f"turns      {rate:8.0f} turns/s   {cpu:6.1f} {unit}",
            f"json       {1e6 / floor:8.0f} turns/s   {floor:6.1f} {unit}",
            f"ratio      {found.ratio:8.2f}",
        )
    )
