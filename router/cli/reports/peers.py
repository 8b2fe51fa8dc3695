"""Owns: what `router bench peers` found, as lines and as plain data.
Imports: runtime.peers.
Never: measures.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from router.runtime.peers import OURS, Peer, Run


def peers_data(found: Sequence[Peer]) -> dict[str, Any]:
    """Return what was found as plain data by name, ours first."""
    return {one.name: dataclasses.asdict(one) | {"ratio": _ratio(found, one)} for one in found}


def peers_lines(found: Sequence[Peer]) -> list[str]:
    """Return a line of speed for each, and one of what a kill came to. A ratio is ours by theirs,
    the median over the repeats.
    """
    lines = [f"{'':18} messages/s  ours/theirs  s of CPU/1000     MB"]
    for one in found:
        if not one.runs:
            lines.append(f"{one.name:18} {one.why}")
            continue
        ratio = _ratio(found, one)
        lines.append(
            f"{one.name:18}{_median(one, 'rate'):11.0f}{ratio:13.2f}"
            f"{_median(one, 'cpu'):15.3f}{_median(one, 'memory'):7.0f}"
        )
        if not all(run.whole for run in one.runs):
            lines.append(f"{'':18} not everything came")
    lines.append("killed half way:        lost  again  renamed  broken ones passed on")
    for one in found:
        if one.crash is not None:
            crash = one.crash
            lines.append(
                f"{one.name:18}{crash.lost:10}{crash.again:7}{crash.renamed:9}{crash.passed:8}"
            )
    return lines


def _median(peer: Peer, what: str) -> float:
    return float(statistics.median(getattr(one, what) for one in peer.runs))


def _ratio(found: Sequence[Peer], peer: Peer) -> float:
    ours: tuple[Run, ...] = next(one.runs for one in found if one.name == OURS)
    pairs = [(a.rate, b.rate) for a, b in zip(ours, peer.runs, strict=False) if b.rate]
    return statistics.median(a / b for a, b in pairs) if pairs else 0.0
