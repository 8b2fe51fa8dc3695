"""Owns: measuring the pipeline on a PostgreSQL server beside a bare loop that writes the same rows.
Imports: config, infra.store, runtime.bench, runtime.cluster; psycopg for the bare loop.
Never: touches what is in a database that it is given: each run has a schema of its own, which goes.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from router.config.project import Project
from router.core.claim import Held
from router.core.message import derived_id, key_digest
from router.infra.codecs import decode_json, decode_trusted, encode_json
from router.infra.store.arrays import array_of
from router.infra.store.postgresql import Server
from router.infra.store.store import Store
from router.runtime.bench import WINDOW, Figures, Sent, bench_project, opened, sent_note, timed
from router.runtime.cluster import Cluster
from router.runtime.growth import FEW, Growth, growth_of, laid, traced
from router.runtime.memory import settle_memory
from router.runtime.profile import profile

_AT = "2026-01-01T00:00:00.000000Z"
_numbers = itertools.count(1)


def measure_postgres(messages: int, repeats: int, address: str = "") -> Figures:
    """Take, decide and record `messages` notes on a server; and bare beside it.

    Without an address a private server is started. Raises Unavailable.
    """
    runs: list[tuple[float, float]] = []
    bares: list[tuple[float, float]] = []
    sent = [sent_note(number) for number in range(messages)]
    settle_memory()
    with served(address) as where, tempfile.TemporaryDirectory() as folder:
        project = bench_project(Path(folder))
        for _ in range(repeats):
            with schema(where) as place, opened(project, Server(place)) as carry:
                runs.append(timed(messages, partial(carry, sent)))
            with schema(where) as place, _bare(project, place) as carry:
                bares.append(timed(messages, partial(carry, sent)))
    return Figures(
        pipeline=tuple(rate for rate, _ in runs),
        bare=tuple(rate for rate, _ in bares),
        pipeline_cpu=tuple(cpu for _, cpu in runs),
        bare_cpu=tuple(cpu for _, cpu in bares),
    )


def profile_postgres(messages: int, address: str = "") -> Mapping[str, float]:
    """Return the share of each package in the time of the pipeline on a server."""
    with served(address) as where, schema(where) as place:
        return profile(messages, Server(place))


def measure_server_growth(messages: int, stored: int, repeats: int, address: str = "") -> Growth:
    """Take `messages` into a server's store of a thousand and into one of `stored` journaled ones.

    The large one is laid once, and grows by what is measured.
    """
    few: list[tuple[float, float]] = []
    many: list[tuple[float, float]] = []
    traces: list[float] = []
    settle_memory()
    with served(address) as where, tempfile.TemporaryDirectory() as folder:
        project = bench_project(Path(folder))
        with schema(where) as large:
            _fill(large, stored)
            for repeat in range(repeats):
                first = repeat * messages
                sent = [sent_note(number) for number in range(first, first + messages)]
                with schema(where) as small:
                    _fill(small, FEW)
                    with opened(project, Server(small)) as carry:
                        few.append(timed(messages, partial(carry, sent)))
                with opened(project, Server(large), before=first) as carry:
                    many.append(timed(messages, partial(carry, sent)))
                traces += traced(Server(large), stored)
    return growth_of(few, many, traces)


def _fill(address: str, size: int) -> None:
    """Lay down many messages; what a server does later, at its leisure, is done at once."""
    Store.on(Server(address), "x").close()
    with psycopg.connect(address, autocommit=True) as connection:
        for table, columns, rows in laid(range(size)):
            into = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            with connection.cursor() as cursor, cursor.copy(into) as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def served(address: str = "") -> Iterator[str]:
    """Give the address of a server: the one that is named, or a private one."""
    if address:
        yield address
        return
    with Cluster().running() as cluster:
        yield cluster.fresh()


@contextmanager
def schema(address: str) -> Iterator[str]:
    """Give the address of a new schema of a database; it is dropped afterwards."""
    name = f"router_bench_{next(_numbers)}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        connection.execute(f"CREATE SCHEMA {name}")
        mark = "&" if "?" in address else "?"
        try:
            yield f"{address}{mark}options=-csearch_path%3D{name}"
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def _bare(project: Project, address: str) -> Iterator[Callable[[Sequence[Sent]], None]]:
    """Give a loop that decodes, validates, and writes as many rows of the same size to the router's
    own tables, in as many commits; it decides nothing.
    """
    Store.on(Server(address), "bench").close()
    contract, _ = project.contracts.resolve("inbox/note@1")
    assert contract is not None
    with psycopg.connect(address) as connection:
        yield partial(_carry_bare, connection, contract.validator)


def _carry_bare(connection: Any, validator: Any, sent: Sequence[Sent]) -> None:
    for start in range(0, len(sent), WINDOW):
        part = sent[start : start + WINDOW]
        ids = [f"{start + n:012x}{n:020x}" for n in range(len(part))]
        documents = [decode_json(body) for _, body in part]
        headers = [encode_json(head).decode() for head, _ in part]
        same = ["notes"] * len(part)
        bodies = [body for _, body in part]
        _put(connection, "deliveries", (ids, same, [_AT] * len(part), headers, ids, bodies))
        rows = [encode_json({"message": one, "extra": {"claims": ids[:2]}}) for one in documents]
        _queue(connection, "loop", ids, rows)
        connection.commit()
        _decide(connection, validator, part)


def _decide(connection: Any, validator: Any, part: Sequence[Sent]) -> None:
    found = connection.execute(
        "SELECT id, message_id, body FROM queue WHERE lane = 'loop' ORDER BY id"
    ).fetchall()
    documents = [decode_trusted(body)["message"] for _, _, body in found]
    assert all(validator.is_valid(one) for one in documents)
    ids = [one for _, one, _ in found]
    made = [derived_id(one, "0") for one in ids]
    spaces = ("delivery", "object", "produced")
    keys = [key_digest((one,), (message,)) for one in spaces for message in ids]
    known = connection.execute(
        "SELECT key FROM claims WHERE key = ANY(%s::bytea[])", (array_of(keys),)
    ).fetchall()
    assert not known
    connection.execute("DELETE FROM queue WHERE id >= %s AND id <= %s", (found[0][0], found[-1][0]))
    many, both = len(keys), [*ids, *made]
    holders = [*ids, *ids, *made]
    states, compared = [str(Held.LIVE)] * many, [b"x" * 16] * many
    columns = (keys, holders, states, compared, [b""] * many, [_AT] * many)
    _put(connection, "claims (key, message_id, state, compare, body, at)", columns)
    _journal(connection, both, [None] * len(ids) + ids)
    words = [head["event"] for head, _ in part] + ids
    placed = "reference_words (shelf, word, correlationid)"
    _put(connection, placed, ([0] * len(words), words, [*ids, *ids]))
    _queue(connection, "sys.far", made, [encode_json({"message": one}) for one in documents])
    connection.commit()


def _journal(connection: Any, ids: list[str], causes: list[str | None]) -> None:
    many = len(ids)
    names = "at, correlationid, message_id, causationid, consumer, word, attempt, revision, detail"
    columns = (
        [_AT] * many, ids, ids, causes, ["notes:note"] * many, ["routed"] * many, [1] * many,
        ["bench"] * many, ['{"to": ["far.put"], "objects": ["note@1.0.0"]}'] * many,
    )  # fmt: skip
    _put(connection, f"journal ({names})", columns)


def _queue(connection: Any, lane: str, ids: list[str], rows: list[bytes]) -> None:
    lanes, consumers = [lane] * len(ids), ["notes:note"] * len(ids)
    _put(connection, "queue (lane, consumer, message_id, body)", (lanes, consumers, ids, rows))


def _put(connection: Any, table: str, columns: Sequence[Sequence[Any]]) -> None:
    types = ", ".join(f"%s::{_type(column)}[]" for column in columns)
    arrays = [array_of(column) for column in columns]
    connection.execute(f"INSERT INTO {table} SELECT * FROM unnest({types})", arrays)  # noqa: S608


def _type(column: Sequence[Any]) -> str:
    first = next((one for one in column if one is not None), None)
    return "bytea" if isinstance(first, bytes) else "bigint" if isinstance(first, int) else "text"
