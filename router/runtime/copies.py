"""Owns: a copy of a file: its bytes, what is known of it, and what the journal says of that.
Imports: core, infra.store.
Never: takes a file from its folder; decides what becomes of a record.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
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


def read_copy(
    path: Path, name: str, limit: int, algorithm: str = "sha256"
) -> tuple[Copy, bytes, str]:
    """Return a copy, its bytes, and their digest by an algorithm.

    Of a file that is larger than `limit` that are the first bytes, one more than `limit`; digests
    are of all of them. Raises OSError, also when it changes meanwhile.
    """
    # never through a link: it could lead to a file that is not the sender's
    with open(path, "rb", opener=no_link) as file:
        before = os.fstat(file.fileno())
        body = file.read(limit + 1)
        sha256, other = _digests(body, file, ("sha256", algorithm))
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
    return copy, body, other


def known_of(files: Files, channel: str, copy: Copy, *, leftover: bool) -> Known:
    """Return what is known of a copy; a `leftover` was taken by a process that may have read it.

    A name whose newest copy had the same bytes brings nothing. After other bytes it does, though
    they were here before: who sends A, B, A means that it is A again.
    """
    last = files.last(channel, copy.name)
    if last is None:
        same = files.same(channel, copy.sha256)
        return Known() if same is None else Known(word=RENAMED, past=same)
    # what lay beside the very copy may be in the archive already
    done = leftover and replace(last.copy, beside=copy.beside) == copy
    told = RESENT if last.copy.tells == copy.tells else CHANGED
    return Known(word=told, past=last, done=done)


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


def _digests(body: bytes, rest: BinaryIO, algorithms: Sequence[str]) -> list[str]:
    made = [hashlib.new(one, body, usedforsecurity=False) for one in algorithms]
    while chunk := rest.read(_CHUNK):
        for one in made:
            one.update(chunk)
    return [one.hexdigest() for one in made]
