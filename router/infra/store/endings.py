"""Owns: which rows have ended and may go.
Imports: SQLAlchemy, core, infra.store.tables.
Never: takes a row away; says of a message that is under way that it has ended.

Everything that derives from a delivery has an id that begins with the moment at which it came, its
birth. So a birth is what is kept or goes: as long as anything of one is under way, all of it stays;
and as long as its delivery is there and can be replayed, so do its journal and its effects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    and_,
    exists,
    func,
    not_,
    or_,
    select,
    union_all,
)

from router.core.instants import time_of, time_text
from router.core.message import BORN
from router.infra.store import tables
from router.infra.store.backlog import born
from router.infra.store.instancetables import definitions

#: every character of an id sorts before it
_BEHIND = "g"
#: a configuration may go on in one process for so long after the next one began in another
_OVERLAP = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What came or was written before these may go, once it has ended; None = never."""

    now: datetime
    bodies: datetime | None = None
    journal: datetime | None = None
    claims: datetime | None = None
    #: the oldest of all that is there came then, for what looks at all of it
    oldest: datetime | None = None


Condition: TypeAlias = Callable[[Bounds], ColumnElement[bool]]


def birth_text(at: datetime) -> str:
    """Return a time as ids begin with it."""
    return f"{max(0, int(at.timestamp() * 1000)):0{BORN}x}"


def birth_of(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return what an id begins with."""
    return func.substr(column, 1, BORN)


def job_time(job: ColumnElement[Any]) -> ColumnElement[str]:
    """Return when a job was planned."""
    jobs = tables.jobs.alias()
    return select(jobs.c.at).where(jobs.c.id == job).scalar_subquery()


def deliveries(bounds: Bounds) -> ColumnElement[bool]:
    """Of a delivery: nothing that came of it is under way."""
    return _has_ended(bounds, tables.deliveries.c.id)


def intents(bounds: Bounds) -> ColumnElement[bool]:
    """Of an effect: no replay can come upon it."""
    return _cannot_return(bounds, tables.intents.c.key)


def journal(bounds: Bounds) -> ColumnElement[bool]:
    """Of a line: its message is not under way, and no replay needs it."""
    return _cannot_return(bounds, tables.journal.c.message_id)


def letters(bounds: Bounds) -> ColumnElement[bool]:
    """Of a dead letter: a person has settled it."""
    dead = tables.dead
    old = _before(dead.c.at, bounds.journal)
    return and_(dead.c.state != "open", old, _has_ended(bounds, dead.c.message_id))


def reference_words(_bounds: Bounds) -> ColumnElement[bool]:
    """Of a word: it leads to nothing any more."""
    lines = tables.journal.alias()
    mine = lines.c.correlationid == tables.reference_words.c.correlationid
    return ~exists().where(mine)


def claims(bounds: Bounds) -> ColumnElement[bool]:
    """Of an identity: its own time is over or, without one, that of all."""
    table = tables.claims
    over = table.c.expires_at <= time_text(bounds.now)
    if bounds.claims is not None:
        over = or_(over, and_(table.c.expires_at.is_(None), _before(table.c.at, bounds.claims)))
    return and_(over, _has_ended(bounds, table.c.message_id))


def files(bounds: Bounds) -> ColumnElement[bool]:
    """Of a copy of a file: it is what tells a repeat, as a claim does."""
    return _has_ended(bounds, tables.files.c.delivery)


def commands(_bounds: Bounds) -> ColumnElement[bool]:
    """Of what an operator asked: it is answered."""
    return tables.commands.c.state != "asked"


def job_messages(bounds: Bounds) -> ColumnElement[bool]:
    """Of a message of a job: both have ended."""
    mine = tables.job_messages
    return and_(_is_over(mine.c.job, bounds), _has_ended(bounds, mine.c.message_id))


def job_items(bounds: Bounds) -> ColumnElement[bool]:
    """Of a job's set: the job has ended, with all that came of it."""
    items, messages = tables.job_items, tables.job_messages.alias()
    return and_(_is_over(items.c.job, bounds), ~exists().where(messages.c.job == items.c.job))


def jobs(_bounds: Bounds) -> ColumnElement[bool]:
    """Of a job: nothing of it is left."""
    table = tables.jobs
    parts = (tables.job_items.alias(), tables.job_messages.alias())
    left = [exists().where(one.c.job == table.c.id) for one in parts]
    return and_(table.c.state != "running", *(not_(one) for one in left))


def revisions(bounds: Bounds) -> ColumnElement[bool]:
    """Of a configuration: nothing is left of the time before the next one began, and no instance
    of a workflow goes by it.
    """
    table, newer = tables.revisions, tables.revisions.alias()
    following = select(func.min(newer.c.at)).where(newer.c.at > table.c.at).scalar_subquery()
    needed = select(definitions.c.revision)
    return and_(
        following < time_text((bounds.oldest or bounds.now) - _OVERLAP),
        table.c.revision.not_in(needed),
    )


def oldest(connection: Connection, now: datetime) -> datetime:
    """Return when the oldest of all that is there came in or was written."""
    lines, table = tables.journal, tables.jobs
    births = connection.execute(select(func.min(_births().c.id))).scalar()
    line = connection.execute(select(lines.c.at).order_by(lines.c.seq).limit(1)).scalar()
    job = connection.execute(select(func.min(table.c.at))).scalar()
    found = [time_of(one) for one in (line, job) if one is not None]
    return min([now, *found, *([born(births)] if births is not None else [])])


def _has_ended(bounds: Bounds, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether nothing of a row's birth is under way, wherever that may be."""
    birth = birth_of(column)
    waiting = (one.alias() for one in (tables.queue, tables.due, tables.held_back))
    dead, gates, open_intents = tables.dead.alias(), tables.gates.alias(), tables.intents.alias()
    return not_(
        or_(
            *(exists().where(_is_of(birth, one.c.message_id)) for one in waiting),
            exists().where(dead.c.state == "open", _is_of(birth, dead.c.message_id)),
            exists().where(_is_of(birth, gates.c.holder)),
            exists().where(tables.unsettled(open_intents), _is_of(birth, open_intents.c.key)),
            _is_planned(bounds, birth),
        )
    )


def _is_planned(bounds: Bounds, birth: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether a job is to put a message of a birth on its way."""
    items, job = tables.job_items.alias(), tables.jobs.alias()
    planned = job.c.state == "planned"
    if bounds.journal is not None:  # one that nobody has started since then goes
        planned = and_(planned, not_(_before(job.c.at, bounds.journal)))
    return exists().where(
        _is_of(birth, items.c.message_id),
        items.c.state == "remaining",
        job.c.id == items.c.job,
        or_(job.c.state == "running", planned),
    )


def _cannot_return(bounds: Bounds, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether nothing of a row's birth is under way, and no replay can bring it back."""
    kept = tables.deliveries.alias()
    return and_(_has_ended(bounds, column), ~exists().where(_is_of(birth_of(column), kept.c.id)))


def _is_of(birth: ColumnElement[str], column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether an id is of a birth, as an index of ids finds it."""
    return and_(column >= birth, column < birth + _BEHIND)


def _is_over(job: ColumnElement[Any], bounds: Bounds) -> ColumnElement[bool]:
    table = tables.jobs.alias()
    old = _before(table.c.at, bounds.journal)
    return exists().where(table.c.id == job, table.c.state != "running", old)


def _before(column: ColumnElement[Any], at: datetime | None) -> ColumnElement[bool]:
    assert at is not None, "what has no bound is not walked"
    return column < time_text(at)


def _births() -> Subquery:
    """Return the query for the first id of each table."""
    first = [
        select(func.min(column).label("id"))
        for column in (
            tables.deliveries.c.id,
            tables.queue.c.message_id,
            tables.due.c.message_id,
            tables.held_back.c.message_id,
            tables.gates.c.holder,
        )
    ]
    dead, effects = tables.dead, tables.intents
    first.append(select(func.min(dead.c.message_id).label("id")).where(dead.c.state == "open"))
    first.append(select(func.min(effects.c.key).label("id")).where(tables.unsettled(effects)))
    return union_all(*first).subquery()
