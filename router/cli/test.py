"""Owns: `router test`.
Imports: click, runtime.cases, runtime.coverage, cli.reports.
Never: needs a server.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import click

from router.cli.common import (
    FINDINGS,
    choose,
    fail,
    formats,
    load_sound,
    prefix_of,
    project_option,
    secrets_of,
)
from router.cli.coverage import coverage_data, coverage_text, said
from router.cli.render import envelope, visible
from router.config.project import Project
from router.core.diagnostics import Place
from router.runtime.cases import Result, Rig, run_cases
from router.runtime.coverage.coverage import Coverage, coverage_of
from router.runtime.coverage.marks import Marks
from router.runtime.examples import check_examples
from router.runtime.wiring import open_adapters


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the options ask for: which tests, whether coverage is measured, the least of it."""

    environment: str
    only: str | None
    coverage: bool
    least: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What came of the tests. `prefix` leads from this folder to the project."""

    results: Sequence[Result]
    coverage: Coverage | None
    least: Decimal | None
    prefix: str

    @property
    def failed(self) -> int:
        """Return how many tests have failed."""
        return sum(bool(one.complaints) for one in self.results)

    @property
    def ok(self) -> bool:
        """Return whether all passed, and show enough."""
        if self.failed:
            return False
        if self.coverage is None or self.least is None:
            return True
        return self.coverage.whole.reaches(self.least)


@click.command("test")
@project_option
@click.option(
    "--env",
    "-e",
    "environment",
    default="test",
    show_default=True,
    help="Which file of routes/environments/ gives env and settings.",
)
@click.option("--only", metavar="TEXT", help="Only tests whose file or name holds TEXT.")
@click.option("--coverage", is_flag=True, help="Tell what no test shows, with its place.")
@click.option(
    "--min",
    "least",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail when the tests show less; means --coverage.",
)
@formats("junit", "github")
def test(
    root: Path,
    environment: str,
    only: str | None,
    least: float | None,
    style: str,
    *,
    coverage: bool,
) -> None:
    """Run every *.test.yaml beside routes, flows and systems, and the examples of contracts.

    Retries take no time: the clock is virtual. Nothing is called: systems are mocked. Exits with 1
    when a test fails.
    """
    wish = Wish(
        environment=environment,
        only=only,
        coverage=coverage or least is not None,
        least=None if least is None else Decimal(str(least)),
    )
    tested = _run(load_sound(root), wish, prefix_of(root))
    click.echo(_RENDERERS[style](tested))
    if not tested.ok:
        sys.exit(FINDINGS)


def _run(project: Project, wish: Wish, prefix: str) -> Tested:
    settings = choose(project, wish.environment)
    rig = Rig(
        project=project,
        environment=settings,
        adapters=open_adapters(project, settings, secrets_of(project)),
        marks=Marks(project) if wish.coverage else None,
    )
    only = wish.only or ""
    results = [*run_cases(rig, only), *check_examples(project, only)]
    if wish.only is not None and not results:
        fail(f"no test has {wish.only} in its file or name")
    coverage = None if rig.marks is None else coverage_of(rig.marks)
    return Tested(results=results, coverage=coverage, least=wish.least, prefix=prefix)


def _text(tested: Tested) -> str:
    lines = []
    for result in tested.results:
        if result.complaints:
            lines.append(visible(f"{result.file}:{result.line} FAILED {result.name}"))
            lines += [visible(f"    {one}") for one in result.complaints]
    return "\n".join([*lines, *_summary(tested)])


def _summary(tested: Tested) -> list[str]:
    lines = [f"{len(tested.results) - tested.failed} passed, {tested.failed} failed"]
    if tested.coverage is not None:
        lines.append(coverage_text(tested.coverage, tested.least))
    return lines


def _json(tested: Tested) -> str:
    data: dict[str, object] = {"results": [_data(result) for result in tested.results]}
    if tested.coverage is not None:
        data["coverage"] = coverage_data(tested.coverage)
    return envelope("test", ok=tested.ok, data=data)


def _junit(tested: Tested) -> str:
    """Return one suite a file, one case a test; what no test shows is told beside it."""
    from router.cli.reports.junit import Suite, TestCase, junit  # noqa: PLC0415

    if tested.coverage is not None:
        click.echo(coverage_text(tested.coverage, tested.least), err=True)
    by_file: dict[str, list[TestCase]] = {}
    for one in tested.results:
        case = TestCase(
            name=one.name,
            file=tested.prefix + one.file,
            line=one.line,
            seconds=one.seconds,
            failure="\n".join(one.complaints),
        )
        by_file.setdefault(one.file, []).append(case)
    suites = [Suite(name=name, cases=tuple(cases)) for name, cases in by_file.items()]
    return junit(suites, "router test")


def _github(tested: Tested) -> str:
    from router.cli.reports.github import Note, commands  # noqa: PLC0415

    notes = [
        Note(
            level="error",
            place=Place(one.file, one.line),
            title=one.name,
            text="\n".join(one.complaints),
        )
        for one in tested.results
        if one.complaints
    ]
    notes += [
        Note(level="notice", place=left.place, title="not tested", text=said(left))
        for left in (tested.coverage.first if tested.coverage is not None else ())
    ]
    return "\n".join([*commands(notes, tested.prefix), *_summary(tested)])


_RENDERERS = {"text": _text, "json": _json, "junit": _junit, "github": _github}


def _data(result: Result) -> dict[str, object]:
    return {
        "file": result.file,
        "line": result.line,
        "name": result.name,
        "passed": not result.complaints,
        "complaints": list(result.complaints),
    }
