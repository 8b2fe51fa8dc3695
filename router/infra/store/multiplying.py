"""Owns: laying down many instances like one that is there, for who measures.
Imports: SQLAlchemy, infra.store.transaction.
Never: runs in a daemon.
"""

from __future__ import annotations

from sqlalchemy import text

from router.infra.store.transaction import Transaction

#: the numbers 1 to :size, in the words of each database
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :size)"
    " SELECT n FROM c) AS numbers",
    "postgresql": "generate_series(1, :size) AS numbers(n)",
}
_ID = {"sqlite": "printf('%032d', n)", "postgresql": "lpad(CAST(n AS text), 32, '0')"}


def multiply(transaction: Transaction, size: int) -> None:
    """Lay down so many instances like the one that is there, each with its first turn."""
    connection = transaction.connection
    dialect = connection.dialect.name
    numbers, made = _NUMBERS[dialect], _ID[dialect]
    columns = {
        "instances": {"id": made, "key": "key || '-' || n"},
        "turns": {"instance": made, "message_id": made},
        "aliases": {"instance": made, "value": "value || '-' || n"},
    }
    for table, own in columns.items():
        found = connection.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys()  # noqa: S608
        names = ", ".join(f'"{one}"' for one in found)
        values = ", ".join(own.get(one, f'"{one}"') for one in found)
        only = "WHERE seq = 1" if table == "turns" else ""
        source = f"SELECT {values} FROM (SELECT * FROM {table} {only}) AS one, {numbers}"  # noqa: S608
        connection.execute(text(f"INSERT INTO {table} ({names}) {source}"), {"size": size})
