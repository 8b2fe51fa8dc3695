"""Owns: looking at dead letters and saying what became of them; jobs over many of them.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: deletes a letter: it stays, with its state and a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, insert, or_, select, update

from router.core.envelope import unpack
from router.infra.codecs import decode_trusted
from router.infra.store import tables
from router.infra.store.rows import Queued, number_of, time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterQuery:
    """Which dead letters; what is empty does not narrow."""

    state: str = "open"
    message_id: str = ""
    consumer: str = ""
    reason: str = ""
    #: came by this channel, itself or what it derives from
    channel: str = ""
    #: died at or after, and before
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100_000


class Letters:
    """Dead letters and jobs over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, query: LetterQuery) -> list[dict[str, Any]]:
        """Return letters, the newest first, without their bodies."""
        columns = [column for column in tables.dead.c if column.name != "body"]
        rows = self._connection.execute(_narrowed(select(*columns), query))
        return [dict(row) for row in rows.mappings()]

    def groups(self, query: LetterQuery) -> list[dict[str, Any]]:
        """Return how many letters there are by consumer and reason."""
        dead = tables.dead
        counted = _narrowed(select(dead.c.consumer, dead.c.reason), query).subquery()
        rows = self._connection.execute(
            select(counted.c.consumer, counted.c.reason, func.count().label("n"))
            .group_by(counted.c.consumer, counted.c.reason)
            .order_by(func.count().desc())
        )
        return [dict(row) for row in rows.mappings()]

    def open_row(self, message_id: str, consumer: str) -> Queued | None:
        """Return the message of an open letter as it was queued, None when it is not open."""
        dead = tables.dead
        row = self._connection.execute(
            select(dead.c.lane, dead.c.body).where(
                dead.c.message_id == message_id, dead.c.consumer == consumer, dead.c.state == "open"
            )
        ).first()
        if row is None:
            return None
        document = decode_trusted(row.body)
        return Queued(
            lane=row.lane,
            consumer=consumer,
            message=unpack(document["message"]),
            extra=document.get("extra"),
        )

    def original(self, message_id: str) -> bytes | None:
        """Return the bytes that were delivered, None when the message had no delivery."""
        dead, deliveries = tables.dead, tables.deliveries
        found = self._connection.execute(
            select(deliveries.c.body)
            .join(dead, dead.c.delivery == deliveries.c.id)
            .where(dead.c.message_id == message_id)
        ).scalar()
        return None if found is None else bytes(found)

    def settle(self, message_id: str, consumer: str, state: str, note: str) -> None:
        """Say what became of a letter."""
        dead = tables.dead
        self._connection.execute(
            update(dead)
            .where(dead.c.message_id == message_id, dead.c.consumer == consumer)
            .values(state=state, note=note)
        )

    def plan(self, query: LetterQuery, at: datetime, reason: str, rate: int) -> int:
        """Freeze the letters that a query finds now as a job; return its number."""
        jobs, items, dead = tables.jobs, tables.job_items, tables.dead
        made = self._connection.execute(
            insert(jobs).values(at=time_text(at), reason=reason, rate=rate, state="planned")
        )
        number = number_of(made)
        found = _narrowed(select(dead.c.message_id, dead.c.consumer), query)
        rows = [
            {
                "job": number,
                "message_id": row.message_id,
                "consumer": row.consumer,
                "state": "remaining",
            }
            for row in self._connection.execute(found)
        ]
        if rows:
            self._connection.execute(insert(items), rows)
        return number

    def set_job(self, number: int, state: str, unless: Sequence[str] = ()) -> bool:
        """Set a job's state; False when there is no such job or it is in one of `unless`."""
        jobs = tables.jobs
        done = self._connection.execute(
            update(jobs)
            .where(jobs.c.id == number, jobs.c.state.not_in(list(unless)))
            .values(state=state)
        )
        return done.rowcount == 1

    def running(self) -> list[tuple[int, int]]:
        """Return (job, rate) of each running job."""
        jobs = tables.jobs
        rows = self._connection.execute(
            select(jobs.c.id, jobs.c.rate).where(jobs.c.state == "running").order_by(jobs.c.id)
        )
        return [(row.id, row.rate) for row in rows]

    def remaining(self, job: int, limit: int) -> list[tuple[str, str]]:
        """Return the next (message, consumer) of a job."""
        items = tables.job_items
        rows = self._connection.execute(
            select(items.c.message_id, items.c.consumer)
            .where(items.c.job == job, items.c.state == "remaining")
            .order_by(items.c.message_id, items.c.consumer)
            .limit(limit)
        )
        return [(row.message_id, row.consumer) for row in rows]

    def set_item(self, job: int, key: tuple[str, str], state: str) -> None:
        """Say what became of one message of a job."""
        items = tables.job_items
        self._connection.execute(
            update(items)
            .where(items.c.job == job, items.c.message_id == key[0], items.c.consumer == key[1])
            .values(state=state)
        )

    def totals(self, job: int) -> dict[str, int]:
        """Return a job's counts: they add up to its frozen set.

        `failed` are those that are dead letters again, `under_way` those that are not settled yet.
        """
        items, dead = tables.job_items, tables.dead
        of_job = items.c.job == job
        same = and_(dead.c.message_id == items.c.message_id, dead.c.consumer == items.c.consumer)
        again = exists().where(same, dead.c.state == "open")
        moving = or_(
            *(
                exists().where(
                    table.c.message_id == items.c.message_id, table.c.consumer == items.c.consumer
                )
                for table in (tables.queue, tables.due, tables.held_back)
            )
        )
        sent = and_(of_job, items.c.state == "sent")

        def count(*where: Any) -> int:
            query = select(func.count()).select_from(items).where(*where)
            return int(self._connection.execute(query).scalar() or 0)

        totals = {
            "all": count(of_job),
            "remaining": count(of_job, items.c.state == "remaining"),
            "skipped": count(of_job, items.c.state == "skipped"),
            "failed": count(sent, again),
            "under_way": count(sent, ~again, moving),
        }
        totals["succeeded"] = count(sent, ~again, ~moving)
        return totals

    def job(self, number: int) -> dict[str, Any] | None:
        """Return a job with its totals."""
        jobs = tables.jobs
        row = self._connection.execute(select(jobs).where(jobs.c.id == number)).mappings().first()
        return None if row is None else {**dict(row), "totals": self.totals(number)}


def _narrowed(statement: Select[Any], query: LetterQuery) -> Select[Any]:
    dead = tables.dead
    for column, value in (
        (dead.c.state, query.state),
        (dead.c.message_id, query.message_id),
        (dead.c.consumer, query.consumer),
        (dead.c.reason, query.reason),
    ):
        if value:
            statement = statement.where(column == value)
    if query.since is not None:
        statement = statement.where(dead.c.at >= time_text(query.since))
    if query.until is not None:
        statement = statement.where(dead.c.at < time_text(query.until))
    if query.channel:
        come = tables.deliveries
        by = exists().where(come.c.id == dead.c.delivery, come.c.channel == query.channel)
        statement = statement.where(by)
    return statement.order_by(dead.c.at.desc(), dead.c.message_id).limit(query.limit)
