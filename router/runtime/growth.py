"""Owns: measuring whether a message costs more when there are many before it; a trace there.
Imports: core.message, infra.store, runtime.bench, runtime.journey; sqlite3 to lay many rows.
Never: claims a figure of its own: both sizes run in turn in one process, a bare loop beside them.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from router.core.message import derived_id, key_digest
from router.infra.store.database import Database
from router.infra.store.shelves import ROOM
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.runtime.bench import WINDOW, bench_project, event_of, opened, sent_note, timed
from router.runtime.journey import journeys
from router.runtime.memory import settle_memory

#: journaled messages of the small store
FEW = 1000
#: the first number of a message that is stored; those that are measured are smaller
_FIRST = 10_000_000
_MORNING = 1_767_225_600_000
_AT = "2026-01-01T00:00:00.000000Z"
_DIGEST = b"d" * 16
#: traces of one word
_TRACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Microseconds of CPU a message and messages a second, one a repeat; milliseconds a trace.

    `bare` has the microseconds of CPU of few and of many where SQLite alone writes the same rows.
    """

    few: tuple[float, ...]
    many: tuple[float, ...]
    few_rate: tuple[float, ...]
    many_rate: tuple[float, ...]
    traces: tuple[float, ...]
    bare: tuple[tuple[float, float], ...] = ()

    @property
    def ratio(self) -> float:
        """Return the median of many / few, repeat by repeat, in CPU."""
        return statistics.median(b / a for a, b in zip(self.few, self.many, strict=True))

    @property
    def more(self) -> float:
        """Return the median of many - few, repeat by repeat: CPU a message."""
        return statistics.median(b - a for a, b in zip(self.few, self.many, strict=True))

    @property
    def bare_more(self) -> float:
        """Return what a bare loop needs more, in the same way; 0 where none was measured."""
        return statistics.median(b - a for a, b in self.bare) if self.bare else 0.0

    @property
    def rate_ratio(self) -> float:
        """Return the median of few / many, repeat by repeat, in messages a second."""
        pairs = zip(self.few_rate, self.many_rate, strict=True)
        return statistics.median(a / b for a, b in pairs)


def measure_growth(messages: int, stored: int, repeats: int) -> Growth:
    """Take `messages` into a store of a thousand and into one of `stored` journaled messages."""
    sent = [sent_note(number) for number in range(messages)]
    runs: dict[int, list[tuple[float, float]]] = {FEW: [], stored: []}
    bare: dict[int, list[float]] = {FEW: [], stored: []}
    traces: list[float] = []
    settle_memory()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project = bench_project(root)
        for size in runs:
            _fill(root / f"{size}.db", size)
        for _ in range(repeats):
            for size, found in runs.items():
                path = root / "run.db"
                _copy(root / f"{size}.db", path)
                with opened(project, SqliteFile(path)) as carry:
                    found.append(timed(messages, partial(carry, sent)))
                if size == stored:
                    traces += traced(SqliteFile(path), stored)
                _copy(root / f"{size}.db", path)
                bare[size].append(_bare(path, size, messages))
    both = tuple(zip(bare[FEW], bare[stored], strict=True))
    return replace(growth_of(runs[FEW], runs[stored], traces), bare=both)


def growth_of(
    few: list[tuple[float, float]], many: list[tuple[float, float]], traces: list[float]
) -> Growth:
    """Return what was measured; a run is its rate and its CPU a message."""
    return Growth(
        few=tuple(cpu for _, cpu in few),
        many=tuple(cpu for _, cpu in many),
        few_rate=tuple(rate for rate, _ in few),
        many_rate=tuple(rate for rate, _ in many),
        traces=tuple(traces),
    )


def _copy(source: Path, path: Path) -> None:
    """Copy a store over what was left of another, down to the disk: the first commit that is
    measured must not carry it there.
    """
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()
    shutil.copy(source, path)
    with path.open("rb+") as copied:
        os.fsync(copied.fileno())


def _fill(path: Path, size: int) -> None:
    Store.on(SqliteFile(path), "x").close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-2000000")
    for table, columns, rows in laid(range(size)):
        connection.executemany(_insert(table, columns), rows)
    connection.commit()
    connection.close()


def _bare(path: Path, stored: int, messages: int) -> float:
    """Return the CPU a message where SQLite alone writes what messages leave behind, with the
    settings of the store.
    """
    ends = [*range(stored, stored + messages, WINDOW), stored + messages]
    parts = [
        [(_insert(table, columns), list(rows)) for table, columns, rows in laid(range(*both))]
        for both in pairwise(ends)
    ]
    engine = SqliteFile(path).open(writes=True)

    def write() -> None:
        for part in parts:
            with engine.begin() as connection:
                for insert, rows in part:
                    connection.exec_driver_sql(insert, rows)

    _, cpu = timed(messages, write)
    engine.dispose()
    return cpu


def _insert(table: str, columns: tuple[str, ...]) -> str:
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608


def laid(numbers: range) -> Iterator[tuple[str, tuple[str, ...], Iterator[tuple[Any, ...]]]]:
    """Yield what messages leave behind, as the pipeline names and orders it: table, columns, rows.

    They are numbered from 0, the first that a store has.
    """
    ids = [derived_id(_delivery(n), "0") for n in numbers]
    objects = [derived_id(one, "note") for one in ids]
    # in the order of their coming: sorted rows would fill every page, and each row that comes
    # later would split one
    yield (
        "claims",
        ("key", "message_id", "state", "compare", "body", "at"),
        ((key, about, "live", _DIGEST, b"", _AT) for key, about in _claims(numbers, ids, objects)),
    )
    yield (
        "deliveries",
        ("id", "channel", "received_at", "headers", "sha256", "body"),
        ((_delivery(n), "notes", _AT, "{}", "s" * 64, b"x" * 200) for n in numbers),
    )
    yield "reference_words", ("shelf", "word", "correlationid"), _words(numbers)
    numbered = ("at", "correlationid", "message_id", "causationid", "consumer")
    yield (
        "journal",
        (*numbered, "word", "attempt", "revision", "detail"),
        (
            (_AT, _about(n), *line, "routed", 1, "x", "{}")
            for n, record, made in zip(numbers, ids, objects, strict=True)
            for line in ((record, None, "notes:note"), (made, record, "flow:keep"))
        ),
    )


def _claims(numbers: range, ids: list[str], objects: list[str]) -> Iterator[tuple[bytes, str]]:
    for n, record, made in zip(numbers, ids, objects, strict=True):
        number = _FIRST + n
        yield key_digest(("delivery", "notes", "note"), (event_of(number),)), record
        yield key_digest(("object", "notes", "note"), ("note", number)), record
        yield key_digest(("produced", "note@1"), (number,)), made


def _words(numbers: range) -> Iterator[tuple[int, str, str]]:
    for n in numbers:
        shelf = 2 * n // ROOM
        yield shelf, str(_FIRST + n), _about(n)
        yield shelf, event_of(_FIRST + n), _about(n)


def _delivery(number: int) -> str:
    return f"{_MORNING + number:012x}{number:020x}"


def _about(number: int) -> str:
    return f"note/{_FIRST + number}"


def traced(database: Database, stored: int) -> Iterator[float]:
    """Yield what traces of old and new messages take, by a number and by a correlation."""
    store = Store.to_read(database)
    for word in (str(_FIRST), _about(stored - 1), _about(stored // 2), "note/7"):
        for _ in range(_TRACES):
            begun = time.perf_counter()
            with store.read() as reader:
                found = journeys(reader, word)
            yield (time.perf_counter() - begun) * 1000
            assert found, word
    store.close()
