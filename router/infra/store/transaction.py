"""Owns: everything that one transaction may write. Rows are collected, then written table by table.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: commits (the writer does), decides.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from router.core.claim import Kept
from router.core.instants import time_text
from router.infra.codecs import encode_json
from router.infra.store import tables
from router.infra.store.cursors import Cursors
from router.infra.store.files import Files
from router.infra.store.gatewriter import GateWriter
from router.infra.store.inbox import Inbox
from router.infra.store.instances import Instances
from router.infra.store.instancewriter import InstanceWriter
from router.infra.store.intents import IntentWriter
from router.infra.store.jobs import Jobs
from router.infra.store.leads import Leads
from router.infra.store.letters import Letters
from router.infra.store.marks import marks
from router.infra.store.overview import Overview
from router.infra.store.packing import pack_row
from router.infra.store.pauses import Pauses
from router.infra.store.pipeline import Statement
from router.infra.store.retention import Retention
from router.infra.store.revisions import RevisionTexts
from router.infra.store.rows import Dead, Entry, Queued
from router.infra.store.sending import Sender
from router.infra.store.shelves import Shelves
from router.infra.store.statements import module_of


class Transaction(IntentWriter, GateWriter, InstanceWriter):
    """Collects writes; `flush` sends them in a handful of statements. Use one per job."""

    def __init__(
        self,
        connection: Connection,
        revision: str,
        shelves: Shelves,
        sender: Sender | None = None,
    ) -> None:
        """`sender` brings statements to the database; by default each at once."""
        self._sender = sender or Sender(connection)
        self._shelves = shelves
        self._module = module_of(connection.dialect)
        #: stamps every line of the journal
        self.revision = revision
        self._inserts: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._claims: dict[bytes, dict[str, Any]] = {}
        self._due: dict[tuple[str, str], dict[str, Any]] = {}
        self._words: set[tuple[str, str]] = set()
        self._rows = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._settled: list[int] = []
        #: lanes that got rows: who to wake after the commit
        self.woken: set[str] = set()
        #: rows of the queue, as values: who reads them need not decode them
        self.published: list[Queued] = []

    @property
    def connection(self) -> Connection:
        """Return the connection, for statements that look: what was collected is sent before."""
        self._collect()
        return self._sender.connection()

    def deliver(
        self, delivery: str, channel: str, at: datetime, content: tuple[str, str, bytes]
    ) -> None:
        """Keep the original bytes of a delivery; `content` is headers (JSON), sha256, body."""
        headers, sha256, body = content
        self._insert(
            tables.deliveries,
            id=delivery,
            channel=channel,
            received_at=time_text(at),
            headers=headers,
            sha256=sha256,
            body=body,
        )

    def enqueue(self, rows: Iterable[Queued]) -> None:
        """Publish messages: they are there for their consumers when the transaction commits."""
        for row in rows:
            self.woken.add(row.lane)
            self.published.append(row)
            self._insert(
                tables.queue,
                lane=row.lane,
                consumer=row.consumer,
                message_id=row.message.id,
                body=pack_row(row),
            )

    def settle(self, ids: Iterable[int]) -> None:
        """Take queue rows away: their messages are decided."""
        self._settled.extend(ids)

    def hold_rows(self, ids: Sequence[int], *, wait: bool) -> set[int]:
        """Return which queue rows stand, and let no other process write about them until the
        commit. Those that another one writes about are left out, or waited for.
        """
        table = tables.queue
        found = select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id)
        locked = found.with_for_update(skip_locked=not wait)
        return set(self.connection.execute(locked).scalars())

    def postpone(self, row: Queued, at: datetime, reason: str) -> None:
        """Let a message come again at a time; the last word about a message counts."""
        self._due[row.message.id, row.consumer] = {
            "message_id": row.message.id,
            "consumer": row.consumer,
            "due_at": time_text(at),
            "lane": row.lane,
            "reason": reason,
            "body": pack_row(row),
        }

    def claim(self, kept: Kept, at: datetime) -> None:
        """Record an identity; the last one of a transaction wins."""
        claim, message_id, state, body = kept
        self._claims[claim.key] = {
            "key": claim.key,
            "message_id": message_id,
            "state": str(state),
            "compare": claim.compare,
            "body": body,
            "version": claim.version,
            "at": time_text(at),
            "expires_at": None if claim.keep is None else time_text(at + claim.keep),
        }

    def write(self, entry: Entry) -> None:
        """Append a line to the journal and count it."""
        self._counts[entry.consumer, entry.word, entry.reason[:256]] += 1
        detail = encode_json(entry.detail).decode() if entry.detail else "{}"
        self._insert(
            tables.journal,
            at=time_text(entry.at),
            correlationid=entry.message.correlationid,
            message_id=entry.message.id,
            causationid=entry.message.causationid,
            consumer=entry.consumer,
            word=entry.word,
            attempt=entry.message.attempt,
            revision=self.revision,
            detail=detail,
        )

    def count(self, consumer: str, word: str, number: int) -> None:
        """Count what leaves no line in the journal."""
        self._counts[consumer, word, ""] += number

    def refer(self, words: Iterable[str], correlationid: str) -> None:
        """Let a transaction be found by words."""
        for word in words:
            self._words.add((word[:256], correlationid))

    def bury(self, letter: Dead) -> None:
        """Keep a dead letter, complete; one that dies again takes its own place."""
        queued = self._with_key(letter.queued) if letter.queued.damage else letter.queued
        message = queued.message
        row = {
            "message_id": message.id,
            "consumer": queued.consumer,
            "at": time_text(letter.at),
            "correlationid": message.correlationid,
            "delivery": message.raw.delivery if message.raw else None,
            "reason": letter.reason,
            "detail": letter.detail,
            "step": letter.step,
            "place": letter.place,
            "attempts": message.attempt,
            "revision": self.revision,
            "lane": queued.lane,
            "body": pack_row(queued),
            "state": "open",
            "note": "",
        }
        put = self._module.insert(tables.dead).values(row)
        self.connection.execute(
            put.on_conflict_do_update(index_elements=["message_id", "consumer"], set_=row)
        )

    def _with_key(self, row: Queued) -> Queued:
        """Return a damaged row with the key of the gate that it holds: who resolves it opens it."""
        gate = tables.gates
        key = self.connection.execute(
            select(gate.c.order_key).where(
                gate.c.consumer == row.consumer, gate.c.holder == row.message.id
            )
        ).scalar()
        return row if key is None else replace(row, message=replace(row.message, order_key=key))

    def take_due(self, keys: Sequence[tuple[str, str]]) -> None:
        """Take due rows away: their messages are on their way again."""
        if keys:
            self._sender.write("due gone", [{"message_id": a, "consumer": b} for a, b in keys])

    def mark(self, name: str, value: str) -> None:
        """Set a fact about the process."""
        put = self._module.insert(tables.marks).values(name=name, value=value)
        self.connection.execute(
            put.on_conflict_do_update(index_elements=["name"], set_={"value": put.excluded.value})
        )

    def marks(self, prefix: str) -> dict[str, str]:
        """Return the facts about processes whose names begin so."""
        return marks(self.connection, prefix)

    def unmark(self, name: str) -> None:
        """Forget a fact about a process."""
        self.connection.execute(delete(tables.marks).where(tables.marks.c.name == name))

    @property
    def leads(self) -> Leads:
        """Return what this process leads, by the connection that writes."""
        return Leads(self.connection)

    @property
    def letters(self) -> Letters:
        """Return the dead letters, to be looked at and settled in this transaction."""
        return Letters(self.connection)

    @property
    def jobs(self) -> Jobs:
        """Return jobs over many messages, in this transaction."""
        return Jobs(self.connection)

    @property
    def instances(self) -> Instances:
        """Return instances of workflows, in this transaction."""
        return Instances(self.connection)

    @property
    def overview(self) -> Overview:
        """Return what people ask about many instances, in this transaction."""
        return Overview(self.connection)

    @property
    def revisions(self) -> RevisionTexts:
        """Return the configurations that are kept, in this transaction."""
        return RevisionTexts(self.connection)

    @property
    def inbox(self) -> Inbox:
        """Return what operators ask, in this transaction."""
        return Inbox(self.connection)

    @property
    def files(self) -> Files:
        """Return the files that were read, in this transaction."""
        return Files(self.connection)

    @property
    def cursors(self) -> Cursors:
        """Return how far polls are, in this transaction."""
        return Cursors(self.connection)

    @property
    def retention(self) -> Retention:
        """Return what has ended, to be forgotten in this transaction."""
        return Retention(self.connection)

    @property
    def pauses(self) -> Pauses:
        """Return what is held back, in this transaction."""
        return Pauses(self.connection)

    def flush(self) -> None:
        """Send what was collected."""
        self._collect()
        self._count()
        self._sender.connection()

    def finish(self, rings: Iterable[Statement] = ()) -> None:
        """Send what was collected, the transaction being whole, and ring with its commit."""
        self._collect()
        self._count()
        self._sender.commit(rings)

    def _change_all(self, name: str, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
        if not rows:
            return []
        self._collect()
        return self._sender.change_all(name, rows)

    def _count(self) -> None:
        """Hand over the counts, last: their rows are other processes', too, and all wait for them
        in one order, and not for long.
        """
        counts = [
            {"consumer": consumer, "word": word, "reason": reason, "n": n}
            for (consumer, word, reason), n in sorted(self._counts.items())
        ]
        if counts:
            self._sender.write("counters", counts)
        self._counts.clear()

    def _collect(self) -> None:
        """Hand over what was collected but the counts, table by table."""
        rows: dict[str, Iterable[Mapping[str, Any]]] = {
            "settle": [{"first": first, "last": last} for first, last in _runs(self._settled)],
            **self._inserts,
            "claims": self._claims.values(),
            "due": self._due.values(),
            "reference_words": self._placed(),
            **self._collected(),
        }
        for name, some in rows.items():
            if some:
                self._sender.write(name, some)
        for collected in (self._inserts, self._settled, self._claims, self._due, self._rows):
            collected.clear()
        self._words.clear()

    def _placed(self) -> list[dict[str, Any]]:
        """Return the words with the shelf that they go to."""
        if not self._words:
            return []
        shelf = self._shelves.place(len(self._words), self._sender.connection)
        return [
            {"shelf": shelf, "word": word, "correlationid": c} for word, c in sorted(self._words)
        ]

    def _insert(self, table: Table, **row: Any) -> None:
        self._inserts[table.name].append(row)


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return numbers as runs without a gap, each with its first and its last."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
