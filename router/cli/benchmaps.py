"""Owns: `router bench transforms`.
Imports: click, cli (common, render), runtime (cases, mapspeed, wiring).
Never: prints one figure without its peer.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import click

from router.cli.common import choose, fail, format_option, load_sound, project_option, secrets_of
from router.cli.render import envelope
from router.runtime.cases import Rig
from router.runtime.mapspeed import MapSpeed, Pair, UnlikeError, measure_maps
from router.runtime.wiring import open_adapters


@click.command("transforms")
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option("--env", "-e", "environment", default="test", show_default=True, help="As for test.")
@project_option
@format_option
def transforms(repeats: int, environment: str, root: Path, style: str) -> None:
    """Measure the maps of this project beside the jmespath library.

    Over the documents that the project's tests bring, in CPU: whole, and with the bodies of our
    functions stubbed on both sides. The library walks each expression, the map around it is ours.
    """
    project = load_sound(root)
    settings = choose(project, environment)
    adapters = open_adapters(project, settings, secrets_of(project))
    try:
        found = measure_maps(Rig(project=project, environment=settings, adapters=adapters), repeats)
    except UnlikeError as error:
        fail(str(error))
    finally:
        for adapter in adapters.values():
            adapter.close()
    if not found.maps:
        fail("no test brings a document that a map takes: router test shows what they do")
    click.echo(_as_json(found) if style == "json" else _table(found, repeats))


def _as_json(found: MapSpeed) -> str:
    def data(pair: Pair) -> dict[str, Any]:
        both = {"library_us": pair.library, "generated_us": pair.generated}
        return {**both, "ratio": pair.ratio}

    maps = {
        one.name: {
            "documents": one.documents, "whole": data(one.whole), "stubbed": data(one.stubbed),
        }
        for one in found.maps
    }  # fmt: skip
    data_of_all = {
        "whole": found.whole, "stubbed": found.stubbed, "maps": maps, "without": found.without,
    }  # fmt: skip
    return envelope("bench transforms", ok=True, data=data_of_all)


def _table(found: MapSpeed, repeats: int) -> str:
    width = max(len("us of CPU a document"), *(len(one.name) for one in found.maps))
    head = f"{'us of CPU a document':{width}}  library     ours  ratio   stubbed     ours  ratio"
    lines = [f"{len(found.maps)} maps, {repeats} repeats, medians", head]
    for one in sorted(found.maps, key=lambda one: one.whole.ratio):
        cells = "   ".join(_cells(pair) for pair in (one.whole, one.stubbed))
        lines.append(f"{one.name:{width}}{cells}")
    gap = " " * 18
    median = f"{gap}{found.whole:7.1f}   {gap}{found.stubbed:7.1f}"
    lines += [f"without documents in tests: {name}" for name in found.without]
    return "\n".join([*lines, f"{'median of the ratios':{width}}{median}"])


def _cells(pair: Pair) -> str:
    theirs, ours = statistics.median(pair.library), statistics.median(pair.generated)
    return f"{theirs:9.1f}{ours:9.1f}{pair.ratio:7.1f}"
