"""Owns: how one transaction's statements get to the database: one by one, or in one go.
Imports: SQLAlchemy, infra.store.statements, infra.store.pipeline.
Never: commits what is not said to be whole; changes the order of what it is given.

To a server a round trip costs more than a small statement. So what nobody waits for is kept until
somebody does: the transaction's beginning, its writes, its commit go together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from router.infra.store.pipeline import Statement, send
from router.infra.store.statements import Row, ask, texts_of, write_many

#: fails, by a division by zero, unless a statement changes so many rows
_ALL = "WITH done AS ({} RETURNING 1) SELECT 1 / (count(*) = {})::int FROM done"


class Sender:
    """Executes at once, where nothing is gained by waiting."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def connection(self) -> Connection:
        """Return the connection, once all that was given is executed."""
        return self._connection

    def write(self, name: str, rows: Iterable[Row]) -> None:
        """Execute a named statement for every row."""
        write_many(self._connection, name, rows)

    def change(self, name: str, row: Row) -> bool:
        """Execute a named statement that changes one row; False when there is none."""
        return int(ask(self._connection, name, row).rowcount) == 1

    def change_all(self, name: str, rows: Sequence[Row]) -> list[bool]:
        """Execute a named statement that changes one row, for every row; say for which it did."""
        return [self.change(name, row) for row in rows]

    def commit(self, rings: Iterable[Statement]) -> None:
        """Execute what is left, the transaction being whole; who began it commits it."""


class Piped(Sender):
    """Keeps statements for a server until somebody waits for one of them, and sends them in one go.

    What fails is not known by its error: who wants to know runs it again, one by one.
    """

    def __init__(self, connection: Connection, opening: Sequence[Statement]) -> None:
        """`opening` begins the transaction, with the first statement."""
        super().__init__(connection)
        self._kept: list[Statement] = list(opening)

    def connection(self) -> Connection:
        """Return the connection, once all that was given is executed."""
        if self._kept:
            self._send()
        return self._connection

    def write(self, name: str, rows: Iterable[Row]) -> None:
        """Keep a named statement for every row."""
        self._kept += texts_of(self._connection.dialect, name, rows)

    def change(self, name: str, row: Row) -> bool:
        """Keep a named statement that changes one row; it is as good as done, for where there is no
        row the transaction fails, and what it was made of runs again where that is known.
        """
        return self.change_all(name, [row])[0]

    def change_all(self, name: str, rows: Sequence[Row]) -> list[bool]:
        """Keep it as `change` does; where one row is not there, all of it runs again."""
        told = list(texts_of(self._connection.dialect, name, rows))
        for text, values in told:
            self._kept.append((_ALL.format(text, len(rows) // len(told)), values))
        return [True] * len(rows)

    def commit(self, rings: Iterable[Statement]) -> None:
        """Execute what is kept and commit, with the last round trip."""
        self._kept += rings
        self._kept.append(("COMMIT", None))
        self._send()

    def _send(self) -> None:
        kept, self._kept = self._kept, []
        send(self._connection, kept)
