"""Owns: what a transaction writes about calls with an effect: intents, leases, results.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: decides whether a call may be made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select, update

from router.core.document import Json
from router.core.instants import time_text
from router.infra.codecs import encode_json
from router.infra.store import tables
from router.infra.store.rows import DECLINED, Intent


class IntentWriter(ABC):
    """The part of a transaction that is about effects."""

    @property
    @abstractmethod
    def connection(self) -> Connection:
        """Return the connection, for statements that look: what was collected is sent before."""

    @abstractmethod
    def _insert(self, table: Table, **row: Any) -> None:
        """Collect a row."""

    @abstractmethod
    def _change_all(self, name: str, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Execute a named statement for each row, behind what was collected; say which changed."""

    def intend(self, intent: Intent) -> None:
        """Record an effect before its first call."""
        self._insert(tables.intents, **_row(intent))

    def begin(self, intent: Intent) -> bool:
        """As `intend`; False when another process has begun it meanwhile."""
        return self.begin_all([intent])[0]

    def begin_all(self, intents: Sequence[Intent]) -> list[bool]:
        """Record effects before their first calls; say of which no other process has done so."""
        return self._change_all("begin", [_row(one) for one in intents])

    def lease(self, key: str, token: str, until: datetime, held: str) -> bool:
        """Take over an effect for one more call; False when another than `held` has done so, or
        another effect has its place.
        """
        done = self.connection.execute(
            update(tables.intents)
            .where(tables.intents.c.key == key, tables.intents.c.successor.is_(None))
            .where(tables.intents.c.token == held)
            .values(
                state="sending",
                token=token,
                lease_until=time_text(until),
                sends=tables.intents.c.sends + 1,
            )
        )
        return done.rowcount == 1

    def end_leases(self, at: datetime) -> None:
        """Say that no call of an earlier process is under way: the daemon's lock proves it dead."""
        table = tables.intents
        self.connection.execute(
            update(table)
            .where(tables.unsettled(table), table.c.state == "sending")
            .where(table.c.lease_until > time_text(at))
            .values(lease_until=time_text(at))
        )

    def conclude(
        self, key: str, token: str, state: str, theirs: str | None = None, *, result: Json = None
    ) -> bool:
        """Settle an effect; False when the lease was lost to another call meanwhile.

        `theirs` is the far side's name for it, `result` what later calls of a sequence may read.
        """
        name = f"conclude {state}" if state in ("partial", "done") else "conclude"
        return self._change_all(name, [_concluded(key, token, state, theirs, result)])[0]

    def conclude_done(self, ends: Sequence[tuple[str, str, str | None]]) -> list[bool]:
        """Settle effects that are done, each by key, token and the far side's name for it; say of
        which the lease was held.
        """
        rows = [_concluded(key, token, "done", theirs, None) for key, token, theirs in ends]
        return self._change_all("conclude done", rows)

    def free_intent(self, key: str, *, whole: bool = False) -> bool:
        """Let an effect that the far side refused be tried again with the same bytes.

        One of which it took a part, ever, is freed with `whole` only; False when that is missing.
        """
        table = tables.intents
        part = self.connection.execute(select(table.c.in_part).where(table.c.key == key)).scalar()
        if part and not whole:
            return False
        self.connection.execute(
            update(table)
            .where(table.c.key == key, table.c.state.in_(DECLINED))
            .values(state="waiting")
        )
        return True

    def never_left(self, key: str) -> bool:
        """Return whether it is known that nothing has happened of an effect so far."""
        table = tables.intents
        found = self.connection.execute(select(table.c.state).where(table.c.key == key)).scalar()
        return found == "waiting"

    def moved_on(self, old: Intent) -> bool:
        """Return whether an effect is not any more as it was read."""
        table = tables.intents
        found = self.connection.execute(
            select(table.c.state, table.c.token, table.c.successor).where(table.c.key == old.key)
        ).one()
        return tuple(found) != (old.state, old.token, old.successor)

    def succeed_intent(self, old: Intent, successor: str) -> bool:
        """Let another effect take an old one's place; False when the old one has moved on."""
        table = tables.intents
        same = (table.c.token == old.token, table.c.state == old.state)
        done = self.connection.execute(
            update(table)
            .where(table.c.key == old.key, table.c.successor.is_(None), *same)
            .values(successor=successor)
        )
        return done.rowcount == 1


def _concluded(
    key: str, token: str, state: str, theirs: str | None, result: Json
) -> dict[str, Any]:
    text = None if result is None else encode_json(result).decode()
    new = {"new_state": state, "new_their_reference": theirs, "new_result": text}
    return {"of_key": key, "of_token": token, **new}


def _row(intent: Intent) -> dict[str, Any]:
    return {
        "key": intent.key,
        "operation": intent.operation,
        "state": intent.state,
        "request": encode_json(intent.head).decode(),
        "body": intent.body,
        "reference": intent.reference,
        "their_reference": None,
        "sends": intent.sends,
        "first_at": time_text(intent.first_at),
        "lease_until": time_text(intent.lease_until),
        "token": intent.token,
        "result": None,
        "successor": intent.successor,
        "in_part": int(intent.in_part),
    }
