"""Owns: `router check`.
Imports: click, cli.common, cli.reports.
Never: starts anything.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import click

from router.cli.common import FINDINGS, formats, load, prefix_of, project_option
from router.cli.render import envelope, finding_data, render, some
from router.config.fingerprints import fingerprints
from router.config.project import Project
from router.core.diagnostics import Diagnostic, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A project with what was found in it. `prefix` leads from this folder to it."""

    project: Project
    findings: list[Diagnostic]
    prefix: str

    @property
    def errors(self) -> int:
        """Return how many findings stop the start."""
        return sum(one.severity is Severity.ERROR for one in self.findings)


@click.command("check")
@project_option
@formats("sarif", "junit", "github")
def check(root: Path, style: str) -> None:
    """Find every mistake in routes, transforms, contracts and environments.

    Prints each with its place, the line, and what to write instead. `router explain CODE` says
    more. Exits with 1 when there is an error. sarif, junit and github are for continuous
    integration; their paths lead from the folder in which the command is called.
    """
    project, findings = load(root)
    checked = Checked(project=project, findings=findings, prefix=prefix_of(root))
    click.echo(_RENDERERS[style](checked))
    if checked.errors:
        sys.exit(FINDINGS)


def _text(checked: Checked) -> str:
    found = [render(checked.findings, checked.project.texts)] if checked.findings else []
    return "\n".join([*found, _summary(checked)])


def _summary(checked: Checked) -> str:
    counted = ", ".join(some(n, noun) for noun, n in _counts(checked.project).items())
    warnings = len(checked.findings) - checked.errors
    found = f"{some(checked.errors, 'errors')}, {some(warnings, 'warnings')}"
    return f"{found} in {counted}; revision {checked.project.revision}"


def _json(checked: Checked) -> str:
    data = {
        "findings": [finding_data(one) for one in checked.findings],
        "revision": checked.project.revision,
        "counts": _counts(checked.project),
    }
    return envelope("check", ok=not checked.errors, data=data)


def _sarif(checked: Checked) -> str:
    from router.cli.reports.sarif import Marked, sarif  # noqa: PLC0415

    marks = fingerprints(checked.findings, checked.project.texts)
    marked = [
        Marked(finding=finding, mark=mark)
        for finding, mark in zip(checked.findings, marks, strict=True)
    ]
    return sarif(marked, checked.prefix)


def _junit(checked: Checked) -> str:
    """Return one case a file: its errors are the failure, its warnings what it told."""
    from router.cli.reports.junit import Suite, TestCase, junit  # noqa: PLC0415

    texts, cases = checked.project.texts, []
    by_file: dict[str, list[Diagnostic]] = {name: [] for name in texts}
    for one in checked.findings:
        by_file.setdefault(one.place.file, []).append(one)
    for name, own in sorted(by_file.items()):
        errors = [one for one in own if one.severity is Severity.ERROR]
        warnings = [one for one in own if one.severity is not Severity.ERROR]
        cases.append(
            TestCase(
                name=name,
                file=checked.prefix + name,
                line=errors[0].place.line if errors else 1,
                kind=", ".join(dict.fromkeys(one.code for one in errors)),
                failure=render(errors, texts),
                output=render(warnings, texts),
            )
        )
    return junit([Suite(name="router check", cases=tuple(cases))], "router check")


def _github(checked: Checked) -> str:
    from router.cli.reports.github import commands, note_of  # noqa: PLC0415

    notes = commands(map(note_of, checked.findings), checked.prefix)
    return "\n".join([*notes, _summary(checked)])


_RENDERERS = {"text": _text, "json": _json, "sarif": _sarif, "junit": _junit, "github": _github}


def _counts(project: Project) -> dict[str, int]:
    return {
        "channels": len(project.channels),
        "routes": sum(len(channel.routes) for channel in project.channels.values()),
        "flows": len(project.flows),
        "systems": len(project.systems),
        "transforms": len(project.transforms),
        "contracts": len(project.contracts.versions),
    }
