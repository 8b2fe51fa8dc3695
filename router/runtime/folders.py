"""Owns: file ingress: a folder is looked at, a file that stands still is read, then archived.
Imports: config, infra.store, runtime.ingress.
Never: reads a file that is still being written; loses one (the archive follows the commit).
"""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from router.config.channels import Channel, FileSource
from router.core.ports import Clock
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.failpoints import reach
from router.runtime.ingress import Ingress


@dataclass(frozen=True, slots=True)
class _Seen:
    size: int
    mtime_ns: int
    since: datetime


class Folder:
    """Watches the folder of one channel. One thread calls `step`."""

    def __init__(
        self, channel: Channel, folder: Path, archive: Path, parts: tuple[Store, Ingress, Clock]
    ) -> None:
        self.channel = channel
        self._folder = folder
        self._archive = archive
        self._store, self._ingress, self._clock = parts
        self._seen: dict[str, _Seen] = {}

    def step(self) -> int:
        """Read what stands still; return how many files were read. Raises Unavailable."""
        source = self.channel.source
        assert isinstance(source, FileSource), "only a channel with a file source has a folder"
        if not self._folder.is_dir():
            return 0
        now = self._clock.now()
        read = 0
        present: dict[str, _Seen] = {}
        for entry in sorted(os.scandir(self._folder), key=lambda one: one.name):
            if not entry.is_file(follow_symlinks=False):
                continue
            if not fnmatch.fnmatchcase(entry.name, source.pattern) or entry.name.startswith("."):
                continue
            status = entry.stat(follow_symlinks=False)
            seen = self._seen.get(entry.name)
            if seen is None or (seen.size, seen.mtime_ns) != (status.st_size, status.st_mtime_ns):
                seen = _Seen(status.st_size, status.st_mtime_ns, now)
            present[entry.name] = seen
            if now - seen.since >= source.stable:
                self._take(entry.name, seen, source.body_limit)
                del present[entry.name]
                read += 1
        self._seen = present
        return read

    def _take(self, name: str, seen: _Seen, limit: int) -> None:
        """Read a file once, whole; a file that is known already is only archived."""
        key = (self.channel.name, name, seen.size, seen.mtime_ns)
        with self._store.read() as reader:
            known = reader.file_known(key)
        if not known:
            path = self._folder / name
            with path.open("rb") as file:
                body = file.read(limit + 1)
            headers = {"file-name": name}

            def also(transaction: Transaction, delivery: str) -> None:
                transaction.file_done(key, self._clock.now(), delivery)

            self._ingress.receive(self.channel, headers, body, also).result()
            reach("folder.after_commit")
        self._put_away(name)

    def _put_away(self, name: str) -> None:
        """Move a file to the archive under a name that no earlier one has."""
        self._archive.mkdir(parents=True, exist_ok=True)
        target = self._archive / name
        number = 1
        while target.exists():
            target = self._archive / f"{name}.{number}"
            number += 1
        (self._folder / name).rename(target)
