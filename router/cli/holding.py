"""Owns: what holds a name back, as commands tell it.
Imports: infra.store.
Never: holds anything back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.core.instance import WORKFLOW, consumer_of
from router.core.units import rate_text
from router.infra.store.pauses import PAUSED, SLOW, Pause, standing_still
from router.infra.store.reader import Reader


def held_data(reader: Reader, pause: Pause) -> dict[str, Any]:
    """Return what holds a name back, how much is left to be worked off, and how much waits."""
    return {
        "since": pause.at,
        "reason": pause.reason,
        "mode": pause.mode,
        "rate": rate_text(pause.rate) if pause.mode == SLOW else "",
        "left": reader.pauses.left(pause) if pause.mode != PAUSED else 0,
        "behind": reader.pauses.behind(pause),
        "dead": reader.pauses.dead(pause.name),
    }


def held_line(name: str, why: Mapping[str, Any]) -> str:
    """Return in words how a name is held back."""
    since = f"since {why['since'][:19]}Z"
    because = f", {why['reason']}" if why["reason"] else ""
    if why["mode"] == SLOW:
        return f"resumed at {why['rate']}: {name}, {why['left']} left{because}"
    if why["mode"] == PAUSED:
        return f"paused: {name} {since}{because}"
    behind = f", {why['behind']} wait behind it" if why["behind"] else ""
    if why["dead"]:
        behind += f", {why['dead']} dead letter" + ("s" if why["dead"] > 1 else "")
    if why["left"]:
        return f"draining: {name} {since}, {why['left']} left{behind}{because}"
    return f"drained: {name} {since}{behind}{because}"


def held_workflows(reader: Reader, workflow: str = "") -> dict[str, dict[str, Any]]:
    """Return what is held back of workflows, or of one of them, by its name as it is paused."""
    some = [one for one in reader.pauses.all() if one.name.startswith(WORKFLOW)]
    meant = [one for one in some if not workflow or one.name == consumer_of(workflow)]
    return {one.name: held_data(reader, one) for one in meant}


def stands_still(reader: Reader, workflow: str) -> bool:
    """Return whether what comes to instances of a workflow waits until it is resumed."""
    return workflow in standing_still(reader.pauses.all())
