"""Owns: where the time of the measured pipeline goes, by package.
Imports: runtime.bench; cProfile, pstats.
Never: gives a time: a profiler doubles it, shares are what counts.
"""

from __future__ import annotations

import cProfile
import pstats
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router.infra.store.database import Database
from router.infra.store.sqlite import SqliteFile
from router.runtime.bench import bench_project, opened, sent_note
from router.runtime.memory import settle_memory

#: what of a run is waiting, not work
_WAITING = ("acquire", "'get' of '_queue", "wait", "'poll'")
#: the package of this project, as files have it in their paths
_OURS = "/router/"
#: built-in functions by what they belong to
_BUILT_IN = {
    "sqlite3": "sqlite",
    "orjson": "json",
    "json": "json",
    "jsonschema_rs": "validation",
    "blake2": "digests",
    "hashlib": "digests",
    "posix": "system calls",
}


def profile(messages: int, database: Database | None = None) -> Mapping[str, float]:
    """Return the share of each package in the time of the pipeline, the largest first.

    Without a database over a file.
    """
    sent = [sent_note(number) for number in range(messages)]
    settle_memory()
    found: list[cProfile.Profile] = []

    def begin(*_: Any) -> None:  # in each thread that starts, before its first line
        found.append(cProfile.Profile())
        found[-1].enable()

    with tempfile.TemporaryDirectory() as folder:
        project = bench_project(Path(folder))
        threading.setprofile(begin)
        begin()
        try:
            place = database or SqliteFile(Path(folder) / "profiled.db")
            with opened(project, place) as carry:
                carry(sent)
        finally:
            threading.setprofile(None)
            found[0].disable()
    return _shares(found)


def _shares(found: list[cProfile.Profile]) -> Mapping[str, float]:
    spent: Counter[str] = Counter()
    for one in found:
        one.create_stats()
        for (path, _, name), row in pstats.Stats(one).stats.items():  # type: ignore[attr-defined]
            if not any(word in name for word in _WAITING):
                spent[_package(path, name)] += row[2]
    total = sum(spent.values())
    return {name: time / total for name, time in spent.most_common()}


def _package(path: str, name: str) -> str:
    """Return what a function belongs to: a package of ours, or a library."""
    if _OURS in path:
        parts = path.rpartition(_OURS)[2].split("/")[:-1]
        return ".".join(["router", *parts])
    for library in ("sqlalchemy", "psycopg"):
        if f"/{library}" in path:
            return library
    if "/json/" in path:
        return "json"
    if path == "~":
        return next((word for part, word in _BUILT_IN.items() if part in name), "python")
    return "python"
