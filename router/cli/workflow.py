"""Owns: `router workflow`: what is done with workflows before they run.
Imports: click, cli.test, config, runtime.scenarios.
Never: needs a store, a server or an environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from router.cli.common import FINDINGS, fail, formats, load_sound, prefix_of, project_option
from router.cli.test import RENDERERS, Tested
from router.config.project import Project
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import nearest
from router.runtime.scenarios import run_scenarios


@click.group("workflow")
def workflow() -> None:
    """Test, check, draw and explore the workflows of routes/workflows/."""


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
    chosen = "" if name is None else the_workflow(project, name).name
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


def the_workflow(project: Project, name: str) -> Workflow:
    """Return a workflow by its name, or fail."""
    found = project.workflows.get(name)
    if found is None:
        fail(f"no workflow {name}: {nearest(name, project.workflows)}")
    return found
