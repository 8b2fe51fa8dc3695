"""Owns: the tables of instances of workflows. The migrations build them.
Imports: SQLAlchemy, infra.store.tables.
Never: queries.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from router.infra.store.migrations.texts import short
from router.infra.store.tables import metadata

_Id = short(64)
_Time = short(32)
_Name = short(64)
#: a step with its item, a timer, an exception
_Path = short(256)
_OPEN = text("closed_at IS NULL")
_GOING = text("final = 0")
_ENDED = text("ended_at IS NOT NULL")

#: the newest state of every instance
instances = Table(
    "instances",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workflow", _Name, nullable=False),
    Column("key", _Path, nullable=False),
    #: the definition that decides it
    Column("mark", short(16), nullable=False),
    #: how many turns it had
    Column("turns", BigInteger, nullable=False),
    Column("label", _Name, nullable=False),
    Column("final", Integer, nullable=False),
    #: why it stands still; empty while it goes on
    Column("suspended", _Path, nullable=False),
    #: the transaction that began it
    Column("correlationid", _Path, nullable=False),
    Column("began_at", _Time, nullable=False),
    Column("at", _Time, nullable=False),
    Column("ended_at", _Time),
    Column("hash", short(32), nullable=False),
    Column("state", LargeBinary, nullable=False),
    Index("instances_by_key", "workflow", "key", unique=True),
    Index("instances_ended", "workflow", "ended_at", sqlite_where=_ENDED, postgresql_where=_ENDED),
    Index("instances_going", "workflow", "label", sqlite_where=_GOING, postgresql_where=_GOING),
)

#: every input of every instance, with what came of it; append only
turns = Table(
    "turns",
    metadata,
    Column("instance", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("message_id", _Id, nullable=False),
    Column("at", _Time, nullable=False),
    #: event, answer, timer, window, order, migration
    Column("kind", short(16), nullable=False),
    Column("name", _Path, nullable=False),
    Column("mark", short(16), nullable=False),
    Column("actor", _Name, nullable=False),
    Column("input", Text, nullable=False),
    #: what tables decided: a replay does not decide anew
    Column("decisions", Text, nullable=False),
    Column("effects", Text, nullable=False),
    #: applied, noted, stale, refused
    Column("outcome", short(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("label", _Name, nullable=False),
    #: of the state after it
    Column("hash", short(32), nullable=False),
    Index("turns_by_message", "message_id", "instance", unique=True),
    sqlite_with_rowid=False,
)

#: the definitions that instances go by: a configuration that has each
definitions = Table(
    "definitions",
    metadata,
    Column("mark", short(16), primary_key=True),
    Column("workflow", _Name, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("revision", short(16), nullable=False),
    Column("at", _Time, nullable=False),
    sqlite_with_rowid=False,
)

#: steps that are begun and not settled: what an instance waits for
waits = Table(
    "waits",
    metadata,
    Column("instance", _Id, primary_key=True),
    Column("step", _Name, primary_key=True),
    Column("item", _Path, primary_key=True),
    #: waiting, asked, held, running, failed, undoing, undo_failed
    Column("status", short(16), nullable=False),
    Column("since", _Time, nullable=False),
    Column("until", _Time),
    Index("waits_by_step", "step", "status"),
    sqlite_with_rowid=False,
)

#: questions to people that are open
tasks = Table(
    "tasks",
    metadata,
    Column("instance", _Id, primary_key=True),
    Column("step", _Name, primary_key=True),
    Column("item", _Path, primary_key=True),
    Column("role", _Name, nullable=False),
    Column("opened_at", _Time, nullable=False),
    Column("due_at", _Time, nullable=False),
    Index("tasks_by_role", "role", "due_at"),
    sqlite_with_rowid=False,
)

#: what a person has to look at, and what was
exceptions = Table(
    "exceptions",
    metadata,
    Column("instance", _Id, primary_key=True),
    Column("name", _Path, primary_key=True),
    Column("opened_at", _Time, primary_key=True),
    Column("step", _Name, nullable=False),
    Column("item", _Path, nullable=False),
    Column("code", _Path, nullable=False),
    Column("category", _Name, nullable=False),
    Column("severity", short(16), nullable=False),
    Column("owner", _Name, nullable=False),
    #: words to search by, JSON
    Column("by", Text, nullable=False),
    Column("due_at", _Time, nullable=False),
    Column("closed_at", _Time),
    Index(
        "exceptions_open",
        "category",
        "opened_at",
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    sqlite_with_rowid=False,
)

#: other names of instances; one name may be that of several
aliases = Table(
    "aliases",
    metadata,
    Column("workflow", _Name, primary_key=True),
    Column("kind", _Name, primary_key=True),
    Column("value", _Path, primary_key=True),
    Column("instance", _Id, primary_key=True),
    Index("aliases_by_instance", "instance"),
    sqlite_with_rowid=False,
)

#: events that wait for their instance, each by every name that it may come by (kind "" = its key);
#: the message itself is a due row
parked = Table(
    "parked",
    metadata,
    Column("workflow", _Name, primary_key=True),
    Column("kind", _Name, primary_key=True),
    Column("value", _Path, primary_key=True),
    Column("message_id", _Id, primary_key=True),
    Index("parked_by_message", "message_id"),
    sqlite_with_rowid=False,
)

#: events that several instances fit: what a person is asked, and was
ambiguities = Table(
    "ambiguities",
    metadata,
    Column("workflow", _Name, primary_key=True),
    Column("message_id", _Id, primary_key=True),
    Column("opened_at", _Time, nullable=False),
    Column("event", _Path, nullable=False),
    #: the keys of the instances that fitted when it was looked at last, JSON
    Column("candidates", Text, nullable=False),
    Column("category", _Name, nullable=False),
    Column("severity", short(16), nullable=False),
    Column("owner", _Name, nullable=False),
    #: words to search by, JSON
    Column("by", Text, nullable=False),
    Column("due_at", _Time, nullable=False),
    Column("closed_at", _Time),
    Index(
        "ambiguities_open",
        "workflow",
        "due_at",
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    sqlite_with_rowid=False,
)

#: commands that wait for a window to close
held_items = Table(
    "held_items",
    metadata,
    #: that of the command
    Column("message_id", _Id, primary_key=True),
    Column("workflow", _Name, nullable=False),
    Column("window", _Name, nullable=False),
    Column("closes_at", _Time, nullable=False),
    Column("group", _Path, nullable=False),
    Column("instance", _Id, nullable=False),
    Column("effect", _Path, nullable=False),
    Column("consumer", short(160), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("held_items_by_window", "workflow", "window", "closes_at", "group", "message_id"),
    Index("held_items_by_instance", "instance"),
    sqlite_with_rowid=False,
)

#: instances that were forgotten: late events are told by them
tombstones = Table(
    "tombstones",
    metadata,
    Column("workflow", _Name, primary_key=True),
    Column("key", _Path, primary_key=True),
    Column("label", _Name, nullable=False),
    Column("ended_at", _Time, nullable=False),
    Column("until", _Time, nullable=False),
    Index("tombstones_by_time", "until"),
    sqlite_with_rowid=False,
)
