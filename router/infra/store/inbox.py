"""Owns: what operators ask of a daemon.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: forgets a command: asked, done or failed, it stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from router.core.instants import time_text
from router.infra.codecs import decode_trusted, encode_json
from router.infra.store import tables
from router.infra.store.rows import number_of

#: the state of a command that waits for a second person, who gives it another one
PROPOSED, APPROVED, REJECTED = "proposed", "approved", "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that an operator asks."""

    id: int
    actor: str
    verb: str
    arguments: Mapping[str, Any]
    state: str
    result: Mapping[str, Any]
    at: str


class Inbox:
    """Commands over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, at: datetime, actor: str, verb: str, arguments: Mapping[str, Any]) -> int:
        """Put a command in; return its number."""
        return self._put(at, (actor, verb, "asked"), arguments)

    def propose(self, at: datetime, actor: str, verb: str, arguments: Mapping[str, Any]) -> int:
        """Keep a command that a second person is to approve; return its number."""
        return self._put(at, (actor, verb, PROPOSED), arguments)

    def _put(self, at: datetime, said: tuple[str, str, str], arguments: Mapping[str, Any]) -> int:
        actor, verb, state = said
        made = self._connection.execute(
            insert(tables.commands).values(
                at=time_text(at),
                actor=actor,
                verb=verb,
                state=state,
                result="{}",
                arguments=encode_json(arguments).decode(),
            )
        )
        return number_of(made)

    def asked(self) -> list[Command]:
        """Return the commands that nobody has carried out, in order."""
        return self.in_state("asked")

    def in_state(self, state: str) -> list[Command]:
        """Return the commands in a state, in order."""
        table = tables.commands
        query = select(table).where(table.c.state == state).order_by(table.c.id)
        return [_command(row) for row in self._connection.execute(query)]

    def find(self, number: int) -> Command | None:
        """Return a command, None when there is none with this number."""
        table = tables.commands
        row = self._connection.execute(select(table).where(table.c.id == number)).first()
        return None if row is None else _command(row)

    def get(self, number: int) -> Command:
        """Return a command."""
        table = tables.commands
        return _command(self._connection.execute(select(table).where(table.c.id == number)).one())

    def answer(self, number: int, state: str, result: Mapping[str, Any]) -> None:
        """Say what came of a command."""
        table = tables.commands
        self._connection.execute(
            update(table)
            .where(table.c.id == number)
            .values(state=state, result=encode_json(result).decode())
        )


def _command(row: Any) -> Command:
    return Command(
        id=row.id,
        actor=row.actor,
        verb=row.verb,
        arguments=decode_trusted(row.arguments.encode()),
        state=row.state,
        result=decode_trusted(row.result.encode()),
        at=row.at,
    )
