"""Owns: putting a file away for good: under the folder of its day, over nothing that is there.
Imports: runtime.copies, runtime.failpoints.
Never: overwrites; lets half a file be seen under its name; takes a file away before it is put away.

A file gets its second name (a hard link) in the archive, then loses the first one: a process that
dies in between finds on its next start that both are one file. Onto another file system it is
copied first, under a name that begins with a dot. Where a file system has no second names, or the
file is somebody else's (`protected_hardlinks`), it is renamed to a name that nobody has.
"""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

from router.runtime.copies import no_link
from router.runtime.failpoints import reach

#: in front of the name of a file that is being copied to the archive
PART = ".part-"
#: what a file system says that has no second names, or has them only for the owner
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP}

#: archives may be one folder for several channels: who looks for a free name is alone
_naming = threading.Lock()


class Archive:
    """Where the files of a channel are put when they are done. Safe for many threads."""

    def __init__(self, folder: Callable[[str], Path]) -> None:
        """`folder` gives the folder of a day (`2026-11-26`, UTC)."""
        self._folder = folder

    def put(self, path: Path, name: str, day: date) -> Path:
        """Put a file away under its name, with a number where that is taken; return where.

        It is whole under that name, on disk, before it is gone from `path`; done again after a
        crash it goes on. Raises OSError; then the file is where it was.
        """
        folder = self._folder(day.isoformat())
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / (PART + name)
        try:
            target = _name(path, folder, name)
        except OSError as error:  # two mounts of one file system are two as well
            if error.errno != errno.EXDEV:
                raise
            if not _is_copied(path, part):
                _copy(path, part)
            reach("archive.copied")
            target = _name(part, folder, name)
            _settle(folder)  # within one file system names come and go in the order they were given
        reach("archive.named")
        path.unlink(missing_ok=True)  # a rename has taken it away already
        part.unlink(missing_ok=True)
        return target


def give_back(path: Path, target: Path) -> bool:
    """Give a file another name beside it; where that is taken, leave it and say False."""
    with _naming:
        given = _named(path, target)
        if given:
            path.unlink(missing_ok=True)
    return given


def _name(path: Path, folder: Path, name: str) -> Path:
    """Give a file a name in a folder of its own file system that no other file has."""
    with _naming:
        return next(target for target in _names(folder, name) if _named(path, target))


def _named(path: Path, target: Path) -> bool:
    """Give a file a second name, or one instead of its own; say whether it has that name now."""
    try:
        os.link(path, target, follow_symlinks=False)
    except FileExistsError:
        return os.path.samestat(path.lstat(), target.lstat())
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            return False
        path.rename(target)
    return True


def _names(folder: Path, name: str) -> Iterator[Path]:
    yield folder / name
    number = 1
    while True:
        yield folder / f"{name}.{number}"
        number += 1


def _is_copied(path: Path, part: Path) -> bool:
    """Say whether a process that died has copied and named this very file already."""
    try:
        named = part.lstat().st_nlink > 1
    except FileNotFoundError:
        return False
    if named and filecmp.cmp(path, part, shallow=False):
        return True
    part.unlink()
    return False


def _copy(path: Path, part: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with (
        open(path, "rb", opener=no_link) as source,
        os.fdopen(os.open(part, flags), "wb") as made,
    ):
        shutil.copyfileobj(source, made)
        made.flush()
        os.fsync(made.fileno())
    with suppress(OSError):  # times and rights are good to have
        shutil.copystat(path, part)


def _settle(folder: Path) -> None:
    """Have the names of a folder on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
