"""Owns: what `router bench peers` found, as lines and as plain data.
Imports: runtime.contest, runtime.peers.
Never: measures.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.runtime.contest import Run
from router.runtime.peers import OURS, Found


def peers_data(found: Found) -> dict[str, Any]:
    """Return what was found as plain data: by size and name, then by name."""
    return {
        "sizes": {
            str(size): {
                name: {"runs": [run_data(one) for one in runs], "ratio": ratio_of(by[OURS], runs)}
                for name, runs in by.items()
            }
            for size, by in found.runs.items()
        },
        "killed": {name: dataclasses.asdict(one) for name, one in found.crashes.items()},
        "left_out": list(found.left_out),
    }


def run_data(run: Run) -> dict[str, Any]:
    """Return a run as plain data."""
    return dataclasses.asdict(run) | {"cpu": run.cpu, "memory": run.memory}


def peers_lines(found: Found, queues: str) -> Iterator[str]:
    """Yield a table of speed for each size, and one of what a kill came to. A ratio is ours by
    theirs, the median over the repeats; the other figures are medians, too.
    """
    for size, by in found.runs.items():
        yield f"{f'{size} bytes':18} messages/s  ours/theirs  s of CPU/1000     MB"
        yield from _speeds(by)
    for name in found.left_out:
        yield f"{name:18} carries nothing over {queues}: left out"
    yield "killed half way:        lost  again  renamed  broken ones passed on"
    for name, one in found.crashes.items():
        yield f"{name:18}{one.lost:10}{one.again:7}{one.renamed:9}{one.passed:8}"


def _speeds(by: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    for name, runs in by.items():
        rate, cpu, memory = median_of(runs)
        yield f"{name:18}{rate:11.0f}{ratio_of(by[OURS], runs):13.2f}{cpu:15.3f}{memory:7.0f}"
        if not all(one.whole for one in runs):
            yield f"{'':18} not everything came"


def median_of(runs: Sequence[Run]) -> tuple[float, float, float]:
    """Return the medians of rate, CPU and memory."""
    figures = ((one.rate, one.cpu, one.memory) for one in runs)
    rate, cpu, memory = (statistics.median(one) for one in zip(*figures, strict=True))
    return rate, cpu, memory


def ratio_of(these: Sequence[Run], those: Sequence[Run]) -> float:
    """Return the median of these rates by those, repeat by repeat; 0 where all of those are 0."""
    pairs = [(a.rate, b.rate) for a, b in zip(these, those, strict=True) if b.rate]
    return statistics.median(a / b for a, b in pairs) if pairs else 0.0
