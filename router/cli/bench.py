"""Owns: `router bench`.
Imports: click, cli (benchplaces, and its commands in other files), runtime (bench, growth, profile,
wide).
Never: prints one figure without its peer.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import click

from router.cli.benchlives import lives
from router.cli.benchmaps import transforms
from router.cli.benchpeers import peers
from router.cli.benchplaces import (
    address_of,
    broker_option,
    place_option,
    queues_told,
    quorum_option,
    store_option,
    unbroken,
)
from router.cli.benchscale import scale
from router.cli.benchturns import turns
from router.cli.common import fail, format_option
from router.cli.render import envelope
from router.core.errors import Unavailable
from router.runtime.bench import Figures, measure_embedded
from router.runtime.growth import FEW, Growth, measure_growth
from router.runtime.profile import profile
from router.runtime.wide import measure_check

if TYPE_CHECKING:  # the others are loaded when they are asked for
    from router.runtime.burst import Burst

#: a smaller share of the time is not shown
LEAST = 0.01


@click.group("bench")
def bench() -> None:
    """Measure on this machine; ratios count, single figures drift with what else runs."""


bench.add_command(transforms)
bench.add_command(turns)
bench.add_command(lives)
bench.add_command(peers)
bench.add_command(scale)


@bench.command("embedded")
@click.option("--messages", type=click.IntRange(256, 1_000_000), default=4000, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option("--profile", "profiled", is_flag=True, help="Say where the time goes, too.")
@format_option
def embedded(messages: int, repeats: int, style: str, *, profiled: bool) -> None:
    """Measure the whole embedded pipeline beside a bare loop with the same rows and fsyncs.

    A message is taken, validated, transformed, published, routed by a flow, and its command is on
    disk; no system is called.
    """
    figures = measure_embedded(messages, repeats)
    shares = profile(messages) if profiled else {}
    _tell("bench embedded", figures, messages, style, shares)


@bench.command("postgres")
@click.option("--messages", type=click.IntRange(256, 1_000_000), default=4000, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option("--profile", "profiled", is_flag=True, help="Say where the time goes, too.")
@store_option
@format_option
def postgres(messages: int, repeats: int, address: str, style: str, *, profiled: bool) -> None:
    """Measure the pipeline on PostgreSQL beside a bare loop with the same rows and commits.

    Tables are made in schemas of their own, which go afterwards. Without --store the server of
    this machine's packages is started for it, with a folder and a port of its own.
    """
    from router.runtime.serverbench import measure_postgres, profile_postgres  # noqa: PLC0415

    try:
        figures = measure_postgres(messages, repeats, address)
        shares = profile_postgres(messages, address) if profiled else {}
    except Unavailable as error:
        fail(str(error))
    _tell("bench postgres", figures, messages, style, shares)


def _tell(
    command: str, figures: Figures, messages: int, style: str, shares: Mapping[str, float]
) -> None:
    pipeline, bare = statistics.median(figures.pipeline), statistics.median(figures.bare)
    if style == "json":
        data = {
            "pipeline": figures.pipeline, "bare": figures.bare, "ratio": figures.ratio,
            "pipeline_cpu_us": figures.pipeline_cpu, "bare_cpu_us": figures.bare_cpu,
            "profile": shares,
        }  # fmt: skip
        click.echo(envelope(command, ok=True, data=data))
        return
    cpu = statistics.median(figures.pipeline_cpu), statistics.median(figures.bare_cpu)
    click.echo(f"{messages} messages, {len(figures.pipeline)} repeats, medians")
    click.echo(f"pipeline   {pipeline:8.0f} messages/s   {cpu[0]:6.0f} us of CPU a message")
    click.echo(f"bare loop  {bare:8.0f} messages/s   {cpu[1]:6.0f} us of CPU a message")
    click.echo(f"ratio      {figures.ratio:8.2f}")
    for name, share in shares.items():
        if share >= LEAST:
            click.echo(f"{share:10.0%}  {name}")


@bench.command("rabbitmq")
@broker_option
@click.option("--messages", type=click.IntRange(256, 1_000_000), default=20_000, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@quorum_option
@format_option
def rabbitmq(broker: str, messages: int, repeats: int, style: str, *, quorum: bool) -> None:
    """Measure a route without a record over a broker, beside a bare loop with the same queues.

    Notes of 1.2 kB are taken, validated, mapped, looked at by three flows, published to one of
    three queues, and acknowledged when that is confirmed. The queues are made, and taken away.
    """
    from router.runtime.brokerspeed import measure_broker  # noqa: PLC0415 (a library that few need)

    with unbroken(broker):
        figures = measure_broker(address_of(broker), messages, repeats, quorum=quorum)
    if style == "json":
        data = {
            "route": figures.route, "bare": figures.bare, "ratio": figures.ratio,
            "route_cpu_s": figures.route_cpu, "bare_cpu_s": figures.bare_cpu,
        }  # fmt: skip
        click.echo(envelope("bench rabbitmq", ok=True, data=data))
        return
    click.echo(f"{messages} messages, {repeats} repeats, {queues_told(quorum=quorum)}, medians")
    for name, rate, cpu in (
        ("route", figures.route, figures.route_cpu),
        ("bare loop", figures.bare, figures.bare_cpu),
    ):
        told = f"{statistics.median(rate):8.0f} messages/s   {statistics.median(cpu):6.3f} s of CPU"
        click.echo(f"{name:11}{told} a thousand messages")
    click.echo(f"ratio      {figures.ratio:8.2f}")


@bench.command("growth")
@click.option("--messages", type=click.IntRange(256, 100_000), default=4000, show_default=True)
@click.option(
    "--stored", type=click.IntRange(FEW + 1, 100_000_000), default=1_000_000, show_default=True
)
@click.option("--repeats", type=click.IntRange(1, 50), default=3, show_default=True)
@place_option
@store_option
@format_option
def growth(messages: int, stored: int, repeats: int, style: str, place: str, address: str) -> None:
    """Measure a message in a store of a thousand journaled ones and in one of many.

    And what a trace takes there. A million of them take about a gigabyte of disk for a while.
    """
    found = _growth(place, address)(messages, stored, repeats)
    slow = max(found.traces)
    if style == "json":
        data = {
            "few_cpu_us": found.few, "many_cpu_us": found.many, "ratio": found.ratio,
            "few": found.few_rate, "many": found.many_rate, "rate_ratio": found.rate_ratio,
            "trace_ms": statistics.median(found.traces), "slowest_trace_ms": slow,
            "more_us": found.more, "bare_more_us": found.bare_more,
        }  # fmt: skip
        click.echo(envelope("bench growth", ok=True, data=data))
        return
    click.echo(f"{messages} messages, {repeats} repeats, medians")
    for size, cpu, rate in (
        (FEW, found.few, found.few_rate),
        (stored, found.many, found.many_rate),
    ):
        told = (
            f"{statistics.median(rate):8.0f} messages/s   {statistics.median(cpu):6.0f} us of CPU"
        )
        click.echo(f"after {size:>9}  {told} a message")
    click.echo(f"ratio            {found.ratio:8.2f} of CPU, {found.rate_ratio:.2f} of time")
    if found.bare:
        beside = f"{found.bare_more:.0f} us in a loop that only writes the same rows"
        click.echo(f"more             {found.more:8.0f} us of CPU a message, {beside}")
    click.echo(f"a trace          {statistics.median(found.traces):8.1f} ms, slowest {slow:.1f} ms")


def _growth(place: str, address: str) -> Callable[[int, int, int], Growth]:
    """Return what measures growth there."""
    if place == "sqlite" and not address:
        return measure_growth
    from router.runtime.serverbench import measure_server_growth  # noqa: PLC0415

    return partial(measure_server_growth, address=address)


@bench.command("latency")
@click.option("--messages", type=click.IntRange(100, 100_000), default=1000, show_default=True)
@click.option("--rate", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option(
    "--broker", default="", help="Messages come over a queue of this broker: env:NAME or file:NAME."
)
@quorum_option
@place_option
@store_option
@format_option
def latency(style: str, place: str, address: str, broker: str, *, quorum: bool, **how: int) -> None:
    """Measure how long a message takes through a daemon, at so many messages a second.

    From the moment it leaves its sender to the far side's first look at the command's request;
    beside it the same straight from the sender to the far side. With --broker the sender puts it
    into a queue, and straight is as without.
    """
    from router.runtime.latency import measure_latency  # noqa: PLC0415
    from router.runtime.outside import Setting  # noqa: PLC0415

    if quorum and not broker:
        fail("--quorum says what the queue is like: say --broker, too")
    with unbroken(broker):
        at = address_of(broker) if broker else ""
        where = Setting(server=place == "postgres", address=address, broker=at)
        found = measure_latency(**how, where=where, quorum=quorum)
    if style == "json":
        data = {"through_ms": found.through, "straight_ms": found.straight}
        click.echo(envelope("bench latency", ok=True, data=data))
        return
    over = f", over {queues_told(quorum=quorum)}" if broker else ""
    click.echo(
        "{messages} messages at {rate}/s{over}, {repeats} repeats, medians".format(**how, over=over)
    )
    for percent in (50, 99, 100):
        through, straight = found.at(percent)
        click.echo(f"p{percent:<3} {through:8.1f} ms, straight {straight:.1f} ms")


@bench.command("burst")
@click.option("--rate", type=click.IntRange(1, 1000), default=10, show_default=True)
@click.option("--times", type=click.IntRange(5, 100), default=10, show_default=True)
@click.option("--seconds", type=click.IntRange(2, 3600), default=60, show_default=True)
@place_option
@store_option
@format_option
def burst(style: str, place: str, address: str, **how: int) -> None:
    """Measure a burst into a slow system: so many times the rate, for so many seconds.

    The system takes four times the rate. What waits, how long, what the process holds, and how long
    it takes until no more waits than before. It fails where a message is lost, comes twice or
    behind a later one of its order key.
    """
    from router.runtime.burst import measure_burst  # noqa: PLC0415

    try:
        found = measure_burst(**how, server=place == "postgres", address=address)
    except Unavailable as error:
        fail(str(error))
    click.echo(_burst_data(found) if style == "json" else _burst_told(found, **how))
    if not found.is_sound:
        fail("messages were lost, came twice, or behind a later one of their key")


def _burst_data(found: Burst) -> str:
    before, most, after = found.memory
    oldest, left = found.age
    data = {
        "sent": found.sent, "lost": found.lost, "doubled": found.doubled,
        "disordered": found.disordered, "takes": found.takes, "waiting": found.waiting,
        "oldest_s": oldest, "oldest_after_s": left, "recovery_s": found.recovery,
        "least_recovery_s": found.least, "memory_before": before, "memory_most": most,
        "memory_after": after,
        "looks": [
            [one.at - found.looks[0].at, one.waiting, one.age, one.memory] for one in found.looks
        ],
    }  # fmt: skip
    return envelope("bench burst", ok=found.is_sound, data=data)


def _burst_told(found: Burst, rate: int, times: int, seconds: int) -> str:
    before, most, after = (one / 1e6 for one in found.memory)
    oldest, left = found.age
    return (
        f"{times} x {rate}/s for {seconds} s into a system that takes {found.takes:.0f}/s\n"
        f"messages   {found.sent} sent, {found.lost} lost, {found.doubled} twice, "
        f"{found.disordered} out of order\n"
        f"waiting    {found.waiting} at most, the oldest {oldest:.1f} s; {left:.1f} s at last\n"
        f"recovered  after {found.recovery:.1f} s, the system alone needs {found.least:.1f} s\n"
        f"memory     {before:.1f} MB before, {most:.1f} MB at most, {after:.1f} MB at last"
    )


@bench.command("check")
@click.option("--channels", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--kinds", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@format_option
def check(channels: int, kinds: int, repeats: int, style: str) -> None:
    """Measure what a wide project takes to check, beside reading its texts alone.

    Every kind has a transform of ten fields of its own.
    """
    found = measure_check(channels, kinds, repeats)
    if style == "json":
        data = {
            "routes": found.routes, "check_s": found.check, "floor_s": found.floor,
            "ratio": found.ratio,
        }  # fmt: skip
        click.echo(envelope("bench check", ok=True, data=data))
        return
    click.echo(f"{found.routes} routes, {repeats} repeats, medians")
    click.echo(f"check            {statistics.median(found.check):8.2f} s")
    click.echo(f"yaml and json    {statistics.median(found.floor):8.2f} s")
    click.echo(f"ratio            {found.ratio:8.1f}")
