"""Owns: measuring whether a message costs more when there are many before it; a trace there.
Imports: core.message, infra.store, runtime.bench, runtime.journey; sqlite3 to lay many rows.
Never: claims a figure of its own: both sizes run in turn in one process.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from router.core.message import derived_id, key_digest
from router.infra.store.database import Database
from router.infra.store.shelves import ROOM
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.runtime.bench import bench_project, event_of, opened, sent_note, timed
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
    """Microseconds of CPU a message and messages a second, one a repeat; milliseconds a trace."""

    few: tuple[float, ...]
    many: tuple[float, ...]
    few_rate: tuple[float, ...]
    many_rate: tuple[float, ...]
    traces: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the median of many / few, repeat by repeat, in CPU."""
        return statistics.median(b / a for a, b in zip(self.few, self.many, strict=True))

    @property
    def rate_ratio(self) -> float:
        """Return the median of few / many, repeat by repeat, in messages a second."""
        pairs = zip(self.few_rate, self.many_rate, strict=True)
        return statistics.median(a / b for a, b in pairs)


def measure_growth(messages: int, stored: int, repeats: int) -> Growth:
    """Take `messages` into a store of a thousand and into one of `stored` journaled messages."""
    sent = [sent_note(number) for number in range(messages)]
    runs: dict[int, list[tuple[float, float]]] = {FEW: [], stored: []}
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
                for one in root.glob("run.db*"):
                    one.unlink()
    return growth_of(runs[FEW], runs[stored], traces)


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
    """Copy a store, down to the disk: the first commit that is measured must not carry it there."""
    shutil.copy(source, path)
    with path.open("rb+") as copied:
        os.fsync(copied.fileno())


def _fill(path: Path, size: int) -> None:
    Store.on(SqliteFile(path), "x").close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-2000000")
    for table, columns, rows in laid(size):
        places = ", ".join("?" * len(columns))
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608
        connection.executemany(insert, rows)
    connection.commit()
    connection.close()


def laid(size: int) -> Iterator[tuple[str, tuple[str, ...], Iterator[tuple[Any, ...]]]]:
    """Yield what that many messages leave behind, as the pipeline names and orders it: table,
    columns, rows.
    """
    ids = [derived_id(_delivery(n), "0") for n in range(size)]
    objects = [derived_id(one, "note") for one in ids]
    # in the order of their coming: sorted rows would fill every page, and each row that comes
    # later would split one
    yield (
        "claims",
        ("key", "message_id", "state", "compare", "body", "at"),
        ((key, about, "live", _DIGEST, b"", _AT) for key, about in _claims(ids, objects)),
    )
    yield (
        "deliveries",
        ("id", "channel", "received_at", "headers", "sha256", "body"),
        ((_delivery(n), "notes", _AT, "{}", "s" * 64, b"x" * 200) for n in range(size)),
    )
    yield "reference_words", ("shelf", "word", "correlationid"), _words(size)
    numbered = ("at", "correlationid", "message_id", "causationid", "consumer")
    yield (
        "journal",
        (*numbered, "word", "attempt", "revision", "detail"),
        (
            (_AT, _about(n), *line, "routed", 1, "x", "{}")
            for n, (record, made) in enumerate(zip(ids, objects, strict=True))
            for line in ((record, None, "notes:note"), (made, record, "flow:keep"))
        ),
    )


def _claims(ids: list[str], objects: list[str]) -> Iterator[tuple[bytes, str]]:
    for n, (record, made) in enumerate(zip(ids, objects, strict=True)):
        number = _FIRST + n
        yield key_digest(("delivery", "notes", "note"), (event_of(number),)), record
        yield key_digest(("object", "notes", "note"), ("note", number)), record
        yield key_digest(("produced", "note@1"), (number,)), made


def _words(size: int) -> Iterator[tuple[int, str, str]]:
    for n in range(size):
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
