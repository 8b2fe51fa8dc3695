"""Owns: the tables of the store. The migrations build them; a test holds both against each other.
Imports: SQLAlchemy.
Never: queries.

Times are text in RFC 3339 UTC with six fraction digits, so that they sort as they are.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    text,
)

from router.infra.store.migrations.texts import short
from router.infra.store.rows import SETTLED

metadata = MetaData()

_Id = short(64)
_Time = short(32)
_Serial = BigInteger().with_variant(Integer, "sqlite")

#: the original bytes of every delivery, stored before it is answered
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("channel", short(64), nullable=False),
    Column("received_at", _Time, nullable=False),
    Column("headers", Text, nullable=False),
    Column("sha256", short(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

#: messages on their way; the row is both queue and outbox: published when its transaction commits.
#: lane: `loop` for routes and flows, `sys.<system>` for workers
queue = Table(
    "queue",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("lane", short(80), nullable=False),
    Column("consumer", short(160), nullable=False),
    Column("message_id", _Id, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("queue_by_lane", "lane", "id"),
    Index("queue_by_message", "message_id"),
    sqlite_autoincrement=True,
)

#: messages whose next attempt has a time
due = Table(
    "due",
    metadata,
    Column("message_id", _Id, primary_key=True),
    Column("consumer", short(160), primary_key=True),
    Column("due_at", _Time, nullable=False),
    Column("lane", short(80), nullable=False),
    Column("reason", short(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("due_by_time", "due_at"),
)

#: identities: of deliveries, of what messages are about, of produced objects
claims = Table(
    "claims",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("message_id", _Id, nullable=False),
    Column("state", short(8), nullable=False),
    Column("compare", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("version", BigInteger),
    Column("at", _Time, nullable=False),
    Column("expires_at", _Time),
    sqlite_with_rowid=False,
)

#: one row a decision, an attempt, an outcome; append only
journal = Table(
    "journal",
    metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=True),
    Column("at", _Time, nullable=False),
    Column("correlationid", short(256), nullable=False),
    Column("message_id", _Id, nullable=False),
    Column("causationid", _Id),
    Column("consumer", short(160), nullable=False),
    Column("word", short(24), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("revision", short(16), nullable=False),
    Column("detail", Text, nullable=False),
    Index("journal_by_correlation", "correlationid", "seq"),
    Index("journal_by_message", "message_id"),
)

#: words by which a transaction can be found: the numbers of orders, returns, documents
reference_words = Table(
    "reference_words",
    metadata,
    Column("word", short(256), primary_key=True),
    Column("correlationid", short(256), primary_key=True),
    sqlite_with_rowid=False,
)

#: how often each consumer came to each word, for each reason
counters = Table(
    "counters",
    metadata,
    Column("consumer", short(160), primary_key=True),
    Column("word", short(24), primary_key=True),
    Column("reason", short(256), primary_key=True),
    Column("n", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: messages that wait for a person, complete
dead = Table(
    "dead",
    metadata,
    Column("message_id", _Id, primary_key=True),
    Column("consumer", short(160), primary_key=True),
    Column("at", _Time, nullable=False),
    Column("correlationid", short(256), nullable=False),
    Column("delivery", _Id),
    Column("reason", short(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("step", short(64), nullable=False),
    Column("place", short(256), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("revision", short(16), nullable=False),
    Column("lane", short(80), nullable=False),
    Column("body", LargeBinary, nullable=False),
    #: open, retried (on its way again), edited (a new message took its place), resolved
    Column("state", short(16), nullable=False),
    Column("note", Text, nullable=False),
    Index("dead_by_state", "state", "at"),
    Index("dead_by_message", "state", "message_id"),
)

#: what operators ask of a running daemon, and what came of it; append only
commands = Table(
    "commands",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("at", _Time, nullable=False),
    Column("actor", short(64), nullable=False),
    Column("verb", short(32), nullable=False),
    Column("arguments", Text, nullable=False),
    #: asked, done, failed; of what a second person approves: proposed, approved, rejected
    Column("state", short(16), nullable=False),
    Column("result", Text, nullable=False),
    Index("commands_by_state", "state", "id"),
)

#: what is held back: `channel:name`, `flow:name`, `system:name`
pauses = Table(
    "pauses",
    metadata,
    Column("name", short(80), primary_key=True),
    Column("at", _Time, nullable=False),
    Column("reason", Text, nullable=False),
    #: paused, draining (a fence: what was there goes on), slow (what waited goes on at a rate)
    Column("mode", short(16), nullable=False, server_default="paused"),
    #: slow: messages a minute; queue rows up to `goes_to` go on, it ends with `ends_at`
    Column("rate", Integer, nullable=False, server_default="0"),
    Column("goes_to", BigInteger, nullable=False, server_default="0"),
    Column("ends_at", BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

#: messages that go on while their name is drained: they were there when it began
fences = Table(
    "fences",
    metadata,
    Column("name", short(80), primary_key=True),
    Column("message_id", _Id, primary_key=True),
    Column("consumer", short(160), primary_key=True),
    sqlite_with_rowid=False,
)

#: the configurations that ran here: texts by path as JSON, compressed with zlib
revisions = Table(
    "revisions",
    metadata,
    Column("revision", short(16), primary_key=True),
    Column("at", _Time, nullable=False),
    Column("texts", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

#: work over many messages: the set was frozen when it was planned
jobs = Table(
    "jobs",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("at", _Time, nullable=False),
    Column("reason", Text, nullable=False),
    #: messages a second
    Column("rate", Integer, nullable=False),
    #: planned, running, cancelled, done
    Column("state", short(16), nullable=False),
    #: how its messages are put on their way: retry (a dead letter as it was queued), replay (a
    #: record from its bytes), order (an order for each instance)
    Column("how", short(16), nullable=False, server_default="retry"),
    #: the configuration it was planned for
    Column("revision", short(16), nullable=False, server_default=""),
    #: further choices, JSON
    Column("options", Text, nullable=False, server_default="{}"),
)
job_items = Table(
    "job_items",
    metadata,
    Column("job", _Serial, primary_key=True),
    #: its place in the set, from 1
    Column("item", Integer, primary_key=True),
    Column("message_id", _Id, nullable=False),
    Column("consumer", short(160), nullable=False),
    #: remaining, sent, skipped
    Column("state", short(16), nullable=False),
    #: the newest line of the message's journal when the set was frozen
    Column("seen", BigInteger, nullable=False),
    #: why it was skipped
    Column("note", Text, nullable=False),
    Index("job_items_by_state", "job", "state", "item"),
    Index("job_items_by_message", "message_id"),
    sqlite_with_rowid=False,
)

#: the messages that a job has put on their way, with what derives from them, and what came of a
#: command when it was held against what was sent before: new, unchanged, changed, resent
job_messages = Table(
    "job_messages",
    metadata,
    Column("job", _Serial, primary_key=True),
    Column("message_id", _Id, primary_key=True),
    Column("consumer", short(160), primary_key=True),
    Column("item", Integer, nullable=False),
    Column("word", short(16), nullable=False),
    Index("job_messages_by_word", "job", "word"),
    sqlite_with_rowid=False,
)

#: the intents of which it is not known for good what became of them: few, so they have an index
_UNSETTLED = text("state NOT IN ('done', 'refused', 'partial')")

#: calls with an effect on a system: written before the call, settled after it. state: sending,
#: done, accepted, refused, unknown, waiting (nothing happened, comes again). key: the message id of
#: the command, in a sequence derived from it and the call's name. result: JSON, for later calls
intents = Table(
    "intents",
    metadata,
    Column("key", _Id, primary_key=True),
    Column("operation", short(128), nullable=False),
    Column("state", short(16), nullable=False),
    Column("request", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("reference", short(64), nullable=False),
    Column("their_reference", short(256)),
    Column("sends", Integer, nullable=False),
    Column("first_at", _Time, nullable=False),
    Column("lease_until", _Time, nullable=False),
    Column("token", short(32), nullable=False),
    Column("result", Text),
    #: the effect that a replay with another request has put in its place
    Column("successor", _Id),
    #: 1 = a part of it was taken, and not all of it since
    Column("in_part", Integer, nullable=False, server_default="0"),
    Index("intents_open", "key", sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED),
)

#: who is first in a row of messages with one order key: later ones wait behind it
gates = Table(
    "gates",
    metadata,
    Column("consumer", short(160), primary_key=True),
    Column("order_key", short(256), primary_key=True),
    Column("holder", _Id, nullable=False),
    Column("since", _Time, nullable=False),
    Index("gates_by_holder", "holder"),
    sqlite_with_rowid=False,
)

#: messages that wait behind a gate, in the order of their coming
held_back = Table(
    "held_back",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("consumer", short(160), nullable=False),
    Column("order_key", short(256), nullable=False),
    Column("lane", short(80), nullable=False),
    Column("message_id", _Id, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("held_back_by_gate", "consumer", "order_key", "id"),
    Index("held_back_by_message", "message_id"),
    sqlite_autoincrement=True,
)

#: facts about the process that outlive it: `state` (running, stopped), `in_hand` (a row that is
#: handled alone after an unclean end)
marks = Table(
    "marks",
    metadata,
    Column("name", short(32), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

#: copies of files that came to an end here, with the digest of their bytes; append only. A copy is
#: told from another one of the same bytes by where it lay (inode) and its time
files = Table(
    "files",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("channel", short(64), nullable=False),
    Column("name", short(1024), nullable=False),
    Column("sha256", short(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", short(24), nullable=False),
    #: the digest of the file with control totals that lay beside it
    Column("beside", short(64), nullable=False),
    Column("at", _Time, nullable=False),
    #: the delivery that it became, or that of the copy whose bytes it repeats
    Column("delivery", _Id, nullable=False),
    #: what was told of it: file_resent, file_changed, file_renamed; nothing of a new one
    Column("word", short(24), nullable=False),
    Index("files_by_name", "channel", "name", "id"),
    Index("files_by_content", "channel", "sha256", "id"),
    Index("files_by_time", "channel", "at"),
    sqlite_autoincrement=True,
)

#: files that lie there and cannot be taken, or read: why, since when
waiting_files = Table(
    "waiting_files",
    metadata,
    Column("channel", short(64), primary_key=True),
    Column("name", short(1024), primary_key=True),
    Column("at", _Time, nullable=False),
    Column("reason", short(32), nullable=False),
    Column("detail", Text, nullable=False),
    sqlite_with_rowid=False,
)

#: how far the poll of each channel has come (core.progress says what each is); positions and what
#: leads to the next page are JSON
polls = Table(
    "polls",
    metadata,
    Column("channel", short(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("reached", Text, nullable=False),
    Column("next", Text, nullable=False),
    Column("page", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("began", _Time),
    Column("asked_at", _Time),
    Column("digest", short(64), nullable=False),
    Column("asked", short(64), nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("trouble", Text, nullable=False),
    Column("trouble_since", _Time),
    Column("retry_at", _Time),
    sqlite_with_rowid=False,
)


def unsettled(intents: FromClause) -> ColumnElement[bool]:
    """Return whether it is open what became of an effect, in the words that its index knows."""
    words: BindParameter[str] = bindparam("settled", SETTLED, expanding=True, literal_execute=True)
    return intents.c.state.not_in(words)
