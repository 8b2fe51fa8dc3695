"""Owns: what `router bench scale` found, as lines and as plain data.
Imports: cli.reports.peers, runtime.contest.
Never: measures.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.cli.reports.peers import median_of, ratio_of, run_data
from router.runtime.contest import Run


def scale_data(found: Mapping[str, Sequence[Run]], cores: int) -> dict[str, Any]:
    """Return what was found as plain data, by layout: one process first."""
    layouts = {
        name: {"runs": [run_data(one) for one in runs], "ratio": _ratio(found, runs)}
        for name, runs in found.items()
    }
    return {"cores": cores, "layouts": layouts}


def scale_lines(found: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    """Yield a line for each layout, and under it one for each of its processes."""
    yield f"{'':22} messages/s  to one process  s of CPU/1000     MB"
    for name, runs in found.items():
        rate, cpu, memory = median_of(runs)
        yield f"{name:22}{rate:11.0f}{_ratio(found, runs):16.2f}{cpu:15.3f}{memory:7.0f}"
        if not all(one.whole for one in runs):
            yield f"{'':22} not everything came"
        for part in runs[0].parts:
            cpu = statistics.median(one.parts[part].cpu for one in runs)
            memory = statistics.median(one.parts[part].memory for one in runs)
            yield f"  {part:20}{'':27}{cpu:15.3f}{memory:7.0f}"


def _ratio(found: Mapping[str, Sequence[Run]], runs: Sequence[Run]) -> float:
    """Return the median of a layout's rate by that of one process, repeat by repeat."""
    return ratio_of(runs, next(iter(found.values())))
