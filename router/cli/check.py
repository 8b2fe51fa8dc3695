"""Owns: `router check`.
Imports: click, cli.common, cli.reports.
Never: starts anything.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import click

from router.cli.baseline import without, write_baseline
from router.cli.common import (
    FINDINGS,
    fail,
    formats,
    load,
    prefix_of,
    project_option,
    refuse_watch,
    watch_option,
)
from router.cli.guarantees import guarantees_data, guarantees_text
from router.cli.render import envelope, finding_data, render, some, visible
from router.config.fingerprints import fingerprints
from router.config.guarantees.guarantee import Guarantee
from router.config.guarantees.routes import guarantees_of
from router.config.ignores import Ignored, settle
from router.config.project import Project
from router.core.diagnostics import Diagnostic, Severity, in_order
from router.runtime.clock import SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A project with what was found in it. `prefix` leads from this folder to it."""

    project: Project
    findings: list[Diagnostic]
    prefix: str
    #: warnings that the baseline holds, and what it holds for nothing
    known: int = 0
    stale: tuple[str, ...] = ()
    #: warnings that comments ignore
    ignored: tuple[Ignored, ...] = ()
    #: what holds of each route, None when it was not asked
    guarantees: tuple[Guarantee, ...] | None = None

    @property
    def errors(self) -> int:
        """Return how many findings stop the start."""
        return sum(one.severity is Severity.ERROR for one in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the options ask for."""

    style: str
    baseline: Path | None
    strict: bool
    #: until when ignores hold is decided by it
    today: date
    guarantees: bool


@click.command("check")
@project_option
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Do not tell the warnings that this file holds.",
)
@click.option(
    "--write-baseline",
    "new_baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the warnings of now to this file.",
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    show_default="the day in UTC",
    help="Which day decides whether an ignore still holds.",
)
@click.option("--strict", is_flag=True, help="Fail for warnings too.")
@click.option(
    "--guarantees", is_flag=True, help="Say what holds of each route, and what weakens it."
)
@watch_option
@formats("sarif", "junit", "github")
def check(
    root: Path,
    baseline: Path | None,
    new_baseline: Path | None,
    style: str,
    today: datetime | None,
    *,
    strict: bool,
    guarantees: bool,
    watched: bool,
) -> None:
    """Find every mistake in routes, transforms, contracts and environments.

    Prints each with its place, the line, and what to write instead. `router explain CODE` says
    more. Exits with 1 when there is an error. sarif, junit and github are for continuous
    integration; their paths lead from the folder in which the command is called.
    """
    day = (today or SystemClock().now()).date()
    if new_baseline is not None:
        checked = _load(root, day)
        count = write_baseline(new_baseline, checked.findings, checked.project.texts)
        click.echo(f"wrote {some(count, 'warnings')} to {new_baseline}", err=True)
        baseline = new_baseline
    if guarantees and style not in ("text", "json"):
        fail(f"--guarantees is for people and programs: --format text or json, not {style}")
    wish = Wish(style=style, baseline=baseline, strict=strict, today=day, guarantees=guarantees)
    if not watched:
        _check(root, wish)
        return
    from router.cli.watching import watch  # noqa: PLC0415

    refuse_watch(style)
    watch(root, lambda: _check(root, wish))


def _load(root: Path, today: date) -> Checked:
    project, findings = load(root)
    settled = settle(findings, project.texts, today)
    return Checked(
        project=project, findings=settled.told, prefix=prefix_of(root), ignored=settled.ignored
    )


def _check(root: Path, wish: Wish) -> None:
    checked = _load(root, wish.today)
    if wish.baseline is not None:
        agreed = without(wish.baseline, checked.findings, checked.project.texts)
        checked = dataclasses.replace(
            checked, findings=agreed.findings, known=agreed.known, stale=agreed.stale
        )
    if wish.guarantees and not checked.errors:
        checked = dataclasses.replace(checked, guarantees=guarantees_of(checked.project))
    click.echo(_RENDERERS[wish.style](checked))
    for line in checked.stale:
        click.echo(visible(line), err=True)
    if checked.errors or (wish.strict and checked.findings):
        sys.exit(FINDINGS)


def _text(checked: Checked) -> str:
    found = [render(checked.findings, checked.project.texts)] if checked.findings else []
    found += [guarantees_text(checked.guarantees)] if checked.guarantees else []
    return "\n".join([*found, _summary(checked)])


def _summary(checked: Checked) -> str:
    counted = ", ".join(some(n, noun) for noun, n in _counts(checked.project).items())
    warnings = len(checked.findings) - checked.errors
    found = f"{some(checked.errors, 'errors')}, {some(warnings, 'warnings')}"
    known = f"{checked.known} in the baseline" if checked.known else ""
    ignored = f"{len(checked.ignored)} ignored" if checked.ignored else ""
    if silent := ", ".join(filter(None, (known, ignored))):
        found += f" ({silent})"
    return f"{found} in {counted}; revision {checked.project.revision}"


def _json(checked: Checked) -> str:
    data = {
        "findings": [finding_data(one) for one in checked.findings],
        "revision": checked.project.revision,
        "counts": _counts(checked.project),
        "ignored": [
            {**finding_data(one.finding), "until": one.by.until, "reason": one.by.reason}
            for one in checked.ignored
        ],
        "baseline": {"known": checked.known, "stale": list(checked.stale)},
    }
    if checked.guarantees is not None:
        data["guarantees"] = guarantees_data(checked.guarantees)
    return envelope("check", ok=not checked.errors, data=data)


def _sarif(checked: Checked) -> str:
    from router.cli.reports.sarif import Marked, sarif  # noqa: PLC0415

    why = {one.finding: f"until {one.by.until}: {one.by.reason}" for one in checked.ignored}
    found = in_order([*checked.findings, *why])
    marks = fingerprints(found, checked.project.texts)
    marked = [
        Marked(finding=finding, mark=mark, ignored=why.get(finding, ""))
        for finding, mark in zip(found, marks, strict=True)
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
