"""Owns: rows for many keys, part by part, each part by an index.
Imports: SQLAlchemy.
Never: looks through a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ARRAY, Connection, Row, Select, Text, func, literal, select, tuple_

#: keys of one query
CHUNK = 250


def rows_for(
    connection: Connection, query: Select[Any], by: Any, keys: Iterable[Any]
) -> Iterator[Row[Any]]:
    """Yield what a query finds for keys."""
    wanted: Sequence[Any] = sorted(set(keys))
    for start in range(0, len(wanted), CHUNK):
        yield from connection.execute(query.where(by.in_(wanted[start : start + CHUNK])))


def rows_for_pairs(
    connection: Connection, query: Select[Any], by: tuple[Any, Any], pairs: Iterable[Any]
) -> Iterator[Row[Any]]:
    """Yield what a query finds for pairs of keys.

    A list of pairs leads to no index: a server is given them as rows, SQLite those with one first
    part together.
    """
    first, second = by
    if connection.dialect.name == "postgresql":
        yield from _rows_for_rows(connection, query, tuple_(first, second), sorted(set(pairs)))
        return
    seconds: defaultdict[Any, set[Any]] = defaultdict(set)
    for one, other in pairs:
        seconds[one].add(other)
    for one in sorted(seconds):
        yield from rows_for(connection, query.where(first == one), second, seconds[one])


def _rows_for_rows(
    connection: Connection, query: Select[Any], by: Any, pairs: Sequence[Any]
) -> Iterator[Row[Any]]:
    for start in range(0, len(pairs), CHUNK):
        columns = zip(*pairs[start : start + CHUNK], strict=True)
        arrays = [literal(list(one), ARRAY(Text)) for one in columns]
        wanted = func.unnest(*arrays).table_valued("one", "other").render_derived()
        found = select(wanted.c.one, wanted.c.other)
        yield from connection.execute(query.where(by.in_(found)))
