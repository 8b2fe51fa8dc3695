"""Owns: what is kept about one message: its delivery, its attempts, its calls, who waits behind it.
Imports: SQLAlchemy, infra.store.tables, infra.codecs.
Never: writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, literal, select

from router.infra.codecs import decode_trusted, encode_json
from router.infra.store import tables
from router.infra.store.packing import unpack_row
from router.infra.store.rows import Queued

#: messages that wait and are told at once
MOST_WAITING = 200


class Evidence:
    """Queries about one message over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def letter(self, message_id: str, consumer: str) -> dict[str, Any]:
        """Return the message of a dead letter as it was queued, whatever became of it."""
        dead = tables.dead
        body = self._connection.execute(
            select(dead.c.body).where(dead.c.message_id == message_id, dead.c.consumer == consumer)
        ).scalar_one()
        found: dict[str, Any] = decode_trusted(body)["message"]
        return found

    def delivery(self, delivery: str | None) -> dict[str, Any] | None:
        """Return a delivery without its bytes: channel, time, size, digest, headers."""
        table = tables.deliveries
        row = self._connection.execute(select(table).where(table.c.id == delivery)).first()
        if row is None:
            return None
        return {
            "id": row.id,
            "channel": row.channel,
            "received_at": row.received_at,
            "sha256": row.sha256,
            "size": len(row.body),
            "headers": decode_trusted(row.headers.encode()),
        }

    def attempts(self, message_id: str, consumer: str) -> list[dict[str, Any]]:
        """Return the journal of a message at one consumer, in order."""
        table = tables.journal
        rows = self._connection.execute(
            select(table)
            .where(table.c.message_id == message_id, table.c.consumer == consumer)
            .order_by(table.c.seq)
        )
        return [
            {**row, "detail": decode_trusted(row["detail"].encode())} for row in rows.mappings()
        ]

    def calls(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return the effects that were begun under these keys, in their order, with requests.

        Behind each stands what took its place in a replay.
        """
        table = tables.intents
        places = {key: (n, 0) for n, key in enumerate(keys)}
        found, wanted = [], list(keys)
        while wanted:
            rows = self._connection.execute(select(table).where(table.c.key.in_(wanted)))
            wanted = []
            for row in rows.mappings():
                found.append({**row, "request": decode_trusted(row["request"].encode())})
                heir = row["successor"]
                if heir and heir not in places:
                    place, generation = places[row["key"]]
                    places[heir] = (place, generation + 1)
                    wanted.append(heir)
        return sorted(found, key=lambda one: places[one["key"]])

    def undecided(self, word: str) -> list[dict[str, Any]]:
        """Return the messages that a word means and that nobody has looked at as yet.

        They have no line in the journal: every one that waits is searched.
        """
        queue, held, gate = tables.queue, tables.held_back, tables.gates
        holder = (
            select(gate.c.holder)
            .where(gate.c.consumer == held.c.consumer, gate.c.order_key == held.c.order_key)
            .scalar_subquery()
        )
        needle = encode_json(word)  # a name stands there as a text of its own
        found: list[dict[str, Any]] = []
        for table, behind in ((queue, literal("")), (held, holder)):
            query = select(table, behind.label("holder")).where(
                func.instr(table.c.body, needle) > 0
            )
            for row in self._connection.execute(query.order_by(table.c.id)):
                if len(found) == MOST_WAITING:
                    break
                waiting = unpack_row((row.message_id, row.consumer), row.lane, row.body)
                if word in _words(waiting):
                    found.append(_undecided(waiting, row.holder))
        return found

    def behind(self, consumer: str, order_key: str, holder: str) -> list[str]:
        """Return the messages that wait behind one of their key, the next one first."""
        gate, held = tables.gates, tables.held_back
        mine = (gate.c.consumer == consumer, gate.c.order_key == order_key)
        first = self._connection.execute(select(gate.c.holder).where(*mine)).scalar()
        if not order_key or first != holder:
            return []
        rows = self._connection.execute(
            select(held.c.message_id)
            .where(held.c.consumer == consumer, held.c.order_key == order_key)
            .order_by(held.c.id)
        )
        return list(rows.scalars())


def _words(row: Queued) -> set[str]:
    """Return everything that a message is known by before it is decided."""
    message = row.message
    named = {message.id, message.correlationid, *(row.extra or {}).get("references", ())}
    return named | ({message.raw.delivery} if message.raw is not None else set())


def _undecided(row: Queued, holder: str) -> dict[str, Any]:
    message = row.message
    made = {
        "message_id": message.id,
        "correlationid": message.correlationid,
        "consumer": row.consumer,
        "received_at": message.occurred_at.isoformat(timespec="microseconds"),
    }
    if message.raw is not None:
        made["delivery"] = message.raw.delivery
    return {**made, "holder": holder} if holder else made
