"""Owns: `router bench scale`.
Imports: click, cli (benchplaces, common, render, reports.scale), runtime.scale.
Never: prints one figure without its peer.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from router.cli.benchplaces import address_of, broker_option, queues_told, quorum_option, unbroken
from router.cli.common import format_option
from router.cli.render import envelope

F = TypeVar("F", bound=Callable[..., Any])

#: processes of one role
MOST = 16


def _counts(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    """Return numbers of processes, with commas between them."""
    numbers = [int(one) if one.isdecimal() else 0 for one in text.split(",")]
    if not all(1 <= one <= MOST for one in numbers):
        raise click.BadParameter(f"{text!r} is not numbers from 1 to {MOST}, like 1,2")
    return tuple(dict.fromkeys(numbers))


def _option(name: str) -> Callable[[F], F]:
    return click.option(name, default="1,2", metavar="N,...", show_default=True, callback=_counts)


@click.command("scale")
@broker_option
@_option("--routers")
@_option("--workers")
@click.option("--messages", type=click.IntRange(100, 1_000_000), default=20_000, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option("--size", type=click.IntRange(300, 100_000), default=2000, show_default=True)
@quorum_option
@click.option("--store", default="", help="A PostgreSQL of yours; without it a private server.")
@format_option
def scale(
    broker: str, routers: tuple[int, ...], workers: tuple[int, ...], style: str, **how: Any
) -> None:
    """Measure one process that does everything beside several with a role each.

    All of them carry the same messages from a queue to three, with identity, journal and outbox on
    one PostgreSQL. Each number of --routers is measured with each of --workers, beside one ingress
    and one scheduler. CPU and memory are told by process.
    """
    from router.cli.reports.scale import scale_data, scale_lines  # noqa: PLC0415 (as below)
    from router.runtime.scale import Layout, ScalePlan, measure_scale  # noqa: PLC0415 (few need it)

    layouts = [Layout(*both) for both in itertools.product(routers, workers)]
    with unbroken(broker):
        found = measure_scale(ScalePlan(address=address_of(broker), **how), layouts)
    if style == "json":
        click.echo(envelope("bench scale", ok=True, data=scale_data(found, _cores())))
        return
    click.echo(
        "{messages} messages of {size} bytes, {repeats} repeats, ".format(**how)
        + f"{queues_told(quorum=how['quorum'])}, medians; {_cores()} cores for all, the servers too"
    )
    click.echo("\n".join(scale_lines(found)))


def _cores() -> int:
    return os.cpu_count() or 1
