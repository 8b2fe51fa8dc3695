"""Owns: how far the poll of each channel has come.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: overwrites what another one has changed meanwhile.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from router.core.errors import Unavailable
from router.core.instants import time_of, time_text
from router.core.progress import Progress
from router.infra.codecs import decode_trusted, encode_json
from router.infra.store import tables
from router.infra.store.statements import module_of

_VALUES = ("cursor", "reached", "next")
_TIMES = ("began", "asked_at", "trouble_since", "retry_at")
_PLAIN = ("channel", "version", "page", "taken", "digest", "asked", "failures", "trouble")


class Cursors:
    """Progress over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, channel: str) -> Progress:
        """Return how far a channel is; one that was never asked is at its beginning."""
        table = tables.polls
        row = self._connection.execute(select(table).where(table.c.channel == channel)).first()
        return Progress(channel=channel) if row is None else _progress(row)

    def all(self) -> list[Progress]:
        """Return every channel's, by name."""
        table = tables.polls
        return [
            _progress(row) for row in self._connection.execute(select(table).order_by("channel"))
        ]

    def put(self, progress: Progress) -> None:
        """Keep a progress that was made from the version that it names.

        Raises Unavailable when that was changed meanwhile: nothing of the transaction counts.
        """
        table = tables.polls
        row = {**_row(progress), "version": progress.version + 1}
        if progress.version:
            mine = (table.c.channel == progress.channel, table.c.version == progress.version)
            done = self._connection.execute(update(table).where(*mine).values(row))
        else:
            new = module_of(self._connection.dialect).insert(table).values(row)
            done = self._connection.execute(new.on_conflict_do_nothing())
        if done.rowcount != 1:
            raise Unavailable(f"the cursor of {progress.channel} was set meanwhile")


def _row(progress: Progress) -> dict[str, Any]:
    made: dict[str, Any] = {name: getattr(progress, name) for name in _PLAIN}
    made |= {name: encode_json(getattr(progress, name)).decode() for name in _VALUES}
    for name in _TIMES:
        at: datetime | None = getattr(progress, name)
        made[name] = time_text(at) if at is not None else None
    return made


def _progress(row: Any) -> Progress:
    found: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    found |= {name: decode_trusted(getattr(row, name).encode()) for name in _VALUES}
    for name in _TIMES:
        text = getattr(row, name)
        found[name] = time_of(text) if text is not None else None
    return Progress(**found)
