"""Owns: `router bench peers`.
Imports: click, cli (benchplaces, common, render, reports.peers), runtime.peers.
Never: prints one figure without its peer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from router.cli.benchplaces import address_of, broker_option, queues_told, quorum_option, unbroken
from router.cli.common import fail, format_option
from router.cli.render import envelope

#: bytes of the notes: small, usual, large
SIZES = (300, 2000, 20_000)


@click.command("peers")
@broker_option
@click.option("--messages", type=click.IntRange(100, 1_000_000), default=20_000, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option(
    "--size", "sizes", type=click.IntRange(300, 100_000), multiple=True, default=SIZES,
    show_default=True, help="Bytes of a message; may be said several times.",
)  # fmt: skip
@quorum_option
@click.option(
    "--record", is_flag=True,
    help="Our route keeps identity, journal and outbox on PostgreSQL; the peers keep none of it.",
)  # fmt: skip
@click.option(
    "--store", default="", help="With --record: a PostgreSQL of yours; without it a private server."
)
@click.option(
    "--peers", "folder", type=click.Path(path_type=Path), default=Path("benchmarks/peers"),
    show_default=True, help="Folders with peer.py and requirements.txt.",
)  # fmt: skip
@click.option("--only", multiple=True, help="These peers alone; may be said several times.")
@format_option
def peers(broker: str, folder: Path, only: tuple[str, ...], style: str, **how: Any) -> None:
    """Measure our route beside other routers: same broker, queues, bodies and work.

    Each is installed into var/peers once, and runs in a process of its own. Our route has no record
    unless --record is said. Beside speed it says what was lost and doubled when the process was
    killed half way.
    """
    from router.cli.reports.peers import peers_data, peers_lines  # noqa: PLC0415 (as below)
    from router.runtime.peers import Plan, measure_peers, peers_in  # noqa: PLC0415 (few need it)

    if how["store"] and not how["record"]:
        fail("--store says where --record keeps its rows: say --record, too")
    with unbroken(broker):
        names = peers_in(folder)
        if unknown := sorted({*only} - {*names}):
            fail(f"no peer {', '.join(unknown)} in {folder}: {', '.join(names)}")
        chosen = [one for one in names if not only or one in only]
        plan = Plan(address=address_of(broker), **how)
        found = measure_peers(plan, folder, Path("var/peers"), chosen)
    if style == "json":
        click.echo(envelope("bench peers", ok=True, data=peers_data(found)))
        return
    kept = "a record on PostgreSQL here" if how["record"] else "no record"
    queues = queues_told(quorum=how["quorum"])
    click.echo("{messages} messages, {repeats} repeats, ".format(**how) + f"{queues}, {kept}")
    click.echo("\n".join(peers_lines(found, queues)))
