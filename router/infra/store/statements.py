"""Owns: the statements of the hot path, compiled once for each dialect.
Imports: SQLAlchemy, infra.store.tables.
Never: holds a row.

SQLAlchemy binds every parameter of every row in Python. For the few statements of the hot path the
text is taken from its compiler, once, and the driver gets tuples: a third of the cost of a row.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Connection,
    CursorResult,
    Dialect,
    Integer,
    LargeBinary,
    Table,
    Text,
    any_,
    bindparam,
    delete,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from router.infra.store import instancetables, tables
from router.infra.store.arrays import ArrayDelete, ArrayInsert, Arrays, ArrayUpdate, array_of
from router.infra.store.pipeline import Statement

Row = Mapping[str, Any]

#: keys of one query
AT_ONCE = 256
#: keys of a query for a message that is alone
FEW = 8
#: rows of one insert
TOGETHER = 32
#: what stands behind VALUES in an insert that says nothing more
_ROW = re.compile(r"\((\?, )*\?\)")
_PLACES = tuple(map(str, range(AT_ONCE)))
#: what is new of an effect that is settled
_CONCLUDED = ("state", "their_reference", "result")


def write_many(connection: Connection, name: str, rows: Iterable[Row]) -> None:
    """Execute a named statement for every row."""
    text, order = _compiled(connection.dialect, name)
    if order is None:
        _write_arrays(connection, name, text, list(rows))
        return
    values = [order(row) for row in rows]
    several = _several(text)
    whole = len(values) - len(values) % TOGETHER if several else 0
    for start in range(0, whole, TOGETHER):
        flat = tuple(chain.from_iterable(values[start : start + TOGETHER]))
        connection.exec_driver_sql(several, flat)
    if whole < len(values):
        connection.exec_driver_sql(text, values[whole:])


def _write_arrays(connection: Connection, name: str, text: str, rows: list[Row]) -> None:
    """Execute a statement of a server: what puts rows or takes them away once for all of them."""
    whole = by_arrays(text, name)
    if whole is None:
        connection.exec_driver_sql(text, [dict(row) for row in rows])
    else:
        connection.exec_driver_sql(whole.text, whole.values(rows))


def texts_of(dialect: Dialect, name: str, rows: Iterable[Row]) -> Iterator[Statement]:
    """Yield what `write_many` executes on a server: what puts rows or takes them away, once for
    all of them.
    """
    text, _ = _compiled(dialect, name)
    whole = by_arrays(text, name)
    if whole is not None:
        yield whole.text, whole.values(list(rows))
    else:
        yield from ((text, row) for row in rows)


def ask(connection: Connection, name: str, row: Row) -> CursorResult[Any]:
    """Execute a named statement with the values of one row."""
    text, order = _compiled(connection.dialect, name)
    return connection.exec_driver_sql(text, dict(row) if order is None else order(row))


@functools.cache
def by_arrays(text: str, name: str) -> Arrays | None:
    """Return a named statement for any number of rows of a server; None where there is none.

    `text` is that for one row.
    """
    if name in GONE:
        return ArrayDelete(*GONE[name])
    if name == "conclude done":
        return ArrayUpdate(tables.intents, ("key", "token"), _CONCLUDED, {"in_part": "0"})
    table = tables.intents if name == "begin" else tables.metadata.tables.get(name)
    return None if table is None else ArrayInsert(text, table)


@functools.cache
def _several(text: str) -> str:
    """Return an insert of one row as one of `TOGETHER` rows; "" where a row is more than values.

    SQLite does them in one go; row by row, each costs a third more, and the interpreter's lock.
    """
    start, between, row = text.partition(" VALUES ")
    if not _ROW.fullmatch(row):
        return ""
    return f"{start}{between}{', '.join([row] * TOGETHER)}"


def read_many(connection: Connection, name: str, keys: Sequence[Any]) -> Iterator[Iterable[Any]]:
    """Give the rows that a named query finds for keys, part by part.

    On a server the keys are an array. For SQLite the query is compiled for two numbers of keys;
    where there are fewer, the last stands repeatedly.
    """
    for start in range(0, len(keys), AT_ONCE):
        part = keys[start : start + AT_ONCE]
        places = _PLACES[:FEW] if len(part) <= FEW else _PLACES
        text, order = _compiled(connection.dialect, f"{name} {len(places)}")
        if order is None:
            yield connection.exec_driver_sql(text, {"keys": array_of(part)})
            continue
        filled = {**dict.fromkeys(places, part[-1]), **dict(zip(places, part, strict=False))}
        yield connection.exec_driver_sql(text, order(filled))


def module_of(dialect: Dialect) -> Any:
    """Return SQLAlchemy's module of a dialect: it has `insert` with `on_conflict`."""
    return postgresql if dialect.name == "postgresql" else sqlite


@functools.cache
def _compiled(dialect: Dialect, name: str) -> tuple[str, Callable[[Row], Any] | None]:
    """Return a statement's text, and what puts a row into its order (None: it goes by names)."""
    statement = _STATEMENTS[name](module_of(dialect))
    compiled = statement.compile(dialect=dialect)
    order = compiled.positiontup
    if order is None:
        return str(compiled), None
    own = {name: value for name, value in compiled.params.items() if value is not None}
    if own:  # what the compiler binds by itself
        return str(compiled), lambda row: tuple({**own, **row}[name] for name in order)
    if len(order) == 1:
        return str(compiled), lambda row: (row[order[0]],)
    return str(compiled), itemgetter(*order)


def _insert(table: Table) -> Callable[[Any], Any]:
    """Return the maker of a plain insert; a serial primary key is left to the database."""
    columns = [column for column in table.c if column.autoincrement is not True]

    def make(module: Any) -> Any:
        row: dict[Any, Any] = {column: bindparam(column.name) for column in columns}
        return module.insert(table).values(row).inline()  # nobody asks for its number

    return make


def _renew(table: Table) -> Callable[[Any], Any]:
    """Return the maker of an insert that takes the place of the row which has its key.

    SQLite looks for the key once to replace a row, and twice to update one that is in the way.
    """
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.c if column.name not in keys]

    def make(module: Any) -> Any:
        put = _insert(table)(module)
        if module is sqlite:
            return put.prefix_with("OR REPLACE")
        if not others:
            return put.on_conflict_do_nothing()
        return put.on_conflict_do_update(
            index_elements=keys, set_={name: put.excluded[name] for name in others}
        )

    return make


def _count(module: Any) -> Any:
    put = _insert(tables.counters)(module)
    keys = [column.name for column in tables.counters.primary_key]
    total = tables.counters.c.n + put.excluded.n
    return put.on_conflict_do_update(index_elements=keys, set_={"n": total})


def _keep(table: Table) -> Callable[[Any], Any]:
    """Return the maker of an insert that changes the row which has its key, where one has it.

    Indexes of what stays as it was are left alone.
    """
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.c if column.name not in keys]

    def make(module: Any) -> Any:
        put = _insert(table)(module)
        fresh = {name: put.excluded[name] for name in others}
        return put.on_conflict_do_update(index_elements=keys, set_=fresh)

    return make


def _gone(table: Table, names: Sequence[str]) -> Callable[[Any], Any]:
    """Return the maker of the statement that takes rows away by their values of some columns."""
    return lambda _module: delete(table).where(*(table.c[one] == bindparam(one) for one in names))


def _closed(table: Table) -> Callable[[Any], Any]:
    """Return the maker of the statement that closes what is open, one row by its key."""
    mine = [column == bindparam(f"of_{column.name}") for column in table.primary_key]
    return lambda _module: update(table).where(*mine).values(closed_at=bindparam("new_close"))


def _by_key(table: Table, places: Sequence[str]) -> Callable[[Any], Any]:
    """Return the maker of the query for the rows that have some keys."""
    kind = LargeBinary if isinstance(table.c.key.type, LargeBinary) else Text

    def make(module: Any) -> Any:
        if module is postgresql:
            keys: Any = bindparam("keys", type_=postgresql.ARRAY(kind))
            return select(table).where(table.c.key == any_(keys))
        return select(table).where(table.c.key.in_([bindparam(one) for one in places]))

    return make


def _conclude(in_part: int | None) -> Callable[[Any], Any]:
    """Return the maker of the statement that settles an effect, as long as its lease is held."""
    table = tables.intents
    part: dict[str, Any] = {} if in_part is None else {"in_part": literal_column(str(in_part))}
    values = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in _CONCLUDED}
    mine = (table.c.key == bindparam("of_key"), table.c.token == bindparam("of_token"))
    return lambda _module: update(table).where(*mine).values(**values, **part)


def _queued(_module: Any) -> Any:
    table = tables.queue
    query = select(table.c.id, table.c.message_id, table.c.consumer)
    query = query.where(table.c.lane == bindparam("lane"), table.c.id > bindparam("after"))
    return query.order_by(table.c.id).limit(bindparam("most", type_=Integer))


def _key_of(table: Table) -> tuple[Table, tuple[str, ...]]:
    return table, tuple(column.name for column in table.primary_key)


#: what takes rows away: of which table, and the columns by whose values
GONE: Mapping[str, tuple[Table, tuple[str, ...]]] = {
    **{
        f"{one.name} of": (one, ("instance",))
        for one in (
            *(instancetables.turns, instancetables.waits, instancetables.tasks),
            *(instancetables.exceptions, instancetables.aliases, instancetables.held_items),
        )
    },
    "instances gone": _key_of(instancetables.instances),
    "waits gone": _key_of(instancetables.waits),
    "tasks gone": _key_of(instancetables.tasks),
    "parked gone": (instancetables.parked, ("message_id",)),
    "held_items gone": _key_of(instancetables.held_items),
    "due gone": _key_of(tables.due),
}

_STATEMENTS: Mapping[str, Callable[[Any], Any]] = {
    "deliveries": _insert(tables.deliveries),
    "queue": _insert(tables.queue),
    "journal": _insert(tables.journal),
    "intents": _insert(tables.intents),
    "held_back": _insert(tables.held_back),
    "claims": _renew(tables.claims),
    "due": _renew(tables.due),
    "counters": _count,
    "reference_words": _renew(tables.reference_words),
    f"holdings {FEW}": _by_key(tables.claims, _PLACES[:FEW]),
    f"holdings {AT_ONCE}": _by_key(tables.claims, _PLACES),
    f"begun {FEW}": _by_key(tables.intents, _PLACES[:FEW]),
    f"begun {AT_ONCE}": _by_key(tables.intents, _PLACES),
    "queued": _queued,
    "begin": lambda module: _insert(tables.intents)(module).on_conflict_do_nothing(),
    "conclude": _conclude(None),
    "conclude partial": _conclude(1),
    "conclude done": _conclude(0),
    "instances": _keep(instancetables.instances),
    "turns": _insert(instancetables.turns),
    "definitions": lambda module: _insert(instancetables.definitions)(
        module
    ).on_conflict_do_nothing(),
    "waits": _renew(instancetables.waits),
    "tasks": _renew(instancetables.tasks),
    "exceptions": _keep(instancetables.exceptions),
    "aliases": _renew(instancetables.aliases),
    "parked": _renew(instancetables.parked),
    "held_items": _renew(instancetables.held_items),
    "exceptions closed": _closed(instancetables.exceptions),
    "ambiguities": _keep(instancetables.ambiguities),
    "ambiguities closed": _closed(instancetables.ambiguities),
    "ambiguities over": lambda _module: delete(instancetables.ambiguities).where(
        instancetables.ambiguities.c.workflow == bindparam("of_workflow"),
        instancetables.ambiguities.c.closed_at < bindparam("before"),
    ),
    "tombstones": _renew(instancetables.tombstones),
    "tombstones over": lambda _module: delete(instancetables.tombstones).where(
        instancetables.tombstones.c.until < bindparam("now")
    ),
    **{name: _gone(table, names) for name, (table, names) in GONE.items()},
    "settle": lambda _module: delete(tables.queue).where(
        tables.queue.c.id >= bindparam("first"), tables.queue.c.id <= bindparam("last")
    ),
}
