"""Owns: everything that one transaction may write. Rows are collected, then written table by table.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: commits (the writer does), decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, update
from sqlalchemy import bindparam as bind
from sqlalchemy.dialects import postgresql, sqlite

from router.core.claim import Claim, Held
from router.core.envelope import pack
from router.infra.codecs import encode_json
from router.infra.store import tables
from router.infra.store.rows import Dead, Entry, Intent, Queued, time_text


class Transaction:
    """Collects writes; `flush` sends them in a handful of statements. Use one per job."""

    def __init__(self, connection: Connection, revision: str) -> None:
        self.connection = connection
        self._revision = revision
        self._inserts: dict[Table, list[dict[str, Any]]] = {}
        self._claims: dict[bytes, dict[str, Any]] = {}
        self._due: dict[tuple[str, str], dict[str, Any]] = {}
        self._words: set[tuple[str, str]] = set()
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._settled: list[int] = []
        #: lanes that got rows: who to wake after the commit
        self.woken: set[str] = set()

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
            self._insert(
                tables.queue,
                lane=row.lane,
                consumer=row.consumer,
                message_id=row.message.id,
                body=_body(row),
            )

    def settle(self, ids: Iterable[int]) -> None:
        """Take queue rows away: their messages are decided."""
        self._settled.extend(ids)

    def postpone(self, row: Queued, at: datetime, reason: str) -> None:
        """Let a message come again at a time; the last word about a message counts."""
        self._due[row.message.id, row.consumer] = {
            "message_id": row.message.id,
            "consumer": row.consumer,
            "due_at": time_text(at),
            "lane": row.lane,
            "reason": reason,
            "body": _body(row),
        }

    def claim(self, claim: Claim, message_id: str, state: Held, at: datetime) -> None:
        """Record an identity; the last one of a transaction wins."""
        self._claims[claim.key] = {
            "key": claim.key,
            "message_id": message_id,
            "state": state.value,
            "compare": claim.compare,
            "body": claim.body,
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
            revision=self._revision,
            detail=detail,
        )

    def refer(self, words: Iterable[str], correlationid: str) -> None:
        """Let a transaction be found by words."""
        self._words.update((word[:256], correlationid) for word in words)

    def bury(self, letter: Dead) -> None:
        """Keep a dead letter, complete."""
        message = letter.queued.message
        self._insert(
            tables.dead,
            message_id=message.id,
            consumer=letter.queued.consumer,
            at=time_text(letter.at),
            correlationid=message.correlationid,
            delivery=message.raw.delivery if message.raw else None,
            reason=letter.reason,
            detail=letter.detail,
            step=letter.step,
            place=letter.place,
            attempts=message.attempt,
            revision=self._revision,
            body=_body(letter.queued),
        )

    def file_done(self, key: tuple[str, str, int, int], at: datetime, delivery: str) -> None:
        """Remember that a file (channel, name, size, mtime) was read to its last record."""
        channel, name, size, mtime = key
        self._insert(
            tables.files,
            channel=channel,
            name=name,
            size=size,
            mtime_ns=mtime,
            at=time_text(at),
            delivery=delivery,
        )

    def intend(self, intent: Intent) -> None:
        """Record an effect before its first call."""
        self._insert(
            tables.intents,
            key=intent.key,
            operation=intent.operation,
            state=intent.state,
            request=encode_json(intent.head).decode(),
            body=intent.body,
            reference=intent.reference,
            their_reference=None,
            sends=intent.sends,
            first_at=time_text(intent.first_at),
            lease_until=time_text(intent.lease_until),
            token=intent.token,
        )

    def lease(self, key: str, token: str, until: datetime) -> None:
        """Take over an effect for one more call."""
        self.connection.execute(
            update(tables.intents)
            .where(tables.intents.c.key == key)
            .values(
                state="sending",
                token=token,
                lease_until=time_text(until),
                sends=tables.intents.c.sends + 1,
            )
        )

    def conclude(
        self, key: str, token: str, state: str, their_reference: str | None = None
    ) -> bool:
        """Settle an effect; False when the lease was lost to another call meanwhile."""
        table = tables.intents
        done = self.connection.execute(
            update(table)
            .where(table.c.key == key, table.c.token == token)
            .values(state=state, their_reference=their_reference)
        )
        return done.rowcount == 1

    def take_due(self, keys: Sequence[tuple[str, str]]) -> None:
        """Take due rows away: their messages are on their way again."""
        if keys:
            table = tables.due
            statement = delete(table).where(
                table.c.message_id == bind("a"), table.c.consumer == bind("b")
            )
            self.connection.execute(statement, [{"a": a, "b": b} for a, b in keys])

    def flush(self) -> None:
        """Send what was collected."""
        if self._settled:
            table = tables.queue
            self.connection.execute(
                delete(table).where(table.c.id == bind("row")), [{"row": i} for i in self._settled]
            )
        for table, rows in self._inserts.items():
            self.connection.execute(insert(table), rows)
        self._upserts()
        self._inserts.clear()
        self._settled.clear()

    def _upserts(self) -> None:
        dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        if self._claims:
            put = dialect.insert(tables.claims)
            fresh = {c.name: put.excluded[c.name] for c in tables.claims.c if c.name != "key"}
            self.connection.execute(
                put.on_conflict_do_update(index_elements=["key"], set_=fresh),
                list(self._claims.values()),
            )
        if self._due:
            put = dialect.insert(tables.due)
            fresh = {name: put.excluded[name] for name in ("due_at", "lane", "reason", "body")}
            self.connection.execute(
                put.on_conflict_do_update(index_elements=["message_id", "consumer"], set_=fresh),
                list(self._due.values()),
            )
        if self._words:
            self.connection.execute(
                dialect.insert(tables.reference_words).on_conflict_do_nothing(),
                [{"word": word, "correlationid": c} for word, c in sorted(self._words)],
            )
        if self._counts:
            put = dialect.insert(tables.counters)
            self.connection.execute(
                put.on_conflict_do_update(
                    index_elements=["consumer", "word", "reason"],
                    set_={"n": tables.counters.c.n + put.excluded.n},
                ),
                [
                    {"consumer": consumer, "word": word, "reason": reason, "n": n}
                    for (consumer, word, reason), n in sorted(self._counts.items())
                ],
            )
        self._claims.clear()
        self._due.clear()
        self._words.clear()
        self._counts.clear()

    def _insert(self, table: Table, **row: Any) -> None:
        self._inserts.setdefault(table, []).append(row)


def _body(row: Queued) -> bytes:
    return encode_json({"message": pack(row.message), "extra": row.extra})
