"""Owns: care for commands that came to hands again: each goes alone, behind a mark of the store.
Imports: core, infra.store, runtime.caution, runtime.members.
Never: suspects what was not in hand when a process ended; carries (runtime.carrier does).

A broker gives a command once more whose process has ended: it may have been the reason. From then
on nothing else is in the hands of the process that carries it, and a mark says which process that
is, and how many have ended so. Another one that gets it waits as long as that process lives. What
as many ended with as `runtime.caution` says is tried: a process has it and does not touch it, for
as long as it may last. When that one ends, too, it was something else; otherwise it is buried.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from router.core.errors import Unavailable
from router.core.instants import time_of, time_text
from router.core.ports import Clock
from router.infra.store.marks import waits
from router.infra.store.reader import Reader
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.caution import MOST_ENDS, Verdict
from router.runtime.members import APART, lives

#: how long a command waits that another process has alone in hand
ELSEWHERE = timedelta(seconds=1)


class _Mark(NamedTuple):
    """Who has a command alone in hand, nobody now (""), how many have ended so, and since when it
    is tried ("": it is not).
    """

    holder: str
    ends: int
    tried: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is to be done with a command that came again; one for later, at which time."""

    word: Verdict
    until: datetime | None = None


class Apart:
    """The care of one process. Safe for many threads."""

    def __init__(self, store: Store, clock: Clock, name: str) -> None:
        self._store = store
        self._clock = clock
        self._name = name
        self._hands = threading.Condition()
        #: commands in hand; whether one is so alone; how many want to be
        self._busy, self._alone, self._wanting = 0, False, 0
        self._closed = False

    def close(self) -> None:
        """Let nobody wait any more for others to be done."""
        with self._hands:
            self._closed = True
            self._hands.notify_all()

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Have a command in hand beside others, once none is so alone. Raises Unavailable."""
        with self._hands:
            self._wait(lambda: not (self._alone or self._wanting))
            self._busy += 1
        try:
            yield
        finally:
            with self._hands:
                self._busy -= 1
                self._hands.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have a command in hand and no other. Raises Unavailable."""
        with self._hands:
            self._wanting += 1
            try:
                self._wait(lambda: not (self._alone or self._busy))
                self._alone = True
            finally:
                self._wanting -= 1
                self._hands.notify_all()
        try:
            yield
        finally:
            with self._hands:
                self._alone = False
                self._hands.notify_all()

    def is_marked(self, reader: Reader, row: Queued) -> bool:
        """Return whether a process has ended with a command alone in hand, or has it so."""
        return bool(reader.mark(mark_of(row)))

    def take(self, row: Queued, lasts: timedelta) -> Taken:
        """Take a command alone in hand, which may last so long, or say why not. Raises
        Unavailable.
        """
        return self._store.write(lambda transaction: self._taken(transaction, row, lasts))

    def put_down(self, row: Queued) -> None:
        """Have a command in hand no more; what still waits is known again. Raises Unavailable."""

        def job(transaction: Transaction) -> None:
            name = mark_of(row)
            mark = _read(transaction.marks(name).get(name, ""))
            if not waits(transaction.connection, *row.identity):
                transaction.unmark(name)
            elif mark.holder == self._name:
                put(transaction, row, mark._replace(holder="", ends=max(0, mark.ends - 1)))

        self._store.write(job)

    def _taken(self, transaction: Transaction, row: Queued, lasts: timedelta) -> Taken:
        name, now = mark_of(row), self._clock.now()
        mark = _read(transaction.marks(name).get(name, ""))
        if mark.holder == self._name:
            return _judged(mark, now, lasts)
        if mark.holder and lives(transaction.leads, APART + mark.holder):
            return Taken(word="later", until=now + ELSEWHERE)
        if mark.tried:  # it was not touched, and the process ended all the same
            mark = _Mark("", 0, "")
        mark = mark._replace(holder=self._name)
        if mark.ends >= MOST_ENDS:
            mark = mark._replace(tried=time_text(now))
        else:
            mark = mark._replace(ends=mark.ends + 1)
        put(transaction, row, mark)
        return _judged(mark, now, lasts)

    def _wait(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds. Raises Unavailable when all is to end."""
        self._hands.wait_for(lambda: self._closed or holds())
        if self._closed:
            raise Unavailable("nothing more is begun")


def mark_of(row: Queued) -> str:
    """Return the name of the mark of a command: the same whenever it comes again."""
    digest = hashlib.sha256("/".join(row.identity).encode()).hexdigest()
    return f"{APART}{digest[:24]}"


def put(transaction: Transaction, row: Queued, mark: _Mark) -> None:
    """Write a mark, with what it is about."""
    transaction.mark(mark_of(row), json.dumps([*mark, *row.identity]))


def _judged(mark: _Mark, now: datetime, lasts: timedelta) -> Taken:
    if not mark.tried:
        return Taken(word="go")
    until = time_of(mark.tried) + lasts
    return Taken(word="killer") if now >= until else Taken(word="later", until=until)


def _read(text: str) -> _Mark:
    holder, ends, tried = json.loads(text)[:3] if text else ("", 0, "")
    return _Mark(str(holder), int(ends), str(tried))
