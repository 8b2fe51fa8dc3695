"""Owns: what marks a message of a replay, and what derives from one inherits.
Imports: core, infra.store.rows.
Never: reads or writes the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from router.core.message import Message
from router.infra.store.rows import Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The job for which a message is on its way, and the place of its record in the job's set."""

    job: int
    item: int
    #: a command with another request than before is sent as a new effect
    resend: bool = False
    #: attempts before the replay: a policy counts from there
    before: int = 0

    def mark(self) -> dict[str, Any]:
        """Return the mark as it travels with a queue row."""
        return {
            "job": self.job,
            "item": self.item,
            "resend": self.resend,
            "before": self.before,
        }


def replay_of(row: Queued) -> Replay | None:
    """Return the replay that a row belongs to, None for one that came by itself."""
    mark = None if row.extra is None else row.extra.get("replay")
    return None if mark is None else Replay(**mark)


def inherited(row: Queued) -> Mapping[str, Any] | None:
    """Return what travels with the messages that derive from a row's: the replay, its revision."""
    replay = replay_of(row)
    if replay is None:
        return None
    made: dict[str, Any] = {"replay": replace(replay, before=0).mark()}
    revision = (row.extra or {}).get("revision")
    return made if revision is None else {**made, "revision": revision}


def counted(row: Queued) -> Message:
    """Return a row's message with the attempts that count for its policy: those of this replay."""
    replay = replay_of(row)
    if replay is None or not replay.before:
        return row.message
    return replace(row.message, attempt=max(1, row.message.attempt - replay.before))
