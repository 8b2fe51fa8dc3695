"""Owns: jobs over many messages: the frozen set, what was put on its way, totals that add up.
Imports: SQLAlchemy, infra.store, infra.codecs.
Never: puts a message on its way; lets a set grow after it was frozen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    func,
    insert,
    literal,
    select,
    union,
    union_all,
    update,
)

from router.core.instance import consumer_of
from router.core.instants import time_text
from router.infra.codecs import decode_trusted, encode_json
from router.infra.store import instancetables, tables
from router.infra.store.letters import LetterQuery, narrowed
from router.infra.store.overview import InstanceQuery
from router.infra.store.overview import narrowed as narrowed_instances
from router.infra.store.rows import number_of
from router.infra.store.statements import module_of


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalQuery:
    """Which records, by lines of the journal; what is empty does not narrow.

    A line is looked for by consumer, word, time and what it is about. The record that caused it is
    meant; `channel` and `kind` say by which door that record came in.
    """

    channel: str = ""
    kind: str = ""
    consumer: str = ""
    word: str = ""
    since: str = ""
    until: str = ""
    #: a message, a correlation, or a word by which a transaction is known
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job: how its messages are put on their way, and how fast."""

    how: str
    reason: str
    #: messages a second
    rate: int
    #: the configuration that it was planned for
    revision: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0
    state: str = "planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One message of a job's set. `seen` is the newest line of its journal at that moment."""

    item: int
    message_id: str
    consumer: str
    seen: int = 0


class Jobs:
    """Jobs over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def make(self, job: Job, at: datetime) -> int:
        """Note a job without a set; return its number."""
        made = self._connection.execute(
            insert(tables.jobs).values(
                at=time_text(at),
                reason=job.reason,
                rate=job.rate,
                state=job.state,
                how=job.how,
                revision=job.revision,
                options=encode_json(job.options).decode(),
            )
        )
        return number_of(made)

    def freeze_letters(self, job: int, query: LetterQuery) -> None:
        """Let the dead letters that a query finds now be a job's set, the oldest first."""
        dead = tables.dead
        found = narrowed(select(dead.c.message_id, dead.c.consumer, dead.c.at), query).subquery()
        place = func.row_number().over(order_by=(found.c.at, found.c.message_id, found.c.consumer))
        self._freeze(job, select(place, found.c.message_id, found.c.consumer, literal(0)))

    def freeze_records(self, job: int, query: JournalQuery) -> None:
        """Let the records that a query finds now be a job's set, in the order they came."""
        first, roots = tables.journal.alias("first"), _roots(query).subquery()
        place = func.row_number().over(order_by=roots.c.first)
        found = select(place, roots.c.message_id, first.c.consumer, roots.c.seen).join(
            first, first.c.seq == roots.c.first
        )
        if query.channel:
            door = f"{query.channel}:"
            found = found.where(
                first.c.consumer == door + query.kind
                if query.kind
                else first.c.consumer.startswith(door, autoescape=True)
            )
        self._freeze(job, found)

    def freeze_instances(self, job: int, query: InstanceQuery) -> None:
        """Let the instances that a query finds now be a job's set, in the order of their keys."""
        of = instancetables.instances
        found = narrowed_instances(select(of.c.id, of.c.key), query).subquery()
        place = func.row_number().over(order_by=found.c.key)
        consumer = literal(consumer_of(query.workflow))
        self._freeze(job, select(place, found.c.id, consumer, literal(0)))

    def _freeze(self, job: int, found: Select[Any]) -> None:
        """Insert what was found: (place, message, consumer, seen)."""
        rows = found.subquery()
        place, message, consumer, seen = rows.c
        names = ["job", "item", "message_id", "consumer", "state", "seen", "note"]
        source = select(
            literal(job), place, message, consumer, literal("remaining"), seen, literal("")
        )
        self._connection.execute(insert(tables.job_items).from_select(names, source))

    def get(self, number: int) -> Job | None:
        """Return a job."""
        jobs = tables.jobs
        row = self._connection.execute(select(jobs).where(jobs.c.id == number)).first()
        return None if row is None else _job(row)

    def choose(self, number: int, options: Mapping[str, Any]) -> None:
        """Let a job have other choices."""
        jobs = tables.jobs
        told = encode_json(options).decode()
        self._connection.execute(update(jobs).where(jobs.c.id == number).values(options=told))

    def running(self) -> list[Job]:
        """Return each running job."""
        jobs = tables.jobs
        query = select(jobs).where(jobs.c.state == "running").order_by(jobs.c.id)
        return [_job(row) for row in self._connection.execute(query)]

    def set_state(self, number: int, state: str, unless: Sequence[str] = ()) -> bool:
        """Set a job's state; False when there is no such job or it is in one of `unless`."""
        jobs = tables.jobs
        done = self._connection.execute(
            update(jobs)
            .where(jobs.c.id == number, jobs.c.state.not_in(list(unless)))
            .values(state=state)
        )
        return done.rowcount == 1

    def items(self, job: int, state: str, limit: int, after: int = 0) -> list[Item]:
        """Return messages of a job in their order, those in one state."""
        items = tables.job_items
        rows = self._connection.execute(
            select(items.c.item, items.c.message_id, items.c.consumer, items.c.seen)
            .where(items.c.job == job, items.c.state == state, items.c.item > after)
            .order_by(items.c.item)
            .limit(limit)
        )
        return [Item(**row) for row in rows.mappings()]

    def set_item(self, job: int, item: int, state: str, note: str = "") -> None:
        """Say what became of one message of a job."""
        items = tables.job_items
        self._connection.execute(
            update(items)
            .where(items.c.job == job, items.c.item == item)
            .values(state=state, note=note)
        )

    def follow(self, job: int, item: int, keys: Iterable[tuple[str, str]], word: str = "") -> None:
        """Note messages (id, consumer) that are on their way because of one message of a job."""
        rows = [
            {"job": job, "item": item, "message_id": message_id, "consumer": consumer, "word": word}
            for message_id, consumer in keys
        ]
        if rows:
            put = module_of(self._connection.dialect).insert(tables.job_messages)
            names = [column.name for column in tables.job_messages.primary_key]
            fresh = {"word": put.excluded.word, "item": put.excluded.item}
            self._connection.execute(
                put.on_conflict_do_update(index_elements=names, set_=fresh),
                rows,
            )

    def totals(self, job: int) -> dict[str, int]:
        """Return a job's counts: they add up to its frozen set.

        `failed` are those of which something is a dead letter, `under_way` those that are not
        settled yet.
        """
        items = tables.job_items
        failed = _items_with(_dead_letters(), job)
        moving = _items_with(_on_their_way(), job)
        flags = [items.c.item.in_(failed).label("is0"), items.c.item.in_(moving).label("is1")]
        rows = self._connection.execute(
            select(
                items.c.state, *(one.label(f"is{n}") for n, one in enumerate(flags)), func.count()
            )
            .where(items.c.job == job)
            .group_by(items.c.state, "is0", "is1")
        )
        totals = dict.fromkeys(
            ("all", "remaining", "skipped", "failed", "under_way", "succeeded"), 0
        )
        for state, is_failed, is_moving, n in rows:
            sent = "failed" if is_failed else "under_way" if is_moving else "succeeded"
            totals["all"] += n
            totals[sent if state == "sent" else state] += n
        return totals

    def words(self, job: int) -> dict[str, int]:
        """Return how many commands of a job came to each word."""
        mine = tables.job_messages
        rows = self._connection.execute(
            select(mine.c.word, func.count())
            .where(mine.c.job == job, mine.c.word != "")
            .group_by(mine.c.word)
        )
        return {word: int(n) for word, n in rows}

    def turned(self, job: int) -> dict[str, int]:
        """Return how many orders of a job came to each outcome: applied, or refused."""
        mine, made = tables.job_messages, instancetables.turns
        rows = self._connection.execute(
            select(made.c.outcome, func.count())
            .join(mine, mine.c.message_id == made.c.message_id)
            .where(mine.c.job == job)
            .group_by(made.c.outcome)
        )
        return {outcome: int(n) for outcome, n in rows}

    def named(self, job: int, word: str, limit: int) -> list[tuple[str, str]]:
        """Return the first commands of a job (operation, message) that came to a word."""
        mine = tables.job_messages
        rows = self._connection.execute(
            select(mine.c.consumer, mine.c.message_id)
            .where(mine.c.job == job, mine.c.word == word)
            .order_by(mine.c.item, mine.c.message_id)
            .limit(limit)
        )
        return [(row.consumer, row.message_id) for row in rows]

    def skipped(self, job: int) -> dict[str, int]:
        """Return why messages of a job were skipped, and how many."""
        items = tables.job_items
        rows = self._connection.execute(
            select(items.c.note, func.count())
            .where(items.c.job == job, items.c.state == "skipped")
            .group_by(items.c.note)
        )
        return {note: int(n) for note, n in rows}

    def told(self, number: int) -> dict[str, Any] | None:
        """Return a job with its totals and what came of its commands, as a document."""
        jobs = tables.jobs
        row = self._connection.execute(select(jobs).where(jobs.c.id == number)).mappings().first()
        if row is None:
            return None
        return {
            **dict(row),
            "options": decode_trusted(row["options"].encode()),
            "totals": self.totals(number),
            "words": self.words(number),
            "turns": self.turned(number) if row["how"] == "order" else {},
            "skipped": self.skipped(number),
        }

    def on_their_way(self, message_ids: Sequence[str]) -> set[str]:
        """Return those of some messages that are queued, due or held back."""
        moving = _on_their_way()
        rows = self._connection.execute(
            select(moving.c.message_id).where(moving.c.message_id.in_(message_ids))
        )
        return set(rows.scalars())


def _job(row: Any) -> Job:
    return Job(
        id=row.id,
        how=row.how,
        reason=row.reason,
        rate=row.rate,
        revision=row.revision,
        options=decode_trusted(row.options.encode()),
        state=row.state,
    )


def _on_their_way() -> Any:
    return union_all(
        *(
            select(table.c.message_id, table.c.consumer)
            for table in (tables.queue, tables.due, tables.held_back)
        )
    ).subquery()


def _dead_letters() -> Any:
    dead = tables.dead
    return select(dead.c.message_id, dead.c.consumer).where(dead.c.state == "open").subquery()


def _items_with(found: Any, job: int) -> Any:
    """Return the query for the items of a job that have a message among those found."""
    mine = tables.job_messages
    same = and_(found.c.message_id == mine.c.message_id, found.c.consumer == mine.c.consumer)
    return select(mine.c.item).join(found, same).where(mine.c.job == job)


def _roots(query: JournalQuery) -> Select[Any]:
    """Return the query for the records behind the lines that are meant."""
    journal = tables.journal
    climb = _lines(query).distinct().cte("climb", recursive=True)
    cause = select(journal.c.causationid).join(climb, journal.c.message_id == climb.c.message_id)
    climb = climb.union(cause.where(journal.c.causationid.is_not(None)))
    return (
        select(
            journal.c.message_id,
            func.min(journal.c.seq).label("first"),
            func.max(journal.c.seq).label("seen"),
        )
        .join(climb, journal.c.message_id == climb.c.message_id)
        .where(journal.c.causationid.is_(None))
        .group_by(journal.c.message_id)
    )


def _lines(query: JournalQuery) -> Select[Any]:
    journal = tables.journal
    lines = select(journal.c.message_id)
    if query == JournalQuery(channel=query.channel, kind=query.kind):
        lines = lines.where(journal.c.causationid.is_(None))  # the door alone: it is a record's
    if query.consumer:
        lines = lines.where(journal.c.consumer == query.consumer)
    if query.word:
        lines = lines.where(journal.c.word == query.word)
    if query.since:
        lines = lines.where(journal.c.at >= query.since)
    if query.until:
        lines = lines.where(journal.c.at < query.until)
    if query.about:
        lines = lines.where(journal.c.message_id.in_(_about(query.about[:256])))
    return lines


def _about(about: str) -> Any:
    """Return the query for the messages of a word; each part has its index."""
    journal, words = tables.journal, tables.reference_words
    known = select(words.c.correlationid).where(words.c.word == about)
    return union(
        select(journal.c.message_id).where(journal.c.message_id == about),
        select(journal.c.message_id).where(journal.c.correlationid == about),
        select(journal.c.message_id).where(journal.c.correlationid.in_(known)),
    )
