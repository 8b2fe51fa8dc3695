"""Owns: `router test`.
Imports: click, runtime.cases, runtime.scenarios, runtime.coverage, cli.reports.
Never: needs a server.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
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
    refuse_watch,
    secrets_of,
    watch_option,
)
from router.cli.coverage import coverage_data, coverage_text, said
from router.cli.goldens import refuse_in_ci, updated_data, updated_text
from router.cli.goldens import update as update_golden
from router.cli.render import envelope, visible
from router.config.project import Project
from router.core.diagnostics import Place
from router.runtime.cases import Result, Rig, run_cases
from router.runtime.coverage.coverage import Coverage, coverage_of
from router.runtime.coverage.marks import Marks
from router.runtime.examples import check_examples
from router.runtime.exercise.exercise import Wanted
from router.runtime.exercise.session import Session
from router.runtime.golden import Rewritten
from router.runtime.scenarios import run_scenarios
from router.runtime.wiring import open_adapters


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the options ask for: which tests, whether coverage is measured, the least of it."""

    environment: str
    only: str | None
    coverage: bool
    least: Decimal | None
    update: bool
    #: documents that are generated for each route, flow and operation, and their seed
    generate: int
    seed: str
    keep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What came of the tests. `prefix` leads from this folder to the project."""

    command: str = "test"

    results: Sequence[Result]
    coverage: Coverage | None
    least: Decimal | None
    prefix: str
    updated: Sequence[Rewritten]
    #: runs over generated documents by what came of them
    generated: Mapping[str, int]

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
@click.option("--update", is_flag=True, help="Write golden files anew; nothing else.")
@click.option("--force", is_flag=True, help="Let --update write where the variable CI is set.")
@click.option(
    "--generate",
    type=click.IntRange(1, 10_000),
    is_flag=False,
    flag_value=100,
    default=None,
    metavar="[N]",
    help="Run every route, flow and operation over N generated documents; 100 when N is not said.",
)
@click.option(
    "--seed",
    default="1",
    show_default=True,
    metavar="TEXT",
    help="Another seed generates other documents, the same one the same.",
)
@click.option("--keep", is_flag=True, help="Write what fails beside its contract, to run it first.")
@watch_option
@formats("junit", "github")
def test(
    root: Path,
    environment: str,
    only: str | None,
    least: float | None,
    style: str,
    generate: int | None,
    seed: str,
    *,
    coverage: bool,
    update: bool,
    force: bool,
    keep: bool,
    watched: bool,
) -> None:
    """Run every *.test.yaml beside what it tests, and the examples of contracts.

    Retries take no time: the clock is virtual. Nothing is called: systems are mocked. What a
    generated document broke and was kept is run again each time. Exits with 1 when a test fails.
    """
    wish = Wish(
        environment=environment,
        only=only,
        coverage=coverage or least is not None,
        least=None if least is None else Decimal(str(least)),
        update=update,
        generate=generate or 0,
        seed=seed,
        keep=keep,
    )
    _refuse(wish, force=force)
    if not watched:
        _test(root, wish, style)
        return
    from router.cli.watching import watch  # noqa: PLC0415

    refuse_watch(style)
    if update:
        fail("--watch and --update: a file that is written would be the next change")
    watch(root, lambda: _test(root, wish, style))


def _refuse(wish: Wish, *, force: bool) -> None:
    """End the command where it would write and nobody looks, or has nothing to write."""
    if wish.update or wish.keep:
        refuse_in_ci(os.environ, force=force)
    if wish.keep and not wish.generate:
        fail("--keep without --generate: nothing is generated that could fail")


def _test(root: Path, wish: Wish, style: str) -> None:
    tested = _run(load_sound(root), wish, prefix_of(root))
    click.echo(RENDERERS[style](tested))
    if not tested.ok:
        sys.exit(FINDINGS)


def _run(project: Project, wish: Wish, prefix: str) -> Tested:
    settings = choose(project, wish.environment)
    adapters = open_adapters(project, settings, secrets_of(project))
    rig = Rig(
        project=project,
        environment=settings,
        adapters=adapters,
        marks=Marks(project) if wish.coverage else None,
    )
    only = wish.only or ""
    try:
        results = [*run_cases(rig, only), *run_scenarios(project, only)]
        results += check_examples(project, only)
        session = Session(rig, Wanted(most=wish.generate, seed=wish.seed), keeps=wish.keep)
        results += session.run(only)
    finally:
        for adapter in adapters.values():
            adapter.close()
    if wish.only is not None and not results:
        fail(f"no test has {wish.only} in its file or name")
    updated: list[Rewritten] = []
    if wish.update:
        results, updated = update_golden(project, results)
    return Tested(
        results=results,
        coverage=None if rig.marks is None else coverage_of(rig.marks),
        least=wish.least,
        prefix=prefix,
        updated=updated,
        generated=dict(sorted(session.words.items())),
    )


def _text(tested: Tested) -> str:
    lines = []
    for result in tested.results:
        if result.complaints:
            lines.append(visible(f"{result.file}:{result.line} FAILED {result.name}"))
            lines += [visible(f"    {one}") for one in result.complaints]
    return "\n".join([*lines, *updated_text(tested.updated), *_summary(tested)])


def _summary(tested: Tested) -> list[str]:
    lines = [f"{len(tested.results) - tested.failed} passed, {tested.failed} failed"]
    if tested.generated:
        told = ", ".join(f"{count} {word}" for word, count in tested.generated.items())
        lines.append(f"generated {sum(tested.generated.values())} runs: {told}")
    if tested.coverage is not None:
        lines.append(coverage_text(tested.coverage, tested.least))
    return lines


def _json(tested: Tested) -> str:
    data: dict[str, object] = {"results": [_data(result) for result in tested.results]}
    if tested.updated:
        data["updated"] = updated_data(tested.updated)
    if tested.generated:
        data["generated"] = dict(tested.generated)
    if tested.coverage is not None:
        data["coverage"] = coverage_data(tested.coverage)
    return envelope(tested.command, ok=tested.ok, data=data)


def _junit(tested: Tested) -> str:
    """Return one suite a file, one case a test; what no test shows is told beside it."""
    from router.cli.reports.junit import Suite, TestCase, junit  # noqa: PLC0415

    if tested.coverage is not None:
        click.echo(coverage_text(tested.coverage, tested.least), err=True)
    for line in updated_text(tested.updated):
        click.echo(line, err=True)
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
    return junit(suites, f"router {tested.command}")


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
    notes += [
        Note(level="notice", place=Place(one.file), title="golden file", text="was written anew")
        for one in tested.updated
    ]
    return "\n".join([*commands(notes, tested.prefix), *_summary(tested)])


#: how results are printed, by --format
RENDERERS = {"text": _text, "json": _json, "junit": _junit, "github": _github}


def _data(result: Result) -> dict[str, object]:
    return {
        "file": result.file,
        "line": result.line,
        "name": result.name,
        "passed": not result.complaints,
        "complaints": list(result.complaints),
    }
