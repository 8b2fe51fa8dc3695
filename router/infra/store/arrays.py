"""Owns: many rows as one statement of PostgreSQL: each column is an array.
Imports: SQLAlchemy, infra.store.tables.
Never: executes; lets a value be anything but a value.

Row by row a statement costs the server 30 us and psycopg 25 more; one with many parameters psycopg
parses anew each time. An array is one parameter: 20 us a row, 4 of them here. psycopg writes arrays
item by item in Python; a whole column is escaped in a tenth of that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, Table

#: an insert of one row, as SQLAlchemy writes it for psycopg
_INSERT = re.compile(r"(INSERT INTO \w+ \(([^)]+)\)) VALUES \((?:[^()]|\(\w+\))+\)(.*)", re.DOTALL)
#: parts values that are joined; a text of PostgreSQL has none
_NUL = "\0"


class Arrays:
    """A statement for any number of rows: each of some columns is an array."""

    #: takes what `values` gives
    text: str

    def __init__(self, columns: Sequence[Column[Any]], names: Sequence[str] = ()) -> None:
        """`names` are what rows call the columns, where they call them otherwise."""
        self._names = names or [column.name for column in columns]
        self._places = ", ".join(f"%s::{_type_of(one.type)}[]" for one in columns)

    def values(self, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Return rows as the parameters of the statement."""
        return tuple(array_of([row[name] for row in rows]) for name in self._names)


class ArrayInsert(Arrays):
    """An insert of any number of rows, whatever it says about those that are there."""

    def __init__(self, insert: str, table: Table) -> None:
        """`insert` is the text of one that puts one row."""
        found = _INSERT.fullmatch(insert)
        assert found is not None, insert
        head, names, rest = found.groups()
        super().__init__([table.c[one.strip(' "')] for one in names.split(",")])
        self.text = f"{head} SELECT * FROM unnest({self._places}){rest}"  # noqa: S608 (no value)


class ArrayDelete(Arrays):
    """A delete of any number of rows, each by its values of some columns."""

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        super().__init__([table.c[one] for one in names])
        met = " AND ".join(f"{table.name}.{one} = gone.{one}" for one in names)
        gone = f"unnest({self._places}) AS gone({', '.join(names)})"
        self.text = f"DELETE FROM {table.name} USING {gone} WHERE {met}"  # noqa: S608 (no value)


class ArrayUpdate(Arrays):
    """An update of any number of rows, each found by its values of `by` (`of_...` in a row); those
    of `to` are new (`new_...` in a row), and `also` is put as it is written.
    """

    def __init__(
        self, table: Table, by: Sequence[str], to: Sequence[str], also: Mapping[str, str]
    ) -> None:
        names = [*(f"of_{one}" for one in by), *(f"new_{one}" for one in to)]
        super().__init__([table.c[one] for one in (*by, *to)], names)
        new = [f"{one} = new.{one}" for one in to] + [f"{k} = {v}" for k, v in also.items()]
        met = " AND ".join(f"{table.name}.{one} = new.{one}" for one in by)
        rows = f"unnest({self._places}) AS new({', '.join((*by, *to))})"
        self.text = f"UPDATE {table.name} SET {', '.join(new)} FROM {rows} WHERE {met}"  # noqa: S608 (no value)


def array_of(values: Sequence[str | bytes | int | None]) -> str:
    """Return values of one type as an array is written."""
    if None in values:
        told = ("NULL" if one is None else _quoted([one]) for one in values)
        return "{" + ",".join(told) + "}"
    return "{" + _quoted(values) + "}"


def _quoted(values: Sequence[Any]) -> str:
    """Return values with quotes and commas, all of them escaped in one go."""
    if not values:
        return ""
    if isinstance(values[0], bytes):
        return '"\\\\x' + '","\\\\x'.join([one.hex() for one in values]) + '"'
    if isinstance(values[0], int):
        return ",".join(map(str, values))
    joined = _NUL.join(values)
    if joined.count(_NUL) != len(values) - 1:
        return joined  # with what it has of its own: the driver refuses it
    escaped = joined.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace(_NUL, '","') + '"'


def _type_of(kind: Any) -> str:
    if isinstance(kind, LargeBinary):
        return "bytea"
    return "bigint" if isinstance(kind, Integer) else "text"
