"""Owns: `router topology`.
Imports: click, config.topology, cli.common.
Never: speaks to a broker.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from router.cli.common import choose, load_sound, place_options
from router.cli.render import envelope
from router.config.topology import DEAD, Topology, definitions, topology_of


@click.command("topology")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "rabbitmq"]),
    default="text",
    show_default=True,
    help="How to print; rabbitmq: definitions that the broker imports.",
)
@click.option("--vhost", default="/", show_default=True, help="Where in the broker: rabbitmq.")
@place_options
def topology(style: str, vhost: str, root: Path, environment: str) -> None:
    """Say what a shared broker must hold: a queue for each channel, flow and system.

    All are quorum queues; what dies goes to the queue `dead` and leaves its own when it is there.
    A channel with `order_by` has several, each with one consumer at a time. Queues of others that
    channels take from are listed, and never declared.
    """
    project = load_sound(root)
    made = topology_of(project, choose(project, environment))
    if style == "rabbitmq":
        click.echo(json.dumps(definitions(made, vhost), indent=2))
    elif style == "json":
        queues = [
            {
                "name": one.name,
                "exchange": one.exchange,
                "key": one.key,
                "for": one.taker,
                "arguments": dict(one.arguments),
            }
            for one in made.queues
        ]
        foreign = [
            {"name": one.name, "for": one.taker, "broker": one.broker} for one in made.foreign
        ]
        data = {"exchanges": list(made.exchanges), "queues": queues, "foreign": foreign}
        click.echo(envelope("topology", ok=True, data=data))
    else:
        click.echo(_text(made))


def _text(made: Topology) -> str:
    rows = [
        (one.name, f"{one.exchange} {one.key}", one.taker, "one at a time" if one.single else "any")
        for one in made.queues
    ]
    lines = _columns([("queue", "exchange and key", "for", "consumers"), *rows])
    shared = made.queues[0].arguments
    said = ", ".join(f"{key} {shared[key]}" for key in shared if key != "x-single-active-consumer")
    lines += ["", f"each but {DEAD}: durable, {said}"]
    if made.foreign:
        foreign = [(one.name, one.broker, one.taker) for one in made.foreign]
        heads = ("queue of others", "broker", "for")
        lines += ["", *_columns([heads, *foreign]), "", "they must be there: none is declared"]
    return "\n".join(lines)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
