"""Owns: file ingress: a folder is looked at, a file that stands still is read, then archived.
Imports: config, infra.store, runtime: ingress, archive, copies, sidefiles, unread.
Never: reads a file that is still being written; loses one (the archive follows the commit).
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TypeAlias

from router.config.channels import Channel
from router.config.filesources import FileSource
from router.core.errors import Draining
from router.core.ports import Clock
from router.infra.store.files import RESENT, Copy, Past
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.archive import Archive, give_back
from router.runtime.bodies import BESIDE
from router.runtime.caution import Caution
from router.runtime.copies import Known, known_of, read_copy, shown, tell
from router.runtime.days import Days
from router.runtime.failpoints import reach
from router.runtime.fresh import fresh_id
from router.runtime.ingress import Ingress
from router.runtime.sidefiles import Unfit, check_sum, read_side
from router.runtime.unread import Unread

#: a file is renamed before it is read: what comes under its name meanwhile is another file
TAKEN = ".taken-"
#: files of one step: a daemon that is to stop waits for no more of them
MOST = 200


#: size and time of a file, then of those that lie beside it
_Stand: TypeAlias = tuple[tuple[int, int], ...]


class Folder:
    """Watches the folder of one channel. One thread calls `step`."""

    def __init__(
        self, channel: Channel, folder: Path, archive: Archive, parts: tuple[Store, Ingress, Clock]
    ) -> None:
        #: seconds between two looks
        self.every = 1.0
        self._caution: Caution | None = None
        self.channel = channel
        self._folder = folder
        self._archive = archive
        self._store, self._ingress, self._clock = parts
        assert isinstance(channel.source, FileSource), "only a channel with files has a folder"
        self._source = channel.source
        self._days = Days(channel, self._store, self._clock)
        self._unread = Unread(self._store, self._clock, channel.name)
        #: how each file stood when it was last looked at, and since when it has stood like that
        self._seen: dict[str, tuple[_Stand, datetime]] = {}
        #: files that were not as those beside them say, and how all of them stood
        self._unfit: dict[str, _Stand] = {}

    def take_care(self, caution: Caution) -> None:
        """Let a file that was taken before, and may have killed the process, go alone."""
        self._caution = caution

    def step(self) -> int:
        """Read what stands still; return how many files were read. Raises Unavailable.

        Raises OSError for a file that cannot be read, once, and after the others were.
        """
        self._days.step()
        if not self._folder.is_dir() or not self._ingress.takes(self.channel.name):
            return 0
        ready = [(name, self._finish_alone) for name in self._taken_before()]
        ready += [(name, self._take) for name in self._standing_still()]
        told = self._unread.told
        ready.sort(key=lambda one: shown(one[0]) in told)
        read, errors = self._read(ready[:MOST])
        tried = {name for name, _ in ready[:MOST]}
        lying = {shown(name) for name in {*self._seen, *(name for name, _ in ready)} - tried}
        waiting = {name: why for name, why in told.items() if name in lying}
        failed = {shown(name): _trouble(error) for name, error in errors.items()}
        for name in self._unread.tell(waiting | failed):
            raise OSError(f"{self.channel.name}: {name}: {failed[name][1]}")
        return read

    def _read(
        self, ready: Sequence[tuple[str, Callable[[str], None]]]
    ) -> tuple[int, dict[str, OSError]]:
        """Read files; return how many were, and what kept the others from it."""
        errors: dict[str, OSError] = {}
        for name, read in ready:
            try:
                read(name)
            except OSError as error:  # one that cannot be read must not keep the others
                errors.setdefault(name, error)
        return len(ready) - len(errors), errors

    def _standing_still(self) -> Iterator[str]:
        """Yield the files which have not changed for a while, nor those beside them."""
        now = self._clock.now()
        present: dict[str, tuple[_Stand, datetime]] = {}
        for name, stand in self._waiting():
            seen = self._seen.get(name)
            if seen is None or seen[0] != stand:
                seen = (stand, now)
            present[name] = seen
            if now - seen[1] >= self._source.stable and self._unfit.get(name) != stand:
                self._unfit.pop(name, None)
                yield name
        self._seen = present
        for name in [one for one in self._unfit if one not in present]:
            del self._unfit[name]

    def _waiting(self) -> Iterator[tuple[str, _Stand]]:
        """Yield the files with records, those that have beside them what must be there."""
        entries = sorted(os.scandir(self._folder), key=lambda one: one.name)
        files = {one.name: one for one in entries if one.is_file(follow_symlinks=False)}
        endings = tuple(self._source.beside.values())
        for name in files:
            if not fnmatch.fnmatchcase(name, self._source.pattern) or name.startswith("."):
                continue
            if endings and not self._is_whole(name, endings, files):
                continue
            with suppress(FileNotFoundError):  # whoever put it there has taken it away
                yield name, tuple(_stand(files[name + ending]) for ending in ("", *endings))

    @staticmethod
    def _is_whole(name: str, endings: tuple[str, ...], files: Container[str]) -> bool:
        """Say whether a file has those beside it: what lies beside a taken one is that file's."""
        if name.endswith(endings) or TAKEN + name in files:
            return False
        return all(name + ending in files for ending in endings)

    def _taken_before(self) -> list[str]:
        """Return files that were taken by a process that did not come to their end."""
        names = sorted(
            one.name.removeprefix(TAKEN)
            for one in os.scandir(self._folder)
            if one.name.startswith(TAKEN) and one.is_file(follow_symlinks=False)
        )
        return [one for one in names if fnmatch.fnmatchcase(one, self._source.pattern)]

    def _take(self, name: str) -> None:
        taken = self._folder / (TAKEN + name)
        if os.path.lexists(taken):
            raise FileExistsError(f"{taken.name} is not finished: {name} has to wait")
        try:
            (self._folder / name).rename(taken)
        except FileNotFoundError:
            return  # whoever put it there has taken it away
        self._finish(name)

    def _finish_alone(self, name: str) -> None:
        """Finish a file that an earlier process, or an earlier try, did not come to the end of."""
        if self._caution is None:
            return self._finish(name, leftover=True)
        key = f"file:{self.channel.name}/{shown(name)}"
        with self._caution.alone(key) as verdict:
            return self._finish(name, leftover=True, kills=verdict == "killer")

    def _finish(self, name: str, *, leftover: bool = False, kills: bool = False) -> None:
        """Read a taken file once, whole, and put it away; one that is known is only put away.

        One that `kills` the process when it is looked into becomes a dead letter.
        """
        path = self._folder / (TAKEN + name)
        try:
            day = self._day_of(path, name, leftover=leftover, kills=kills)
        except Draining:
            give_back(path, self._folder / name)
            raise
        except Unfit:
            self._leave(path, name)
            raise
        self._put_away_beside(name, day)
        reach("folder.after_marker")
        self._archive.put(path, name, day)

    def _day_of(self, path: Path, name: str, *, leftover: bool, kills: bool) -> date:
        """Store a taken file, unless that was done; return the day on which it was."""
        source = self._source
        algorithm = source.checksum.removeprefix(".") or "sha256"
        copy, body, digest = read_copy(path, name, source.body_limit, algorithm)
        with self._store.read() as reader:
            known = known_of(reader.files, self.channel.name, copy, leftover=leftover)
        if known.done:
            assert known.past is not None, "what is done was here"
            return known.past.at.date()
        if source.checksum:
            check_sum(self._folder / (name + source.checksum), name, digest)
        headers = {"file-name": copy.name}
        if control := source.beside.get("control"):
            said = read_side(self._folder / (name + control))
            headers[BESIDE] = said.decode("latin-1")
            copy = replace(copy, beside=hashlib.sha256(said).hexdigest())
            with self._store.read() as reader:
                known = known_of(reader.files, self.channel.name, copy, leftover=False)
        day = self._keep(copy, known, (headers, body), kills=kills)
        reach("folder.after_commit")
        return day

    def _leave(self, path: Path, name: str) -> None:
        """Put a file back that is not as those beside it say, to wait for another of them.

        Where another file of its name has come meanwhile, it is only kept.
        """
        if not give_back(path, self._folder / name):
            self._archive.put(path, f"{name}.unfit", self._clock.now().date())
            return
        stand = dict(self._waiting()).get(name)
        if stand is not None:
            self._unfit[name] = stand

    def _keep(
        self, copy: Copy, known: Known, what: tuple[Mapping[str, str], bytes], *, kills: bool
    ) -> date:
        """Store a copy with all its records, or that it was sent again; return its day."""
        now = self._clock.now()
        headers, body = what

        def also(transaction: Transaction, delivery: str) -> None:
            past = Past(copy=copy, at=now, delivery=delivery)
            transaction.files.add(self.channel.name, past, known.word)
            if known.word:
                number = fresh_id(now) if known.word == RESENT else delivery
                tell(transaction, self.channel.name, known, now, (number, copy))

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

    def _put_away_beside(self, name: str, day: date) -> None:
        """Move what lies beside a taken file, as far as it is still there, before the file itself.

        While the taken file is there they are that file's (`_is_whole`): none of them ever lets
        a second file in, whenever the process dies.
        """
        for ending in self._source.beside.values():
            beside = self._folder / (name + ending)
            if beside.is_file() and not beside.is_symlink():
                self._archive.put(beside, beside.name, day)


def _stand(entry: os.DirEntry[str]) -> tuple[int, int]:
    status = entry.stat(follow_symlinks=False)
    return status.st_size, status.st_mtime_ns


def _trouble(error: OSError) -> tuple[str, str]:
    """Return what keeps a file from being taken, in a word and in words."""
    return "checksum" if isinstance(error, Unfit) else "unreadable", shown(str(error))
