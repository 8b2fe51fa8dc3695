"""Owns: `router test`.
Imports: click, runtime.cases, cli.reports.
Never: needs a server.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
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
from router.cli.render import envelope, visible
from router.core.diagnostics import Place
from router.runtime.cases import Result, run_cases
from router.runtime.examples import check_examples
from router.runtime.wiring import open_adapters


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
@formats("junit", "github")
def test(root: Path, environment: str, only: str | None, style: str) -> None:
    """Run every *.test.yaml beside routes, flows and systems, and the examples of contracts.

    Retries take no time: the clock is virtual. Nothing is called: systems are mocked. Exits with 1
    when a test fails.
    """
    project = load_sound(root)
    settings = choose(project, environment)
    adapters = open_adapters(project, settings, secrets_of(project))
    wanted = only or ""
    results = [
        *run_cases(project, settings, adapters, wanted),
        *check_examples(project, wanted),
    ]
    if only is not None and not results:
        fail(f"no test has {only} in its file or name")
    click.echo(_RENDERERS[style](results, prefix_of(root)))
    if any(result.complaints for result in results):
        sys.exit(FINDINGS)


def _text(results: Sequence[Result], _prefix: str) -> str:
    lines = []
    for result in results:
        if result.complaints:
            lines.append(visible(f"{result.file}:{result.line} FAILED {result.name}"))
            lines += [visible(f"    {one}") for one in result.complaints]
    return "\n".join([*lines, _summary(results)])


def _summary(results: Sequence[Result]) -> str:
    failed = sum(bool(result.complaints) for result in results)
    return f"{len(results) - failed} passed, {failed} failed"


def _json(results: Sequence[Result], _prefix: str) -> str:
    ok = not any(result.complaints for result in results)
    return envelope("test", ok=ok, data={"results": [_data(result) for result in results]})


def _junit(results: Sequence[Result], prefix: str) -> str:
    """Return one suite a file, one case a test."""
    from router.cli.reports.junit import Suite, TestCase, junit  # noqa: PLC0415

    by_file: dict[str, list[TestCase]] = {}
    for one in results:
        case = TestCase(
            name=one.name,
            file=prefix + one.file,
            line=one.line,
            seconds=one.seconds,
            failure="\n".join(one.complaints),
        )
        by_file.setdefault(one.file, []).append(case)
    suites = [Suite(name=name, cases=tuple(cases)) for name, cases in by_file.items()]
    return junit(suites, "router test")


def _github(results: Sequence[Result], prefix: str) -> str:
    from router.cli.reports.github import Note, commands  # noqa: PLC0415

    notes = [
        Note(
            level="error",
            place=Place(one.file, one.line),
            title=one.name,
            text="\n".join(one.complaints),
        )
        for one in results
        if one.complaints
    ]
    return "\n".join([*commands(notes, prefix), _summary(results)])


_RENDERERS = {"text": _text, "json": _json, "junit": _junit, "github": _github}


def _data(result: Result) -> dict[str, object]:
    return {
        "file": result.file,
        "line": result.line,
        "name": result.name,
        "passed": not result.complaints,
        "complaints": list(result.complaints),
    }
