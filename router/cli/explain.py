"""Owns: `router explain`.
Imports: click, config.catalogue.
Never: needs a project.
"""

from __future__ import annotations

import click

from router.cli.common import fail, format_option
from router.cli.render import envelope
from router.config.catalogue import load_catalogue
from router.core.diagnostics import nearest


@click.command("explain")
@click.argument("code", required=False)
@format_option
def explain(code: str | None, style: str) -> None:
    """Say why the finding CODE matters, with an example and its mending. Without CODE: list all."""
    catalogue = load_catalogue()
    if code is None:
        if style == "json":
            data = {"codes": {one.code: one.title for one in catalogue.values()}}
            click.echo(envelope("explain", ok=True, data=data))
        else:
            click.echo("\n".join(f"{one.code}  {one.title}" for one in catalogue.values()))
        return
    found = catalogue.get(code.upper())
    if found is None:
        fail(f"no code {code}: {nearest(code.upper(), catalogue)}")
    if style == "json":
        shown = {
            "code": found.code,
            "title": found.title,
            "why": found.why,
            "wrong": found.wrong,
            "right": found.right,
        }
        click.echo(envelope("explain", ok=True, data=shown))
        return
    click.echo(f"{found.code}  {found.title}\n\n{found.why.strip()}\n")
    if found.wrong:
        click.echo("Wrong:\n" + _indented(found.wrong))
    if found.right:
        click.echo("Right:\n" + _indented(found.right))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines()) + "\n"
