"""Owns: `router workflow`: what is done with workflows before they run, and when they change;
commands for instances.
Imports: click, cli, config, engine.workflow, runtime.scenarios.
Never: needs a store, a server or an environment itself, but for what changes under instances.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from router.cli.common import (
    FINDINGS,
    fail,
    format_option,
    formats,
    load,
    load_sound,
    prefix_of,
    project_option,
    workflow_of,
)
from router.cli.covering import show_coverage
from router.cli.exploring import explored_data, explored_text
from router.cli.render import envelope, finding_data, render, some
from router.cli.test import RENDERERS, Tested
from router.config.workflow.drawing import drawn
from router.core.diagnostics import Severity
from router.engine.workflow.explore import explore
from router.runtime.scenarios import run_scenarios

#: the findings about workflows
CODES = frozenset(f"E{n}" for n in range(601, 617)) | {f"W{n}" for n in range(601, 605)}


#: commands about instances, by their module: they load what a store needs
_LATE = {
    "router.cli.instances": "READING",
    "router.cli.ordering": "ORDERING",
    "router.cli.migrating": "CHANGING",
    "router.cli.closing": "CLOSING",
}


class _Commands(click.Group):
    """Loads the commands about instances when one of them, or all, are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            self._load()
        return super().get_command(ctx, cmd_name)

    def _load(self) -> None:
        for module, name in _LATE.items():
            for command in getattr(import_module(module), name):
                self.add_command(command)


@click.group("workflow", cls=_Commands)
def workflow() -> None:
    """Test, check, draw and explore workflows; look at their instances, and order of them."""


workflow.add_command(show_coverage)


@workflow.command("test")
@click.argument("name", required=False)
@click.option("--only", metavar="TEXT", default="", help="Only scenarios whose name holds TEXT.")
@project_option
@formats("junit", "github")
def run_tests(name: str | None, only: str, root: Path, style: str) -> None:
    """Run the scenarios of a workflow, or of all.

    Days take no time: the clock is virtual. Systems are scripted. Exits with 1 when one fails.
    """
    project = load_sound(root)
    chosen = "" if name is None else workflow_of(project, name).name
    results = run_scenarios(project, only, chosen)
    if not results:
        fail(f"no scenario {'has ' + only if only else 'is there'}")
    tested = Tested(
        command="workflow test",
        results=results,
        coverage=None,
        least=None,
        prefix=prefix_of(root),
        updated=(),
        generated={},
    )
    click.echo(RENDERERS[style](tested))
    if not tested.ok:
        sys.exit(FINDINGS)


@workflow.command("lint")
@click.argument("name", required=False)
@project_option
@format_option
def lint(name: str | None, root: Path, style: str) -> None:
    """Print what `router check` finds in workflows: E601 to E616, W601 to W604, nothing else.

    Exits with 1 when there is an error.
    """
    project, found = load(root)
    file = "" if name is None else workflow_of(project, name).place.file
    findings = [one for one in found if one.code in CODES and file in ("", one.place.file)]
    errors = sum(one.severity is Severity.ERROR for one in findings)
    if style == "json":
        data = {"findings": [finding_data(one) for one in findings]}
        click.echo(envelope("workflow lint", ok=not errors, data=data))
    else:
        told = [render(findings, project.texts)] if findings else []
        counts = f"{some(errors, 'errors')}, {some(len(findings) - errors, 'warnings')}"
        click.echo("\n".join([*told, f"{counts} in {some(len(project.workflows), 'workflows')}"]))
    if errors:
        sys.exit(FINDINGS)


@workflow.command("graph")
@click.argument("name")
@project_option
def graph(name: str, root: Path) -> None:
    """Draw the steps of a workflow and what they need, as Mermaid.

    An arrow leads from a step to those that need it, a dashed one to those that want it settled in
    any way. The frame of a step without a way back is thick.
    """
    click.echo(drawn(workflow_of(load_sound(root), name)))


@workflow.command("explore")
@click.argument("name")
@click.option("--only", metavar="TEXT", default="", help="Only universes whose name holds TEXT.")
@click.option(
    "--most",
    type=click.IntRange(10, 1_000_000),
    default=50_000,
    show_default=True,
    help="States that are looked at in one universe.",
)
@project_option
@format_option
def run_exploration(name: str, only: str, most: int, root: Path, style: str) -> None:
    """Walk through every state of the universes beside a workflow.

    Events come in every order, every answer and every timer at any moment. Tells what may never be
    and can, waits that nothing ends, states from which no end is reached, and orders of events with
    different ends. Exits with 1 when there is one, or when not every state was looked at.
    """
    project = load_sound(root)
    chosen = workflow_of(project, name)
    found = [
        explore(file, universe, most)
        for file in project.scenarios.values()
        if file.workflow.name == chosen.name
        for universe in file.universes
        if only in universe.name
    ]
    if not found:
        fail(f"no universe {'has ' + only if only else 'is beside ' + name}")
    ok = all(one.is_whole and not one.flaws for one in found)
    if style == "json":
        data = {"universes": [explored_data(one, chosen) for one in found]}
        click.echo(envelope("workflow explore", ok=ok, data=data))
    else:
        click.echo("\n".join(line for one in found for line in explored_text(one, chosen)))
    if not ok:
        sys.exit(FINDINGS)
