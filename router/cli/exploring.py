"""Owns: what an exploration found, as text and as data.
Imports: cli.render, config.workflow, engine.workflow.
Never: explores.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.cli.render import some, visible
from router.config.workflow.workflow import Workflow
from router.engine.workflow.explore import Explored


def explored_text(found: Explored, workflow: Workflow) -> Iterator[str]:
    """Yield what was found in one universe, line by line."""
    whole = "all of them" if found.is_whole else "not all of them"
    counts = f"{some(found.nodes, 'states')}, {whole}, {some(found.moves, 'moves')}"
    yield visible(f"{found.universe}: {counts}, {some(len(found.flaws), 'flaws')}")
    for flaw in found.flaws:
        yield visible(f"  {flaw.kind}: {flaw.what}")
        yield from (visible(f"    {one}") for one in flaw.way)
    idle = unreached(found, workflow)
    if idle:
        yield visible(f"  never begun: {', '.join(idle)}")
    labels = [one.name for one in workflow.file.states if one.name not in found.labels]
    if labels:
        yield visible(f"  labels not seen: {', '.join(labels)}")


def explored_data(found: Explored, workflow: Workflow) -> dict[str, Any]:
    """Return what was found in one universe."""
    return {
        "universe": found.universe,
        "states": found.nodes,
        "moves": found.moves,
        "whole": found.is_whole,
        "flaws": [
            {"kind": one.kind, "what": one.what, "way": list(one.way)} for one in found.flaws
        ],
        "statuses": {name: sorted(seen) for name, seen in sorted(found.seen.items())},
        "labels": sorted(found.labels),
        "never_begun": unreached(found, workflow),
    }


def unreached(found: Explored, workflow: Workflow) -> list[str]:
    """Return the steps of which no item was ever begun."""
    return [name for name in workflow.steps if not found.seen.get(name, set()) - {"idle"}]
