"""Owns: the files that were read: by name, by their bytes, each copy that came to its end.
Imports: SQLAlchemy, infra.store.tables.
Never: a file itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from router.core.instants import time_of, time_text
from router.infra.store import tables

#: words of the journal about files: the same bytes again, other bytes under a name that was here,
#: bytes that were here under another name, a file that cannot be taken as yet
RESENT, CHANGED, RENAMED = "file_resent", "file_changed", "file_renamed"
WAITS = "file_waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy of a file as it lay there: what its name and bytes are, and which copy it is."""

    name: str
    sha256: str
    size: int
    mtime_ns: int
    #: 64 bits unsigned in some file systems, so it is a text
    inode: str
    #: of the file with control totals that lay beside it, "" without one
    beside: str = ""

    @property
    def tells(self) -> tuple[str, str]:
        """Return what it says: copies with the same are one file sent twice."""
        return self.sha256, self.beside


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A copy that came to its end: when, and the delivery that has its bytes."""

    copy: Copy
    at: datetime
    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that lies there and is not taken: why, in a word and in words."""

    channel: str
    name: str
    at: datetime
    reason: str
    detail: str


class Files:
    """Files over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self, channel: str, name: str) -> Past | None:
        """Return the newest copy of a name, None when there was none."""
        return self._newest(channel, tables.files.c.name == name)

    def same(self, channel: str, sha256: str) -> Past | None:
        """Return the newest copy with these bytes under any name, None when there was none."""
        return self._newest(channel, tables.files.c.sha256 == sha256)

    def names(self, channel: str, after: datetime, until: datetime) -> set[str]:
        """Return the names of what came within a time; a file that was sent again did not."""
        table = tables.files
        rows = self._connection.execute(
            select(table.c.name).where(
                table.c.channel == channel,
                table.c.at > time_text(after),
                table.c.at <= time_text(until),
                table.c.word != RESENT,
            )
        )
        return set(rows.scalars())

    def add(self, channel: str, past: Past, word: str = "") -> None:
        """Remember a copy that came to its end, and what was told of it."""
        copy = past.copy
        self._connection.execute(
            insert(tables.files).values(
                channel=channel,
                name=copy.name,
                sha256=copy.sha256,
                size=copy.size,
                mtime_ns=copy.mtime_ns,
                inode=copy.inode,
                beside=copy.beside,
                at=time_text(past.at),
                delivery=past.delivery,
                word=word,
            )
        )

    def waiting(self, channel: str = "") -> list[Waiting]:
        """Return the files that wait, of one channel or of all, the first first."""
        table = tables.waiting_files
        query = select(table).order_by(table.c.at, table.c.channel, table.c.name)
        if channel:
            query = query.where(table.c.channel == channel)
        return [
            Waiting(
                channel=row.channel,
                name=row.name,
                at=time_of(row.at),
                reason=row.reason,
                detail=row.detail,
            )
            for row in self._connection.execute(query)
        ]

    def wait(self, one: Waiting) -> None:
        """Let a file wait; what it waited for before counts no more."""
        self.go_on(one.channel, one.name)
        self._connection.execute(
            insert(tables.waiting_files).values(
                channel=one.channel,
                name=one.name,
                at=time_text(one.at),
                reason=one.reason,
                detail=one.detail,
            )
        )

    def go_on(self, channel: str, name: str) -> None:
        """Say that a file waits no more: it was taken, or it is gone."""
        table = tables.waiting_files
        self._connection.execute(
            delete(table).where(table.c.channel == channel, table.c.name == name)
        )

    def _newest(self, channel: str, which: Any) -> Past | None:
        table = tables.files
        query = select(table).where(table.c.channel == channel, which)
        row = self._connection.execute(query.order_by(table.c.id.desc()).limit(1)).first()
        if row is None:
            return None
        copy = Copy(
            name=row.name,
            sha256=row.sha256,
            size=row.size,
            mtime_ns=row.mtime_ns,
            inode=row.inode,
            beside=row.beside,
        )
        return Past(copy=copy, at=time_of(row.at), delivery=row.delivery)
