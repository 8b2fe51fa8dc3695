"""Owns: file ingress: a folder is looked at, a file that stands still is read, then archived.
Imports: config, infra.store, runtime.ingress.
Never: reads a file that is still being written; loses one (the archive follows the commit).
"""

from __future__ import annotations

import fnmatch
import os
import shutil
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from router.config.channels import Channel, FileSource
from router.core.errors import Draining
from router.core.ports import Clock
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.caution import Caution
from router.runtime.failpoints import reach
from router.runtime.ingress import Ingress

#: a file is renamed before it is read: what comes under its name meanwhile is another file
TAKEN = ".taken-"


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
        #: seconds between two looks
        self.every = 1.0
        #: knows whether a file that was taken before may have killed the process
        self.caution: Caution | None = None
        self.channel = channel
        self._folder = folder
        self._archive = archive
        self._store, self._ingress, self._clock = parts
        self._seen: dict[str, _Seen] = {}

    def step(self) -> int:
        """Read what stands still; return how many files were read. Raises Unavailable."""
        source = self.channel.source
        assert isinstance(source, FileSource), "only a channel with a file source has a folder"
        if not self._folder.is_dir() or not self._ingress.takes(self.channel.name):
            return 0
        now = self._clock.now()
        ready = [(name, self._finish_alone) for name in self._taken_before()]
        present: dict[str, _Seen] = {}
        for name, status in self._waiting(source):
            seen = self._seen.get(name)
            if seen is None or (seen.size, seen.mtime_ns) != (status.st_size, status.st_mtime_ns):
                seen = _Seen(status.st_size, status.st_mtime_ns, now)
            if now - seen.since < source.stable:
                present[name] = seen
                continue
            ready.append((name, self._take))
        self._seen = present
        troubles: list[OSError] = []
        for name, read in ready:
            try:
                read(name, source.body_limit)
            except OSError as error:  # one that cannot be read must not keep the others
                troubles.append(error)
        if troubles:
            raise troubles[0]
        return len(ready)

    def _waiting(self, source: FileSource) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the files with records; where there is a marker, only those that have theirs."""
        entries = sorted(os.scandir(self._folder), key=lambda one: one.name)
        files = {one.name: one for one in entries if one.is_file(follow_symlinks=False)}
        for name, entry in files.items():
            if not fnmatch.fnmatchcase(name, source.pattern) or name.startswith("."):
                continue
            if source.marker and not self._marked(name, source.marker, files):
                continue
            yield name, entry.stat(follow_symlinks=False)

    @staticmethod
    def _marked(name: str, marker: str, files: Container[str]) -> bool:
        """Say whether a file has a marker of its own: one of a taken file is that file's."""
        if name.endswith(marker) or TAKEN + name in files:
            return False
        return name + marker in files

    def _taken_before(self) -> list[str]:
        """Return files that were taken by a process that did not come to their end."""
        names = sorted(
            one.name
            for one in os.scandir(self._folder)
            if one.name.startswith(TAKEN) and one.is_file(follow_symlinks=False)
        )
        return [name.removeprefix(TAKEN) for name in names]

    def _take(self, name: str, limit: int) -> None:
        taken = self._folder / (TAKEN + name)
        if os.path.lexists(taken):
            raise FileExistsError(f"{taken.name} is not finished: {name} has to wait")
        (self._folder / name).rename(taken)
        self._finish(name, limit)

    def _finish_alone(self, name: str, limit: int) -> None:
        """Finish a file that an earlier process, or an earlier try, did not come to the end of."""
        if self.caution is None:
            return self._finish(name, limit)
        key = f"file:{self.channel.name}/{_shown(name)}"
        with self.caution.alone(key) as verdict:
            return self._finish(name, limit, kills=verdict == "killer")

    def _finish(self, name: str, limit: int, *, kills: bool = False) -> None:
        """Read a taken file once, whole, and put it away; one that is known is only put away.

        One that `kills` the process when it is looked into becomes a dead letter.
        """
        path = self._folder / (TAKEN + name)
        status = path.stat()
        shown = _shown(name)
        key = (self.channel.name, shown, status.st_size, status.st_mtime_ns)
        with self._store.read() as reader:
            known = reader.file_known(key)
        if not known:
            # never through a link: it could lead to a file that is not the sender's
            with open(path, "rb", opener=_no_link) as file:
                body = file.read(limit + 1)

            def also(transaction: Transaction, delivery: str) -> None:
                transaction.file_done(key, self._clock.now(), delivery)

            headers = {"file-name": shown}
            try:
                if kills:
                    self._ingress.refuse(self.channel, headers, body, also).result()
                else:
                    reach(f"folder.read.{shown}")
                    self._ingress.receive(self.channel, headers, body, also).result()
            except Draining:
                path.rename(self._folder / name)
                raise
            reach("folder.after_commit")
        self._put_away_marker(name)
        reach("folder.after_marker")
        self._put_away(path, name)

    def _put_away_marker(self, name: str) -> None:
        """Move the marker of a taken file, if it is still there, before the file itself.

        While the taken file is there its marker is that file's (`_marked`): a marker never lets
        a second file in, whenever the process dies.
        """
        source = self.channel.source
        assert isinstance(source, FileSource), "only a channel with a file source has a folder"
        marker = self._folder / (name + source.marker)
        if source.marker and marker.is_file() and not marker.is_symlink():
            self._put_away(marker, marker.name)

    def _put_away(self, path: Path, name: str) -> None:
        """Move a file to the archive, on whatever disk, under a name that no earlier one has."""
        self._archive.mkdir(parents=True, exist_ok=True)
        target = self._archive / name
        number = 1
        while target.exists():
            target = self._archive / f"{name}.{number}"
            number += 1
        shutil.move(path, target)


def _shown(name: str) -> str:
    """Return a file's name as a text; names are bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
