"""Owns: what is kept of an inbound record, for a replay: its delivery, its journal, its answers.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from router.core.instants import time_of
from router.infra.codecs import decode_trusted
from router.infra.store import tables

#: steps that refuse a delivery before it has records
WHOLE = ("decode", "records", "control")
#: the step of a letter about a day, of which something is missing
DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A delivery as it came."""

    id: str
    channel: str
    received_at: datetime
    headers: dict[str, str]
    sha256: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the journal says of a record."""

    delivery: str
    #: under which it was first decided
    revision: str
    #: how often it was tried
    attempts: int
    #: its newest line
    newest: int
    #: it stands for a delivery that was refused before it had records
    whole: bool
    #: another record took its place
    edited: bool


class Records:
    """Inbound records over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def past(self, message_id: str) -> Past | None:
        """Return what the journal says of a record, None when its delivery is not known."""
        journal = tables.journal
        rows = self._connection.execute(
            select(journal).where(journal.c.message_id == message_id).order_by(journal.c.seq)
        ).all()
        delivery, whole = "", False
        for row in rows:
            detail = decode_trusted(row.detail.encode())
            delivery = detail.get("delivery", delivery)
            if "delivery" in detail:
                whole = row.word == "dead_lettered" and detail.get("step") in WHOLE
        if not delivery:
            return None
        return Past(
            delivery=delivery,
            revision=rows[0].revision,
            attempts=max(row.attempt for row in rows),
            newest=rows[-1].seq,
            whole=whole,
            edited=self._edited(message_id, rows[0].correlationid),
        )

    def delivery(self, delivery: str) -> Kept | None:
        """Return a delivery as it came, None when it is not kept."""
        table = tables.deliveries
        row = self._connection.execute(select(table).where(table.c.id == delivery)).first()
        if row is None:
            return None
        return Kept(
            id=row.id,
            channel=row.channel,
            received_at=time_of(row.received_at),
            headers=decode_trusted(row.headers.encode()),
            sha256=row.sha256,
            body=bytes(row.body),
        )

    def answers(self, message_id: str) -> Iterator[tuple[str, dict[str, Any], Any]]:
        """Yield the answers (operation, arguments, answer) that a message was decided with."""
        journal = tables.journal
        rows = self._connection.execute(
            select(journal.c.detail)
            .where(journal.c.message_id == message_id, journal.c.word == "enriched")
            .order_by(journal.c.seq)
        )
        for row in rows:
            detail = decode_trusted(row.detail.encode())
            yield detail["operation"], detail["arguments"], detail["answer"]

    def word(self, job: int, message_id: str, consumer: str) -> str:
        """Return what a command of a job came to, an empty text while that is open."""
        mine = tables.job_messages
        found = self._connection.execute(
            select(mine.c.word).where(
                mine.c.job == job, mine.c.message_id == message_id, mine.c.consumer == consumer
            )
        )
        return str(found.scalar() or "")

    def _edited(self, message_id: str, correlationid: str) -> bool:
        journal = tables.journal
        found = self._connection.execute(
            select(func.count())
            .select_from(journal)
            .where(
                journal.c.correlationid == correlationid,
                journal.c.word == "edited",
                journal.c.causationid == message_id,
            )
        )
        return bool(found.scalar())
