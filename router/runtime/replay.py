"""Owns: a record of a job made anew: decoded from the bytes of its delivery, ready for the loop.
Imports: core, config, engine.arrival, infra.store, runtime.
Never: decides what becomes of a record; writes the store.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from router.config.channels import Channel
from router.config.project import Project
from router.config.transforms.checks import Vocabulary
from router.config.transforms.expressions import Expression, compile_expression
from router.core.diagnostics import Diagnostic, Place
from router.core.document import Json
from router.core.errors import MessageError
from router.engine.arrival import Arrival, Delivery
from router.engine.steps.enrich import call_key
from router.infra.store.jobs import Item, Job
from router.infra.store.reader import Reader
from router.infra.store.records import Kept, Past
from router.infra.store.rows import Queued
from router.runtime.again import edited
from router.runtime.ingress import LOOP_LANE, arrival_extra, arrivals, consumer_of
from router.runtime.replayed import Replay, replay_of
from router.runtime.revisions import Revisions

#: decoded deliveries that are held: records of one file follow each other
MOST_HELD = 4
#: where an expression of the command line stands
EDIT = Place("--edit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A record made anew: the rows that it becomes, or why it is skipped.

    More than one row: the delivery had no records before, and has some now.
    """

    rows: tuple[Queued, ...] = ()
    skip: str = ""
    #: the record as it was, when it is edited
    original: Queued | None = None
    #: why another configuration than the wanted one was used
    lost: str = ""


class Replayer:
    """Makes records anew. One thread uses it."""

    def __init__(self, project: Project, env: Mapping[str, Json], revisions: Revisions) -> None:
        self._project = project
        self._env = env
        self._revisions = revisions
        self._decoded: OrderedDict[tuple[str, str], Sequence[Arrival]] = OrderedDict()

    def open(self, reader: Reader, job: Job, item: Item, now: datetime) -> Opened:
        """Return what one message of a job becomes. Never raises for what it finds."""
        past = reader.records.past(item.message_id)
        if past is None:
            return Opened(skip="no_delivery")
        if past.edited:
            return Opened(skip="edited")
        if job.options.get("edit") and past.newest > item.seen:
            return Opened(skip="moved_on")
        wanted = past.revision if job.options.get("original") else job.revision
        project, lost = self._of(wanted, reader)
        channel, found = self._arrivals(reader, project, past)
        if channel is None:
            return Opened(skip="no_channel", lost=lost)
        mine = [one for one in found if past.whole or one.message.id == item.message_id]
        if not mine:
            return Opened(skip="no_record", lost=lost)
        mark = Replay(
            job=job.id,
            item=item.item,
            resend=bool(job.options.get("resend")),
            before=past.attempts,
        )
        rows = tuple(_row(channel, one, mark, wanted, now) for one in mine)
        if job.options.get("edit"):
            return self._edited(project, job, rows[0], lost, now)
        return Opened(rows=rows, lost=lost)

    def _of(self, revision: str, reader: Reader) -> tuple[Project, str]:
        """Return the project of a revision, or the running one and why."""
        if revision in ("", self._project.revision):
            return self._project, ""
        found = self._revisions.get(revision, reader)
        if found is not None:
            return found, ""
        return self._project, self._revisions.why_lost(revision)

    def _arrivals(
        self, reader: Reader, project: Project, past: Past
    ) -> tuple[Channel | None, Sequence[Arrival]]:
        kept = reader.records.delivery(past.delivery)
        channel = project.channels.get(kept.channel) if kept is not None else None
        if kept is None or channel is None:
            return None, ()
        key = (project.revision, kept.id)
        if key not in self._decoded:
            self._decoded[key] = arrivals(
                channel, _delivery(kept), kept.body, (project.contracts, self._env)
            )
            while len(self._decoded) > MOST_HELD:
                self._decoded.popitem(last=False)
        return channel, self._decoded[key]

    def _edited(self, project: Project, job: Job, row: Queued, lost: str, now: datetime) -> Opened:
        expression, _ = edit_of(project, job.options["edit"])
        if expression is None:
            return Opened(skip="edit", lost=lost)
        try:
            payload = expression({"body": row.message.payload})
        except MessageError:
            return Opened(skip="edit", lost=lost)
        message = edited(row.message, payload, f"job {job.id}", now)
        extra = {**(row.extra or {}), "claims": [], "verdict": None}
        extra["replay"] = {**extra["replay"], "before": 0}
        return Opened(rows=(replace(row, message=message, extra=extra),), original=row, lost=lost)


def edit_of(project: Project, text: str) -> tuple[Expression | None, Sequence[Diagnostic]]:
    """Return the expression that makes a new record of `body`, or what is wrong with it."""
    vocabulary = Vocabulary(roots=frozenset({"body"}), tables=project.tables)
    return compile_expression(text.strip().removeprefix("="), EDIT, vocabulary)


def answers_for(reader: Reader, row: Queued) -> dict[str, Json]:
    """Return the answers that a replayed message was decided with before, by their call."""
    if replay_of(row) is None:
        return {}
    kept = reader.records.answers(row.message.id)
    return {call_key(operation, arguments): answer for operation, arguments, answer in kept}


def _delivery(kept: Kept) -> Delivery:
    """Return a delivery that need not add up: who replays one that was held lets it go on."""
    return Delivery(
        id=kept.id,
        headers=kept.headers,
        received_at=kept.received_at,
        sha256=kept.sha256,
        released=True,
    )


def _row(channel: Channel, arrival: Arrival, mark: Replay, revision: str, now: datetime) -> Queued:
    message = replace(arrival.message, occurred_at=now, attempt=mark.before + 1)
    extra: dict[str, Any] = {**arrival_extra(arrival), "replay": mark.mark(), "revision": revision}
    return Queued(
        lane=LOOP_LANE, consumer=consumer_of(channel, message.kind), message=message, extra=extra
    )
