"""Owns: the texts of every configuration that ran over this store.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: changes a revision: its name is a hash of what it says.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from router.core.instants import time_text
from router.infra.codecs import decode_trusted, encode_json
from router.infra.store import tables


class RevisionTexts:
    """Configurations over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, revision: str, texts: Mapping[str, str], at: datetime) -> None:
        """Keep a configuration, its texts by path, and that it begins to run at a time."""
        table = tables.revisions
        begins = update(table).where(table.c.revision == revision).values(at=time_text(at))
        if not self._connection.execute(begins).rowcount:
            blob = zlib.compress(encode_json(dict(texts)))
            row = insert(table).values(revision=revision, at=time_text(at), texts=blob)
            self._connection.execute(row)

    def texts(self, revision: str) -> dict[str, str] | None:
        """Return the texts of a configuration, None when it never ran here."""
        table = tables.revisions
        blob = self._connection.execute(
            select(table.c.texts).where(table.c.revision == revision)
        ).scalar()
        if blob is None:
            return None
        found = decode_trusted(zlib.decompress(blob))
        assert isinstance(found, dict), "as it was kept"
        return {str(path): str(text) for path, text in found.items()}
