"""Owns: who leads what: a unit of work has one leader at a time among the processes of one store.
Imports: SQLAlchemy.
Never: outlives the connection that writes (its locks are that connection's); queries the tables.

On a server a lead is an advisory lock of the very connection that writes: when the connection is
cut, so is the lock, and who takes it over writes beside nobody. A file has one process: it leads
all that it wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, text

from router.infra.store.pipeline import Statement

#: numbers of the locks; the second half of a key is the schema with the unit, or with the role
LEAD = 0x6C656164
ROLE = 0x726F6C65
#: held by every transaction, and by what has to be alone without others
ROWS = 0x726F7773

_KEY = "hashtext(current_schema() || ' ' || {})"
_HELD = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 "  # noqa: S608
    f"AND classid::bigint = {{}} AND objid::bigint = {_KEY.format(':one')}::bigint & 4294967295 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_TAKE = text(f"SELECT pg_try_advisory_lock({LEAD}, {_KEY.format(':one')})")
_RELEASE = text(f"SELECT pg_advisory_unlock({LEAD}, {_KEY.format(':one')})")
_JOIN = text(f"SELECT pg_advisory_lock_shared({ROLE}, {_KEY.format(':one')})")
_COUNT = text(_HELD.format(ROLE)).bindparams(bindparam("one"))
_LED = text(_HELD.format(LEAD)).bindparams(bindparam("one"))
_ALONE = f"SELECT pg_advisory_xact_lock({ROWS}, hashtext(current_schema()))"
_BESIDE = f"SELECT pg_advisory_xact_lock_shared({ROWS}, hashtext(current_schema()))"


class Leads:
    """What a connection leads. A lead is there at once, whatever becomes of the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        #: whether several processes may share the store
        self.are_shared = connection.dialect.name == "postgresql"

    def join(self, roles: Iterable[str]) -> None:
        """Be counted among those that play some roles. Once in the life of a connection."""
        for role in roles if self.are_shared else ():
            self._connection.execute(_JOIN, {"one": role})

    def members(self, roles: Sequence[str]) -> Mapping[str, int]:
        """Return how many processes play each role, this one among them."""
        if not self.are_shared:
            return dict.fromkeys(roles, 1)
        return {
            role: int(self._connection.execute(_COUNT, {"one": role}).scalar() or 0)
            for role in roles
        }

    def take(self, unit: str) -> bool:
        """Lead a unit that this connection does not lead yet; False when another leads it."""
        return not self.are_shared or bool(self._connection.execute(_TAKE, {"one": unit}).scalar())

    def release(self, unit: str) -> None:
        """Let another lead a unit, however often it was taken."""
        while self.are_shared and self._connection.execute(_RELEASE, {"one": unit}).scalar():
            continue

    def unled(self, units: Iterable[str]) -> tuple[str, ...]:
        """Return those of the units that nobody leads; on a file that is not known here."""
        if not self.are_shared:
            return ()
        return tuple(
            unit for unit in units if not self._connection.execute(_LED, {"one": unit}).scalar()
        )


def opening(*, alone: bool) -> tuple[Statement, ...]:
    """Return how a transaction of a server begins, which writes beside others, or, with `alone`,
    waits until none of them does.

    What reads a row and writes by what it read is alone, where another process may write that row.
    """
    return ("BEGIN", None), (_ALONE if alone else _BESIDE, None)
