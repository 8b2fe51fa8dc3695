"""Owns: `router trace`.
Imports: click, cli, runtime (journey, outlook).
Never: shows a payload.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from router.cli.common import FINDINGS, format_option, load_sound, place_options
from router.cli.instances import looking
from router.cli.render import envelope, visible
from router.runtime.journey import MOST, journey_lines, journeys
from router.runtime.outlook import brief_lines, brief_of, instances_of


@click.command("trace")
@click.argument("word")
@place_options
@format_option
def trace(word: str, root: Path, environment: str, style: str) -> None:
    """Follow a transaction from the door to the last system.

    WORD is a correlation id, a message id, or any number by which the transaction is known: order,
    return, document. Instances of workflows that it is about come first: what each waits for, since
    when, until when, and who can act.
    """
    project = load_sound(root)
    with looking(project, environment) as (reader, definitions):
        found = journeys(reader, word)
        more = len(reader.correlations(word)) - MOST if len(found) == MOST else 0
        entries = [entry for one in found for entry in one["entries"]]
        kept = instances_of(reader, project.workflows, word, entries)
        instances = [
            brief_of(one, definitions.by_mark(one.mark, one.workflow, reader))
            for one in kept[:MOST]
        ]
    known = bool(found or instances)
    if style == "json":
        data = {"journeys": found, "more": more, "instances": instances}
        click.echo(envelope("trace", ok=known, data=data))
    elif known:
        told = [visible("\n".join(brief_lines(one))) for one in instances]
        told += [visible("\n".join(journey_lines(one))) for one in found]
        click.echo("\n\n".join(told))
        if more:
            click.echo(f"\nand {more} more transactions: take a word that fewer share")
    else:
        click.echo(visible(f"nothing is known by {word}"), err=True)
    if not known:
        sys.exit(FINDINGS)
