"""Owns: `router trace`.
Imports: click, cli.reading, runtime.journey.
Never: shows a payload.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from router.cli.common import FINDINGS, format_option, load_sound, place_options
from router.cli.reading import reading
from router.cli.render import envelope, visible
from router.runtime.journey import MOST, journey_lines, journeys


@click.command("trace")
@click.argument("word")
@place_options
@format_option
def trace(word: str, root: Path, environment: str, style: str) -> None:
    """Follow a transaction from the door to the last system.

    WORD is a correlation id, a message id, or any number by which the transaction is known: order,
    return, document.
    """
    project = load_sound(root)
    with reading(project, environment) as reader:
        found = journeys(reader, word)
        more = len(reader.correlations(word)) - MOST if len(found) == MOST else 0
    if style == "json":
        data = {"journeys": found, "more": more}
        click.echo(envelope("trace", ok=bool(found), data=data))
    elif found:
        click.echo("\n\n".join(visible("\n".join(journey_lines(one))) for one in found))
        if more:
            click.echo(f"\nand {more} more transactions: take a word that fewer share")
    else:
        click.echo(visible(f"nothing is known by {word}"), err=True)
    if not found:
        sys.exit(FINDINGS)
