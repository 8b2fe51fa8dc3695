"""Owns: telling other processes, by the store, what keeps commands from the hands of this one.
Imports: core, infra.store, runtime.members.
Never: writes what was written before; keeps a word of a process that has ended.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from router.core.errors import Unavailable
from router.core.instants import time_of, time_text
from router.core.ports import Clock
from router.infra.store.reader import Reader
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.members import BROKER, lives


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A process whose hands get no commands: since when, and why."""

    process: str
    since: datetime
    why: str


class Tidings:
    """One process's word. One thread calls `tell`."""

    def __init__(self, store: Store, clock: Clock, name: str) -> None:
        self._store = store
        self._clock = clock
        self._mark = BROKER + name
        #: what is written; None = nobody has looked
        self._told: str | None = None

    def tell(self, trouble: str) -> None:
        """Tell what keeps commands away; "" = nothing does. While the store is away it waits."""
        if trouble == self._told:
            return
        text = json.dumps([time_text(self._clock.now()), trouble])

        def job(transaction: Transaction) -> None:
            if trouble:
                transaction.mark(self._mark, text)
            else:
                transaction.unmark(self._mark)

        try:
            self._store.write(job)
        except Unavailable:
            return
        self._told = trouble


def away(reader: Reader) -> list[Away]:
    """Return the processes that get no commands, by name."""
    return [
        Away(process=mark.removeprefix(BROKER), since=time_of(since), why=why)
        for mark, (since, why) in sorted(
            (mark, json.loads(text)) for mark, text in reader.marks(BROKER).items()
        )
        if lives(reader.leads, mark)
    ]
