"""Owns: `router eval`.
Imports: click, config.transforms (expressions, compliance), config.types.
Never: needs a project for an expression that looks nothing up.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import click

from router.cli.common import FINDINGS, fail, format_option, load_sound, project_option
from router.cli.render import envelope, finding_data, render, visible
from router.config.transforms.checks import Vocabulary
from router.config.transforms.compliance import Judged, SuiteError, judge
from router.config.transforms.expressions import Expression, compile_expression
from router.config.transforms.tables import Table
from router.config.types.facts import NONE
from router.config.types.literals import literal
from router.config.types.scopes import Reader, Scope
from router.core.diagnostics import Diagnostic, Place, Report, Severity
from router.core.document import Json
from router.core.errors import MessageError
from router.infra.codecs import decode_json

#: where findings about an expression of the command line stand
_HERE = "expression"


@click.command("eval")
@click.argument("expression", required=False)
@click.argument("file", type=click.File("rb"), required=False)
@click.option(
    "--suite",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Instead: run the cases of JMESPath's compliance suite.",
)
@project_option
@format_option
def evaluate(
    expression: str | None, file: BinaryIO | None, suite: Path | None, root: Path, style: str
) -> None:
    """Evaluate EXPRESSION, as it stands after = in a map, over the JSON in FILE.

    The document is `body`, its fields are body.field. FILE may be - for what is piped in; an
    expression that reads nothing needs none. lookup() finds the tables of the project. A field that
    FILE does not have is null, and told beside the value. Exits with 1 for an expression that is
    none, one that does not fit the document, a case that fails.
    """
    if suite is not None:
        if expression is not None:
            fail("--suite and an expression: say one of them")
        _run_suite(suite, style)
        return
    if expression is None:
        fail("no expression: router eval 'body.lines[0].price' FILE")
    text = expression.removeprefix("=")
    roots: dict[str, Json] = {} if file is None else {"body": _document(file)}
    tables = load_sound(root).tables if "lookup" in text else {}
    place = Place(_HERE)
    vocabulary = Vocabulary(roots=frozenset(roots), tables=tables)
    made, found = compile_expression(text, place, vocabulary)
    if made is None:
        _refuse([finding_data(one) for one in found], render(found, {_HERE: text}), style)
    try:
        value = made(roots)
    except MessageError as error:
        _refuse([{"message": str(error)}], f"router: {error}", style)
    unread = _unread(made, roots, tables)
    if style == "json":
        data: dict[str, Any] = {"value": value}
        data |= {"notes": [finding_data(one) for one in unread]} if unread else {}
        click.echo(envelope("eval", ok=True, data=data))
        return
    click.echo(visible(json.dumps(value, indent=2, ensure_ascii=False)))
    if unread:
        click.echo(visible(render(unread, {_HERE: text})), err=True)


def _unread(
    made: Expression, roots: Mapping[str, Json], tables: Mapping[str, Table]
) -> list[Diagnostic]:
    """Return the fields that an expression reads and the document does not have: each is null."""
    report = Report()
    scope = Scope({name: literal(one) for name, one in roots.items()}, NONE)
    Reader(tables, report).value(made, scope)
    found = (one for one in report.found if one.code == "E190")
    return [replace(one, severity=Severity.WARNING) for one in found]


def _refuse(findings: list[dict[str, Any]], text: str, style: str) -> NoReturn:
    if style == "json":
        click.echo(envelope("eval", ok=False, data={"findings": findings}))
    else:
        click.echo(visible(text), err=True)
    sys.exit(FINDINGS)


def _document(file: BinaryIO) -> Json:
    try:
        return decode_json(file.read())
    except MessageError as error:
        fail(f"{file.name}: {error}")


def _run_suite(folder: Path, style: str) -> None:
    judged = [(path.name, one) for path in sorted(folder.glob("*.json")) for one in _judged(path)]
    if not judged:
        fail(f"no cases in {folder}: the suite is *.json files")
    failed = [(name, one) for name, one in judged if one.complaint]
    if style == "json":
        data: dict[str, Any] = {
            "cases": len(judged),
            "failed": [
                {"file": name, "expression": one.expression, "complaint": one.complaint}
                for name, one in failed
            ],
        }
        click.echo(envelope("eval", ok=not failed, data=data))
    else:
        for name, one in failed:
            click.echo(visible(f"{name}: {one.expression}: {one.complaint}"))
        click.echo(f"{len(judged) - len(failed)} of {len(judged)}")
    if failed:
        sys.exit(FINDINGS)


def _judged(path: Path) -> list[Judged]:
    try:
        return list(judge(json.loads(path.read_bytes())))
    except (ValueError, SuiteError) as error:
        fail(f"{path.name}: no file of the suite: {error}")
