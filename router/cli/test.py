"""Owns: `router test`.
Imports: click, runtime.cases.
Never: needs a server.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from router.cli.common import (
    FINDINGS,
    choose,
    fail,
    format_option,
    load_sound,
    project_option,
    secrets_of,
)
from router.cli.render import envelope, visible
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
@format_option
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
    failed = [result for result in results if result.complaints]
    if style == "json":
        data = {"results": [_data(result) for result in results]}
        click.echo(envelope("test", ok=not failed, data=data))
    else:
        for result in failed:
            click.echo(visible(f"{result.file}:{result.line} FAILED {result.name}"))
            for complaint in result.complaints:
                click.echo(visible(f"    {complaint}"))
        click.echo(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    if failed:
        sys.exit(FINDINGS)


def _data(result: Result) -> dict[str, object]:
    return {
        "file": result.file,
        "line": result.line,
        "name": result.name,
        "passed": not result.complaints,
        "complaints": list(result.complaints),
    }
