"""Owns: a copy of a file: its bytes, what is known of it, and what the journal says of that.
Imports: core, infra.store.
Never: takes a file from its folder; decides what becomes of a record.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from router.core.instants import time_text
from router.core.message import Message
from router.infra.store.files import CHANGED, RENAMED, RESENT, Copy, Files, Past
from router.infra.store.rows import Entry
from router.infra.store.transaction import Transaction

#: bytes that are hashed at once of a file which is too large to be taken
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a copy: a word of the journal, and the copy that it is told by.

    Without a word it is new, or (`done`) the very copy that came to its end before a crash.
    """

    word: str = ""
    past: Past | None = None
    done: bool = False


def read_copy(path: Path, name: str, limit: int) -> tuple[Copy, bytes]:
    """Return a copy and its bytes: all of them, or one more than `limit` of a larger file.

    Its digest is of all of them. Raises OSError, also when it changes meanwhile.
    """
    # never through a link: it could lead to a file that is not the sender's
    with open(path, "rb", opener=no_link) as file:
        before = os.fstat(file.fileno())
        body = file.read(limit + 1)
        sha256 = _digest(body, file)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BlockingIOError(f"{shown(name)} changes while it is read")
    copy = Copy(
        name=shown(name),
        sha256=sha256,
        size=after.st_size,
        mtime_ns=after.st_mtime_ns,
        inode=str(after.st_ino),
    )
    return copy, body


def known_of(files: Files, channel: str, copy: Copy, *, leftover: bool) -> Known:
    """Return what is known of a copy; a `leftover` was taken by a process that may have read it.

    A name whose newest copy had the same bytes brings nothing. After other bytes it does, though
    they were here before: who sends A, B, A means that it is A again.
    """
    last = files.last(channel, copy.name)
    if last is None:
        same = files.same(channel, copy.sha256)
        return Known() if same is None else Known(word=RENAMED, past=same)
    if last.copy.sha256 != copy.sha256:
        return Known(word=CHANGED, past=last)
    return Known(word=RESENT, past=last, done=leftover and last.copy == copy)


def tell(
    transaction: Transaction, channel: str, known: Known, now: datetime, made: tuple[str, Copy]
) -> None:
    """Write a line of the journal about a copy, found by its name; `made` is its id and itself.

    The copy before is its cause: it is no record, and no replay takes it for one.
    """
    number, copy = made
    assert known.past is not None, "a word is about a copy that was here"
    message = Message(
        id=number,
        correlationid=number,
        causationid=known.past.delivery,
        channel=channel,
        occurred_at=now,
    )
    detail = {
        "file": copy.name,
        "was": known.past.copy.name,
        "of": known.past.delivery,
        "at": time_text(known.past.at),
    }
    transaction.write(
        Entry(at=now, message=message, consumer=channel, word=known.word, detail=detail)
    )
    transaction.refer([copy.name], number)


def shown(name: str) -> str:
    """Return a file's name as a text; names are bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def no_link(path: str, flags: int) -> int:
    """Open a file, but no link and nothing that lets its reader wait."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _digest(body: bytes, rest: BinaryIO) -> str:
    made = hashlib.sha256(body)
    while chunk := rest.read(_CHUNK):
        made.update(chunk)
    return made.hexdigest()
