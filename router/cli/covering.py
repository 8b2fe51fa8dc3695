"""Owns: `router workflow coverage`.
Imports: click, cli (common, render), engine.workflow, runtime.scenarios.
Never: counts a status that a step cannot have.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from router.cli.common import FINDINGS, format_option, load_sound, project_option, workflow_of
from router.cli.render import envelope, visible
from router.config.project import Project
from router.config.workflow.workflow import Workflow
from router.engine.workflow.coverage import Covered, coverage, seen_in
from router.engine.workflow.explore import explore
from router.runtime.scenarios import histories

#: states of one universe that are looked at
_MOST = 50_000


@click.command("coverage")
@click.argument("name", required=False)
@click.option("--explore", "explored", is_flag=True, help="What the universes show counts, too.")
@click.option("--least", type=click.IntRange(0, 100), default=0, help="Percent that must be seen.")
@project_option
@format_option
def show_coverage(name: str | None, least: int, root: Path, style: str, *, explored: bool) -> None:
    """Tell which statuses of which steps the scenarios show, and which nothing has shown.

    A status counts where the step can have it: `held` where it holds, `undone` where something
    takes it back. Exits with 1 when a workflow has less than --least percent.
    """
    project = load_sound(root)
    every = [one for _, one in sorted(project.workflows.items())]
    chosen = every if name is None else [workflow_of(project, name)]
    found = [(one, _covered(project, one, explored=explored)) for one in chosen]
    if style == "json":
        data = {"workflows": [_data(one, steps) for one, steps in found]}
        click.echo(envelope("workflow coverage", ok=_enough(found, least), data=data))
    else:
        click.echo("\n".join(line for one, steps in found for line in _lines(one, steps)))
    if not _enough(found, least):
        sys.exit(FINDINGS)


def _covered(project: Project, workflow: Workflow, *, explored: bool) -> list[Covered]:
    seen = [
        seen_in(step.turn.state for step in history.turns)
        for _, history in histories(project, "", workflow.name)
    ]
    for file in project.scenarios.values():
        if explored and file.workflow.name == workflow.name:
            seen += [explore(file, one, _MOST).seen for one in file.universes]
    return coverage(workflow, seen)


def _enough(found: list[tuple[Workflow, list[Covered]]], least: int) -> bool:
    return all(_percent(steps) >= least for _, steps in found)


def _percent(steps: list[Covered]) -> float:
    possible = sum(len(one.possible) for one in steps)
    return 100 * sum(len(one.seen) for one in steps) / possible if possible else 100.0


def _lines(workflow: Workflow, steps: list[Covered]) -> Iterator[str]:
    possible, seen = (
        sum(len(part) for part in parts)
        for parts in zip(*((one.possible, one.seen) for one in steps), strict=True)
    )
    yield visible(f"{workflow.name}: {seen} of {possible} statuses seen, {_percent(steps):.0f} %")
    width = max(len(one.step) for one in steps)
    for one in steps:
        if one.missing:
            yield visible(f"  {one.step:{width}}  not seen: {', '.join(one.missing)}")


def _data(workflow: Workflow, steps: list[Covered]) -> dict[str, Any]:
    return {
        "workflow": workflow.name,
        "percent": round(_percent(steps), 1),
        "steps": [
            {
                "step": one.step,
                "possible": list(one.possible),
                "seen": [status for status in one.possible if status in one.seen],
                "missing": list(one.missing),
            }
            for one in steps
        ],
    }
