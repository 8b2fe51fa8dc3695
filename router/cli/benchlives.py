"""Owns: `router bench lives`.
Imports: click, cli (benchplaces, benchturns, common, render), runtime.lifespeed.
Never: prints one figure without its peer.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from router.cli.benchplaces import place_option, store_option
from router.cli.benchturns import scenarios_of
from router.cli.common import fail, format_option, load_sound, project_option
from router.cli.render import envelope
from router.core.errors import Unavailable
from router.infra.store.database import Database
from router.runtime.lifespeed import FEW, Ground, LifeSpeed, measure_lives
from router.runtime.turnspeed import NothingToPlay


@click.command("lives")
@click.argument("name", required=False)
@click.option(
    "--scenario", metavar="TEXT", default="", help="One whose name holds TEXT; else the longest."
)
@click.option("--lives", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option("--stored", type=click.IntRange(1000, 10_000_000), default=100_000, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@place_option
@store_option
@project_option
@format_option
def lives(
    name: str | None, scenario: str, root: Path, place: str, address: str, style: str, **how: int
) -> None:
    """Measure instances of a workflow in a store, with few and with many stored beside them.

    So many live by a scenario at once. What is measured are the turns: reading the instances,
    deciding, writing states, journal, timers, commands. Inputs are laid down before.
    """
    project = load_sound(root)
    sizes = (how["lives"], how["stored"])
    try:
        with _ground(place, address) as ground:
            played = (scenarios_of(project, name), scenario)
            found = measure_lives(project, played, sizes, how["repeats"], ground)
    except (NothingToPlay, Unavailable) as error:
        fail(str(error))
    click.echo(_lives_json(found) if style == "json" else _lives_told(found))


@contextmanager
def _ground(place: str, address: str) -> Iterator[Ground | None]:
    """Give what makes fresh databases there, None for files."""
    if place == "sqlite" and not address:
        yield None
        return
    from router.infra.store.postgresql import Server  # noqa: PLC0415 (for who has one)
    from router.runtime.serverbench import schema, served  # noqa: PLC0415

    with served(address) as where:

        @contextmanager
        def fresh() -> Iterator[Database]:
            with schema(where) as made:
                yield Server(made)

        yield fresh


def _lives_json(found: LifeSpeed) -> str:
    data = {
        "workflow": found.workflow, "scenario": found.scenario, "turns": found.turns,
        "stored": found.stored, "few_rate": found.few_rate, "many_rate": found.many_rate,
        "few_cpu_us": found.few, "many_cpu_us": found.many, "ratio": found.ratio,
        "rate_ratio": found.rate_ratio,
    }  # fmt: skip
    return envelope("bench lives", ok=True, data=data)


def _lives_told(found: LifeSpeed) -> str:
    unit = "us of CPU a turn"
    rows = ((FEW, found.few_rate, found.few), (found.stored, found.many_rate, found.many))
    return "\n".join(
        (
            f"{found.workflow}: {found.scenario}",
            f"{found.turns} turns a life, {len(found.few)} repeats, medians",
            *(
                f"{size:9} stored  {statistics.median(rate):8.0f} turns/s   "
                f"{statistics.median(cpu):6.0f} {unit}"
                for size, rate, cpu in rows
            ),
            f"ratio      {found.ratio:8.2f} in CPU, {found.rate_ratio:.2f} in time",
        )
    )
