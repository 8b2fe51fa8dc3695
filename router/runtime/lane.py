"""Owns: reading one lane in order: where its reader is, what it passes over, what is in hand.
Imports: infra.store, runtime.lookback.
Never: takes a row away (who records its decision does); gives one that is held back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from router.infra.store.pauses import Pause, moved_on
from router.infra.store.reader import Reader
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.runtime.lookback import Lookback


class Lane:
    """Gives the rows of a lane. One thread takes them; any may hold back, and ask what is in hand.

    A step begins with `begin` and ends with `keep`; one that fails says so with `start_over`.
    """

    def __init__(self, store: Store, name: str, batch: int) -> None:
        """`batch` is how many rows are given at once."""
        self._store, self._name, self._batch = store, name, batch
        self._cursor = 0
        #: the last look filled its batch: there may be rows behind it
        self._more = False
        #: rows that were passed over are to be looked at once more: all, or those behind a row
        self._again = threading.Event()
        self._back: int | None = None
        self._lookback = Lookback()
        self._pauses: tuple[Pause, ...] = ()
        #: rows (after, up to) that a slow resume lets pass behind the cursor
        self._passed: list[tuple[int, int]] = []
        #: rows that were taken and are not recorded; held while rows are taken
        self._hand: frozenset[int] = frozenset()
        self._taking = threading.Lock()

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """Return what is held back."""
        return self._pauses

    @property
    def in_hand(self) -> frozenset[int]:
        """Return the rows that are under way. After `hold` has returned, none of what it holds
        back is added.
        """
        with self._taking:
            return self._hand

    def has_more(self) -> bool:
        """Whether there may be rows for which nobody rings."""
        return self._more or bool(self._passed) or self._again.is_set()

    def begin(self) -> None:
        """Go to where the next step reads from."""
        if self._again.is_set():
            self._again.clear()
            self._cursor, self._passed = 0, []
        back, self._back = self._back, None
        if back is not None:
            self._cursor = min(self._cursor, back)

    def take(self, alone: int, *, room: bool = True) -> list[Queued]:
        """Return the next rows; up to row `alone` they come one at a time. Without room, none."""
        self._more = True
        if not room:
            return []
        with self._taking:
            rows = self._let_pass(alone) or self._from_cursor(alone)
            self._hand |= {row.id for row in rows}
            return rows

    def keep(self, rows: Iterable[int] = ()) -> None:
        """Say which rows are still in hand at the end of a step."""
        self._hand = frozenset(rows)

    def start_over(self) -> None:
        """Read from the start: the cursor is past rows that nobody has decided."""
        self._again.set()

    def look_again(self) -> None:
        """Read from further back: a row of another process may be new behind the cursor."""
        self._back = self._lookback.next(self._cursor)

    def hold(self, pauses: Sequence[Pause]) -> bool:
        """Leave rows that are held back in the queue; return whether others may pass by now."""
        wanted = tuple(pauses)
        with self._taking:
            passed = moved_on(self._pauses, wanted)
            self._pauses = wanted
            if passed is None:
                self._again.set()
            else:
                self._passed += passed
        return passed != []

    def _let_pass(self, alone: int) -> list[Queued]:
        """Return the next rows behind the cursor that a slow resume lets pass."""
        rows: list[Queued] = []
        while self._passed and not rows:
            after, up_to = self._passed.pop(0)
            limit = self._limit(after, alone)
            with self._store.read() as reader:
                rows = reader.queued(self._name, after, limit, self._pauses, up_to)
            if len(rows) == limit:
                self._passed.insert(0, (rows[-1].id, up_to))
        return rows

    def _from_cursor(self, alone: int) -> list[Queued]:
        """Return the next rows and move the cursor behind them, and behind what is held back."""
        limit = self._limit(self._cursor, alone)
        with self._read() as reader:
            newest = reader.last_queued(self._name) if self._pauses else 0
            rows = reader.queued(self._name, self._cursor, limit, self._pauses)
        if rows:
            self._cursor = rows[-1].id
        if len(rows) < limit:
            self._cursor = max(self._cursor, newest)
        self._more = len(rows) == limit
        return rows

    def _limit(self, after: int, alone: int) -> int:
        return 1 if after < alone else self._batch

    def _read(self) -> AbstractContextManager[Reader]:
        """Return a reader; where two queries have to be of one moment, a whole one."""
        return self._store.read() if self._pauses else self._store.glance()
