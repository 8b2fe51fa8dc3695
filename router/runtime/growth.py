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

from router.core.message import derived_id, key_digest
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

_CLAIM = "INSERT INTO claims VALUES (?, ?, 'live', ?, x'', NULL, ?, NULL)"
_DELIVERY = "INSERT INTO deliveries VALUES (?, 'notes', ?, '{}', ?, ?)"
_WORD = "INSERT INTO reference_words VALUES (?, ?)"
_LINE = (
    "INSERT INTO journal (at, correlationid, message_id, causationid, consumer, word, attempt,"
    " revision, detail) VALUES (?, ?, ?, ?, ?, 'routed', 1, 'x', '{}')"
)


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
                    traces += _traces(path, stored)
                for one in root.glob("run.db*"):
                    one.unlink()
    return Growth(
        few=tuple(cpu for _, cpu in runs[FEW]),
        many=tuple(cpu for _, cpu in runs[stored]),
        few_rate=tuple(rate for rate, _ in runs[FEW]),
        many_rate=tuple(rate for rate, _ in runs[stored]),
        traces=tuple(traces),
    )


def _copy(source: Path, path: Path) -> None:
    """Copy a store, down to the disk: the first commit that is measured must not carry it there."""
    shutil.copy(source, path)
    with path.open("rb+") as copied:
        os.fsync(copied.fileno())


def _fill(path: Path, size: int) -> None:
    """Lay down what that many messages leave behind: as the pipeline names and orders it."""
    Store.on(SqliteFile(path), "x").close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-2000000")
    ids = [derived_id(_delivery(n), "0") for n in range(size)]
    objects = [derived_id(one, "note") for one in ids]
    # in the order of their coming: sorted rows would fill every page, and each row that comes
    # later would split one
    connection.executemany(_CLAIM, _claims(ids, objects))
    connection.executemany(
        _DELIVERY, ((_delivery(n), _AT, "s" * 64, b"x" * 200) for n in range(size))
    )
    connection.executemany(_WORD, _words(size))
    connection.executemany(
        _LINE,
        (
            line
            for n, (record, made) in enumerate(zip(ids, objects, strict=True))
            for line in (
                (_AT, _about(n), record, None, "notes:note"),
                (_AT, _about(n), made, record, "flow:keep"),
            )
        ),
    )
    connection.commit()
    connection.close()


def _claims(ids: list[str], objects: list[str]) -> Iterator[tuple[bytes, str, bytes, str]]:
    for n, (record, made) in enumerate(zip(ids, objects, strict=True)):
        number = _FIRST + n
        yield key_digest(("delivery", "notes", "note"), (event_of(number),)), record, _DIGEST, _AT
        yield key_digest(("object", "notes", "note"), ("note", number)), record, _DIGEST, _AT
        yield key_digest(("produced", "note@1"), (number,)), made, _DIGEST, _AT


def _words(size: int) -> Iterator[tuple[str, str]]:
    for n in range(size):
        yield str(_FIRST + n), _about(n)
        yield event_of(_FIRST + n), _about(n)


def _delivery(number: int) -> str:
    return f"{_MORNING + number:012x}{number:020x}"


def _about(number: int) -> str:
    return f"note/{_FIRST + number}"


def _traces(path: Path, stored: int) -> Iterator[float]:
    """Yield what traces of old and new messages take, by a number and by a correlation."""
    store = Store.to_read(SqliteFile(path))
    for word in (str(_FIRST), _about(stored - 1), _about(stored // 2), "note/7"):
        for _ in range(_TRACES):
            begun = time.perf_counter()
            with store.read() as reader:
                found = journeys(reader, word)
            yield (time.perf_counter() - begun) * 1000
            assert found, word
    store.close()
