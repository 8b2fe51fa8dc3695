"""Owns: everything that is read from the store.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    RowMapping,
    func,
    select,
    true,
    union,
)

from router.core.claim import Held, Holding
from router.core.instance import TURN_LANE
from router.core.instants import time_of, time_text
from router.infra.codecs import decode_trusted
from router.infra.store import tables
from router.infra.store.backlog import Backlog, backlogs
from router.infra.store.cursors import Cursors
from router.infra.store.evidence import Evidence
from router.infra.store.files import Files
from router.infra.store.handoff import Handoff
from router.infra.store.inbox import Inbox
from router.infra.store.instances import Instances
from router.infra.store.jobs import Jobs
from router.infra.store.keyed import rows_for_pairs
from router.infra.store.lanereader import CHUNK, LaneReader, queued_of
from router.infra.store.leads import Leads
from router.infra.store.letters import Letters
from router.infra.store.marks import marks
from router.infra.store.overview import Overview
from router.infra.store.pauses import Pauses
from router.infra.store.pipeline import on_server
from router.infra.store.records import Records
from router.infra.store.retention import Retention
from router.infra.store.revisions import RevisionTexts
from router.infra.store.rows import Intent, Queued
from router.infra.store.shelves import correlations_of
from router.infra.store.statements import read_many


class Reader(LaneReader):
    """Queries over one connection; what it returns are values."""

    def __init__(self, connection: Connection, handoff: Handoff) -> None:
        self._connection = connection
        self._handoff = handoff

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Let all that is read within be of one moment, as it is without on a file."""
        if not on_server(self._connection):
            yield
            return
        self._connection.exec_driver_sql("BEGIN")
        yield
        self._connection.exec_driver_sql("COMMIT")

    def due(self, now: datetime, limit: int) -> list[Queued]:
        """Return rows whose time has come, the oldest first."""
        table = tables.due
        rows = self._connection.execute(
            select(table)
            .where(table.c.due_at <= time_text(now))
            .order_by(table.c.due_at)
            .limit(limit)
        )
        return [queued_of(row) for row in rows]

    def next_due(self) -> datetime | None:
        """Return when the next due row comes, None when there is none."""
        found = self._connection.execute(select(func.min(tables.due.c.due_at))).scalar()
        return time_of(found) if found else None

    def holdings(self, keys: Iterable[bytes], now: datetime) -> dict[bytes, Holding]:
        """Return the claims that are held, by key; expired ones are not."""
        found: dict[bytes, Holding] = {}
        today = time_text(now)
        for rows in read_many(self._connection, "holdings", sorted(set(keys))):
            for row in rows:
                if row.expires_at is None or row.expires_at > today:
                    found[row.key] = Holding(
                        key=row.key,
                        message_id=row.message_id,
                        state=Held(row.state),
                        compare=row.compare,
                        body=row.body,
                        version=row.version,
                    )
        return found

    def gates(
        self, keys: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[str, str | None]]:
        """Return who is first and who waits next, by (consumer, order key)."""
        table = tables.gates
        held = tables.held_back
        following = (
            select(held.c.message_id)
            .where(held.c.consumer == table.c.consumer, held.c.order_key == table.c.order_key)
            .order_by(held.c.id)
            .limit(1)
            .scalar_subquery()
        )
        query = select(table, following.label("following"))
        by = (table.c.consumer, table.c.order_key)
        rows = rows_for_pairs(self._connection, query, by, keys)
        return {(row.consumer, row.order_key): (row.holder, row.following) for row in rows}

    @property
    def leads(self) -> Leads:
        """Return who leads what, to be looked at."""
        return Leads(self._connection)

    @property
    def letters(self) -> Letters:
        """Return the dead letters, to be looked at."""
        return Letters(self._connection)

    @property
    def evidence(self) -> Evidence:
        """Return what is kept about one message."""
        return Evidence(self._connection)

    @property
    def jobs(self) -> Jobs:
        """Return jobs over many messages, to be looked at."""
        return Jobs(self._connection)

    @property
    def revisions(self) -> RevisionTexts:
        """Return the configurations that are kept, to be looked at."""
        return RevisionTexts(self._connection)

    @property
    def records(self) -> Records:
        """Return what is kept of records, for a replay."""
        return Records(self._connection)

    @property
    def instances(self) -> Instances:
        """Return instances of workflows, to be looked at."""
        return Instances(self._connection)

    @property
    def overview(self) -> Overview:
        """Return what people ask about many instances."""
        return Overview(self._connection)

    @property
    def inbox(self) -> Inbox:
        """Return what operators ask, to be looked at."""
        return Inbox(self._connection)

    @property
    def files(self) -> Files:
        """Return the files that were read, to be looked at."""
        return Files(self._connection)

    @property
    def cursors(self) -> Cursors:
        """Return how far polls are, to be looked at."""
        return Cursors(self._connection)

    @property
    def pauses(self) -> Pauses:
        """Return what is held back, to be looked at."""
        return Pauses(self._connection)

    @property
    def retention(self) -> Retention:
        """Return what has ended, to be looked at."""
        return Retention(self._connection)

    def backlog(self) -> list[Backlog]:
        """Return what waits, by consumer and place: queued, due, held back, open letters."""
        return backlogs(self._connection)

    def waiting_by_consumer(self) -> dict[str, int]:
        """Return how many messages wait for each consumer, wherever they do."""
        found: dict[str, int] = {}
        for one in self.backlog():
            found[one.consumer] = found.get(one.consumer, 0) + one.messages
        return found

    def mark(self, name: str) -> str:
        """Return a fact about the process, an empty text when it was never set."""
        table = tables.marks
        found = self._connection.execute(select(table.c.value).where(table.c.name == name))
        return str(found.scalar() or "")

    def marks(self, prefix: str) -> dict[str, str]:
        """Return the facts about processes whose names begin so."""
        return marks(self._connection, prefix)

    def last_queued(self, lane: str) -> int:
        """Return the id of the newest row of a lane, 0 when there is none."""
        table = tables.queue
        found = self._connection.execute(select(func.max(table.c.id)).where(table.c.lane == lane))
        return int(found.scalar() or 0)

    def newest_row(self) -> int:
        """Return the id of the newest row of the queue, 0 when there is none."""
        return int(self._connection.execute(select(func.max(tables.queue.c.id))).scalar() or 0)

    def intents(self, keys: Sequence[str]) -> dict[str, Intent]:
        """Return calls with an effect by their keys, as far as they were begun."""
        found = read_many(self._connection, "begun", list(keys))
        return {row.key: _intent(row) for rows in found for row in rows}

    def intent(self, key: str) -> Intent | None:
        """Return a call with an effect by its key."""
        return self.intents([key]).get(key)

    def standing(self, keys: Sequence[str]) -> dict[str, Intent]:
        """Return by key the effect that stands for it now: the last that took another's place."""
        found = self.intents(keys)
        for key, intent in found.items():
            heir: Intent | None = intent
            while heir is not None:
                found[key] = heir
                heir = self.intent(heir.successor) if heir.successor else None
        return found

    def correlations(self, word: str) -> list[str]:
        """Return the transactions that a word may mean: a correlation, a message id, a number."""
        journal = tables.journal
        word = word[:256]  # as `refer` keeps it
        found = union(
            select(journal.c.correlationid).where(journal.c.correlationid == word),
            select(journal.c.correlationid).where(journal.c.message_id == word),
            correlations_of(word),
        )
        return sorted(self._connection.execute(found).scalars())

    def history(self, correlationid: str, limit: int = 2000) -> list[dict[str, Any]]:
        """Return the journal of a transaction in the order in which it was written."""
        table = tables.journal
        rows = self._connection.execute(
            select(table)
            .where(table.c.correlationid == correlationid)
            .order_by(table.c.seq)
            .limit(limit)
        )
        return [_document(row, "detail") for row in rows.mappings()]

    def newest_line(self) -> int:
        """Return the number of the newest line of the journal, 0 when there is none."""
        return int(self._connection.execute(select(func.max(tables.journal.c.seq))).scalar() or 0)

    def lines(self, after: int, limit: int) -> list[dict[str, str]]:
        """Return the lines of the journal behind a number, as texts, without their details."""
        table = tables.journal
        columns = [column for column in table.c if column.name != "detail"]
        rows = self._connection.execute(
            select(*columns).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
        )
        return [
            {name: str(value) for name, value in row.items() if value is not None}
            for row in rows.mappings()
        ]

    def waiting(self, message_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what is queued or due for these messages: consumer and time, by message."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(message_ids), CHUNK):
            part = message_ids[start : start + CHUNK]
            due = tables.due
            for row in self._connection.execute(
                select(due.c.message_id, due.c.consumer, due.c.due_at, due.c.reason).where(
                    due.c.message_id.in_(part)
                )
            ).mappings():
                found[row["message_id"]] = dict(row)
            held, gate = tables.held_back, tables.gates
            rows = self._connection.execute(
                select(held.c.message_id, held.c.consumer, gate.c.holder)
                .join(
                    gate,
                    (gate.c.consumer == held.c.consumer) & (gate.c.order_key == held.c.order_key),
                )
                .where(held.c.message_id.in_(part))
            )
            for row in rows.mappings():
                found[row["message_id"]] = dict(row)
        return found

    def in_lanes(self, lanes: Sequence[str], message_ids: Sequence[str]) -> dict[str, str]:
        """Return which of these messages wait in some lanes: their consumer, by message."""
        queue = tables.queue
        found: dict[str, str] = {}
        for start in range(0, len(message_ids) if lanes else 0, CHUNK):
            rows = self._connection.execute(
                select(queue.c.message_id, queue.c.consumer).where(
                    queue.c.lane.in_(list(lanes)),
                    queue.c.message_id.in_(message_ids[start : start + CHUNK]),
                )
            )
            found.update({row.message_id: row.consumer for row in rows})
        return found

    def counters(self) -> list[dict[str, Any]]:
        """Return how often each consumer came to each word."""
        table = tables.counters
        rows = self._connection.execute(
            select(table).order_by(table.c.consumer, table.c.word, table.c.reason)
        )
        return [dict(row) for row in rows.mappings()]

    def sizes(self) -> dict[str, int]:
        """Return how many rows wait: by lane, due, timers of workflows, dead."""
        queue = tables.queue
        found = {
            str(lane): int(n)
            for lane, n in self._connection.execute(
                select(queue.c.lane, func.count()).group_by(queue.c.lane)
            )
        }
        due, dead = tables.due, tables.dead
        for name, table, only in (
            ("due", due, due.c.lane != TURN_LANE),
            ("timers", due, due.c.lane == TURN_LANE),
            ("held_back", tables.held_back, true()),
            ("dead", dead, dead.c.state == "open"),
        ):
            query = select(func.count()).select_from(table).where(only)
            count = self._connection.execute(query).scalar()
            found[name] = int(count or 0)
        return found


def _intent(row: Row[Any]) -> Intent:
    return Intent(
        key=row.key,
        operation=row.operation,
        state=row.state,
        head=decode_trusted(row.request.encode()),
        body=row.body,
        reference=row.reference,
        sends=row.sends,
        first_at=time_of(row.first_at),
        lease_until=time_of(row.lease_until),
        token=row.token,
        their_reference=row.their_reference,
        result=None if row.result is None else decode_trusted(row.result.encode()),
        successor=row.successor,
        in_part=bool(row.in_part),
    )


def _document(row: RowMapping, column: str) -> dict[str, Any]:
    made: dict[str, Any] = dict(row)
    made[column] = decode_trusted(made[column].encode())
    return made
