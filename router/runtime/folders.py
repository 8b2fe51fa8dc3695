"""Owns: file ingress: a folder is looked at, a file that stands still is read, then archived.
Imports: config, infra.store, runtime.ingress, runtime.archive, runtime.copies.
Never: reads a file that is still being written; loses one (the archive follows the commit).
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from router.config.channels import Channel
from router.config.filesources import FileSource
from router.core.errors import Draining
from router.core.ports import Clock
from router.infra.store.files import RESENT, Copy, Past
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.archive import Archive, give_back
from router.runtime.caution import Caution
from router.runtime.copies import Known, known_of, read_copy, shown, tell
from router.runtime.failpoints import reach
from router.runtime.fresh import fresh_id
from router.runtime.ingress import Ingress

#: a file is renamed before it is read: what comes under its name meanwhile is another file
TAKEN = ".taken-"
#: files of one step: a daemon that is to stop waits for no more of them
MOST = 200


@dataclass(frozen=True, slots=True)
class _Seen:
    size: int
    mtime_ns: int
    since: datetime


class Folder:
    """Watches the folder of one channel. One thread calls `step`."""

    def __init__(
        self, channel: Channel, folder: Path, archive: Archive, parts: tuple[Store, Ingress, Clock]
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
        #: files that cannot be read, and why: each is told once, and tried after the others
        self._troubles: dict[str, str] = {}

    def step(self) -> int:
        """Read what stands still; return how many files were read. Raises Unavailable.

        Raises OSError for a file that cannot be read, once, and after the others were.
        """
        source = self.channel.source
        assert isinstance(source, FileSource), "only a channel with a file source has a folder"
        if not self._folder.is_dir() or not self._ingress.takes(self.channel.name):
            return 0
        ready = [(name, self._finish_alone) for name in self._taken_before()]
        ready += [(name, self._take) for name in self._standing_still(source)]
        ready.sort(key=lambda one: one[0] in self._troubles)
        troubles: dict[str, OSError] = {}
        for name, read in ready[:MOST]:
            try:
                read(name, source.body_limit)
            except OSError as error:  # one that cannot be read must not keep the others
                troubles[name] = error
        told, self._troubles = self._troubles, {one: str(why) for one, why in troubles.items()}
        for name, why in self._troubles.items():
            if told.get(name) != why:
                raise troubles[name]
        return min(len(ready), MOST) - len(troubles)

    def _standing_still(self, source: FileSource) -> Iterator[str]:
        """Yield the files whose size and time have not changed for a while."""
        now = self._clock.now()
        present: dict[str, _Seen] = {}
        for name, status in self._waiting(source):
            seen = self._seen.get(name)
            if seen is None or (seen.size, seen.mtime_ns) != (status.st_size, status.st_mtime_ns):
                seen = _Seen(status.st_size, status.st_mtime_ns, now)
            present[name] = seen
            if now - seen.since >= source.stable:
                yield name
        self._seen = present

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
        try:
            (self._folder / name).rename(taken)
        except FileNotFoundError:
            return  # whoever put it there has taken it away
        self._finish(name, limit)

    def _finish_alone(self, name: str, limit: int) -> None:
        """Finish a file that an earlier process, or an earlier try, did not come to the end of."""
        if self.caution is None:
            return self._finish(name, limit, leftover=True)
        key = f"file:{self.channel.name}/{shown(name)}"
        with self.caution.alone(key) as verdict:
            return self._finish(name, limit, leftover=True, kills=verdict == "killer")

    def _finish(
        self, name: str, limit: int, *, leftover: bool = False, kills: bool = False
    ) -> None:
        """Read a taken file once, whole, and put it away; one that is known is only put away.

        One that `kills` the process when it is looked into becomes a dead letter.
        """
        path = self._folder / (TAKEN + name)
        copy, body = read_copy(path, name, limit)
        with self._store.read() as reader:
            known = known_of(reader.files, self.channel.name, copy, leftover=leftover)
        if known.done:
            assert known.past is not None, "what is done was here"
            day = known.past.at.date()
        else:
            try:
                day = self._keep(copy, known, body, kills=kills)
            except Draining:
                give_back(path, self._folder / name)
                raise
            reach("folder.after_commit")
        self._put_away_marker(name, day)
        reach("folder.after_marker")
        self._archive.put(path, name, day)

    def _keep(self, copy: Copy, known: Known, body: bytes, *, kills: bool) -> date:
        """Store a copy with all its records, or that it was sent again; return its day."""
        now = self._clock.now()

        def also(transaction: Transaction, delivery: str) -> None:
            past = Past(copy=copy, at=now, delivery=delivery)
            transaction.files.add(self.channel.name, past, known.word)
            if known.word:
                number = fresh_id(now) if known.word == RESENT else delivery
                tell(transaction, self.channel.name, known, now, (number, copy))

        headers = {"file-name": copy.name}
        if known.word == RESENT:
            assert known.past is not None, "it was here before"
            first = known.past.delivery
            self._store.write(lambda transaction: also(transaction, first))
        elif kills:
            self._ingress.refuse(self.channel, headers, body, also).result()
        else:
            reach(f"folder.read.{copy.name}")
            self._ingress.receive(self.channel, headers, body, also).result()
        return now.date()

    def _put_away_marker(self, name: str, day: date) -> None:
        """Move the marker of a taken file, if it is still there, before the file itself.

        While the taken file is there its marker is that file's (`_marked`): a marker never lets
        a second file in, whenever the process dies.
        """
        source = self.channel.source
        assert isinstance(source, FileSource), "only a channel with a file source has a folder"
        marker = self._folder / (name + source.marker)
        if source.marker and marker.is_file() and not marker.is_symlink():
            self._archive.put(marker, marker.name, day)
