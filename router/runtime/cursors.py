"""Owns: what operators see of polls, schedules, queues of brokers, and what they do about polls.
Imports: config, core, engine.polling, infra.store.
Never: asks a system.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from router.config.project import Project
from router.config.queues import AmqpSource
from router.core.instants import to_text
from router.core.progress import Progress
from router.engine.polling import put_at
from router.infra.store.transaction import Transaction


def set_cursor(
    transaction: Transaction, arguments: Mapping[str, Any], _now: datetime
) -> dict[str, Any]:
    """Put the cursor of a channel somewhere; a round that is under way has no say in it."""
    before = transaction.cursors.get(arguments["channel"])
    transaction.cursors.put(put_at(before, arguments["cursor"]))
    return {"was": before.cursor, "cursor": arguments["cursor"]}


def by_source(
    project: Project, progresses: Iterable[Progress]
) -> tuple[list[Progress], list[Progress]]:
    """Return how far channels are that ask, and what is known of those that take from queues."""
    asking: list[Progress] = []
    taking: list[Progress] = []
    for one in progresses:
        channel = project.channels.get(one.channel)
        takes = channel is not None and isinstance(channel.source, AmqpSource)
        (taking if takes else asking).append(one)
    return asking, taking


def poll_data(progress: Progress) -> dict[str, Any]:
    """Return a poll as plain data; what leads to its next page can open doors, and is left out."""
    times = {
        name: to_text(at) if (at := getattr(progress, name)) is not None else None
        for name in ("began", "asked_at", "trouble_since", "retry_at")
    }
    words = ("channel", "cursor", "reached", "page", "taken", "failures", "trouble")
    return {name: getattr(progress, name) for name in words} | times


def poll_line(progress: Progress) -> str:
    """Return a poll as a line."""
    asked = to_text(progress.asked_at.replace(microsecond=0)) if progress.asked_at else "never"
    cursor = "at its beginning" if progress.cursor is None else f"at {progress.cursor}"
    line = f"poll: {progress.channel} {cursor}, last page taken {asked}"
    if progress.page:
        line += f", {progress.page} pages of a round are taken"
    if progress.failures and progress.trouble_since:
        since = to_text(progress.trouble_since.replace(microsecond=0))
        line += f", stuck since {since} ({progress.failures} tries): {progress.trouble}"
    return line


def queue_line(progress: Progress) -> str:
    """Return what keeps the messages of a queue from coming, as a line."""
    assert progress.trouble_since is not None, "who has a trouble has had it since"
    since = to_text(progress.trouble_since.replace(microsecond=0))
    return f"queue: {progress.channel} takes nothing since {since}: {progress.trouble}"


def queue_data(progress: Progress) -> dict[str, Any]:
    """Return what keeps the messages of a queue from coming as plain data."""
    since = progress.trouble_since
    return {
        "channel": progress.channel,
        "trouble": progress.trouble,
        "trouble_since": to_text(since) if since is not None else None,
    }


def tick_line(progress: Progress) -> str:
    """Return how far a schedule has come, as a line."""
    return f"schedule: {progress.channel} has come to {progress.cursor}"
