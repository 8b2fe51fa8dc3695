"""Owns: `router check`.
Imports: click, cli.common.
Never: starts anything.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from router.cli.common import FINDINGS, format_option, load, project_option
from router.cli.render import envelope, finding_data, render, some
from router.config.project import Project
from router.core.diagnostics import Severity


@click.command("check")
@project_option
@format_option
def check(root: Path, style: str) -> None:
    """Find every mistake in routes, transforms, contracts and environments.

    Prints each with its place, the line, and what to write instead. `router explain CODE` says
    more. Exits with 1 when there is an error.
    """
    project, findings = load(root)
    errors = sum(one.severity is Severity.ERROR for one in findings)
    warnings = len(findings) - errors
    if style == "json":
        data = {
            "findings": [finding_data(one) for one in findings],
            "revision": project.revision,
            "counts": _counts(project),
        }
        click.echo(envelope("check", ok=not errors, data=data))
    else:
        if findings:
            click.echo(render(findings, project.texts))
        counted = ", ".join(some(n, noun) for noun, n in _counts(project).items())
        found = f"{some(errors, 'errors')}, {some(warnings, 'warnings')}"
        click.echo(f"{found} in {counted}; revision {project.revision}")
    if errors:
        sys.exit(FINDINGS)


def _counts(project: Project) -> dict[str, int]:
    return {
        "channels": len(project.channels),
        "routes": sum(len(channel.routes) for channel in project.channels.values()),
        "flows": len(project.flows),
        "systems": len(project.systems),
        "transforms": len(project.transforms),
        "contracts": len(project.contracts.versions),
    }
