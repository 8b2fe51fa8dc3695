"""Owns: `router bench`.
Imports: click, runtime.bench.
Never: prints one figure without its peer.
"""

from __future__ import annotations

import statistics

import click

from router.cli.common import format_option
from router.cli.render import envelope
from router.runtime.bench import measure_embedded


@click.group("bench")
def bench() -> None:
    """Measure on this machine; ratios count, single figures drift with what else runs."""


@bench.command("embedded")
@click.option("--messages", type=click.IntRange(256, 1_000_000), default=4000, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@format_option
def embedded(messages: int, repeats: int, style: str) -> None:
    """Measure the whole embedded pipeline beside a bare loop with the same rows and fsyncs.

    A message is taken, validated, transformed, published, routed by a flow, and its command is on
    disk; no system is called.
    """
    figures = measure_embedded(messages, repeats)
    pipeline, bare = statistics.median(figures.pipeline), statistics.median(figures.bare)
    if style == "json":
        data = {
            "pipeline": figures.pipeline, "bare": figures.bare, "ratio": figures.ratio,
            "pipeline_cpu_us": figures.pipeline_cpu, "bare_cpu_us": figures.bare_cpu,
        }  # fmt: skip
        click.echo(envelope("bench embedded", ok=True, data=data))
        return
    cpu = statistics.median(figures.pipeline_cpu), statistics.median(figures.bare_cpu)
    click.echo(f"{messages} messages, {repeats} repeats, medians")
    click.echo(f"pipeline   {pipeline:8.0f} messages/s   {cpu[0]:6.0f} us of CPU a message")
    click.echo(f"bare loop  {bare:8.0f} messages/s   {cpu[1]:6.0f} us of CPU a message")
    click.echo(f"ratio      {figures.ratio:8.2f}")
