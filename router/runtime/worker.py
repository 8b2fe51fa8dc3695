"""Owns: the workers of one system: a bounded pool, or calls that overlap; order by key, pauses.
Imports: core, config, infra.store, runtime.
Never: takes more commands than there is room for, or any while a limit holds the system.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from router.config.project import Project
from router.core.errors import Held, Unavailable
from router.core.ports import Clock
from router.infra.store.pauses import PAUSED, Pause, moved_on
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.bell import Bell
from router.runtime.caution import Caution, Suspects
from router.runtime.commands import Commands
from router.runtime.exchange import Exchange
from router.runtime.lookback import Lookback
from router.runtime.resending import Resending
from router.runtime.verdicts import SYSTEM_LANE
from router.runtime.volley import MOST, Hands, Volley, flies


class Worker:
    """Carries commands to one system with a bounded pool. One thread calls `step`.

    Where calls of the system can leave together, they do; what goes one by one then goes by the
    pool. With `workers=0` a command is carried at once, by the caller: for tests of the language.
    After an unclean end the commands that can have been in hand go first, one after the other.
    """

    def __init__(
        self,
        store: Store,
        exchange: Exchange,
        system: str,
        workers: int,
        recall: Callable[[str], Project | None] = lambda _: None,
    ) -> None:
        """`recall` gives an earlier project by its revision, for replays."""
        self.bell = Bell()
        self.system = system
        self._store = store
        resending = self._resending = Resending(store, exchange, recall)
        self._commands = Commands(store, exchange, resending.operation, resending.former)
        self._clock: Clock = exchange.clock
        self._lane = SYSTEM_LANE + system
        self._volley = self._together(exchange) if workers and flies(exchange, system) else None
        #: rows in hand at once
        self._most = workers if self._volley is None else MOST
        self._pool = ThreadPoolExecutor(workers, f"worker-{system}") if workers else None
        self._cursor = 0
        #: where to read from again: a row from there on could not be carried
        self._back: int | None = None
        self._more = True  # there may be rows for which the bell does not ring: there was no room
        self._lookback = Lookback()
        self._pauses: tuple[Pause, ...] = ()
        #: rows in the hands of the pool, and those that a step is about to give it
        self._busy: set[int] = set()
        self._taken: frozenset[int] = frozenset()
        self._lock = threading.Lock()
        self._taking = threading.Lock()  # held while rows are taken
        #: set from a command that found the store away until one that did not
        self._away = threading.Event()
        #: until when limits or breaker let no call go, as they said last
        self._held_until: datetime | None = None
        self._caution: Caution | None = None
        self._suspects = Suspects(0, 0)
        #: commands that went alone, and go so when they come again
        self._apart: set[tuple[str, str]] = set()
        store.wake(self._lane, self.bell.ring)

    def _together(self, exchange: Exchange) -> Volley:
        hands = Hands(over=self._over, again=self._come_again, wake=self.bell.ring)
        return Volley((self._store, exchange, self._commands), self.system, hands)

    def take_care(self, caution: Caution) -> None:
        """Let what may have killed the last process go alone. Called before the first step."""
        self._caution = caution
        self._suspects = caution.suspects(self._most)

    def step(self) -> int:
        """Take what the pool has room for; return how many rows were taken or held back.

        None, while the store stays away: they come again with the next tick, not at once. None,
        while limits or breaker hold the system: the commands stay in the queue, in their order.
        """
        if self._until_let_go() > 0:
            return 0
        away = self._away.is_set()
        ended = 0 if self._volley is None else self._volley.ended
        with self._taking:
            self._more = True  # until a look has shown otherwise; who ends meanwhile rings
            with self._lock:
                busy = frozenset(self._busy)
            rows = self._next_rows(self._room(len(busy) - ended))
            self._taken = frozenset(row.id for row in rows)
        try:
            if rows or ended:
                self._hand_out([row for row in rows if row.id not in busy])
        except Exception:
            self._read_again(rows[0].id if rows else self._cursor + 1)
            raise
        finally:
            self._taken = frozenset()
        return 0 if away and self._away.is_set() else len(rows)

    def has_more(self) -> bool:
        """Whether there may be rows for which the bell does not ring."""
        return self._more

    def look_again(self) -> None:
        """Read from further back: a row of another process may be new behind the cursor."""
        self._read_again(self._lookback.next(self._cursor) + 1)

    def rest(self, seconds: float) -> None:
        """Wait for the bell, until the system is let go, or for at most `seconds`."""
        left = self._until_let_go()
        self.bell.wait(min(seconds, left) if left > 0 else seconds)

    def _until_let_go(self) -> float:
        """Return how many seconds the system is held, as far as it was said."""
        until = self._held_until
        return 0.0 if until is None else (until - self._clock.now()).total_seconds()

    def _room(self, busy: int) -> int:
        """Return how many rows may be taken; one at a time, while they are suspects."""
        if not self._suspects.until or self._caution is None:
            return (self._most - busy) if self._pool else 1
        return int(not busy and self._caution.loop_done.is_set())

    def _next_rows(self, limit: int) -> list[Queued]:
        """Return the next rows and move the cursor behind them, and behind what is held back."""
        if limit <= 0 or any(one.mode == PAUSED for one in self._pauses):
            return []
        with self._lock:
            if self._back is not None:
                self._cursor, self._back = min(self._cursor, self._back), None
        with self._store.read() if self._pauses else self._store.glance() as reader:
            newest = reader.last_queued(self._lane) if self._pauses else 0
            rows = reader.queued(self._lane, self._cursor, limit, self._pauses)
        if rows:
            self._cursor = rows[-1].id
        if len(rows) < limit:
            self._cursor = max(self._cursor, newest)
            self._more = bool(self._suspects.until)
        if self._suspects.until:
            self._suspect(rows)
        return rows

    def _suspect(self, rows: list[Queued]) -> None:
        """Let a row from before the unclean end go alone; behind the last one care is over."""
        if rows and rows[0].id <= self._suspects.until:
            self._suspects.take(rows[0].id)
            self._apart.add(rows[0].identity)
        else:
            self._suspects = Suspects(0, 0)

    def _hand_out(self, rows: list[Queued]) -> None:
        # one that was in hand when the rows were read may be settled by now
        going = self._in_order(rows)
        if self._volley is not None:
            alone = [row for row in going if self._suspects.until or row.identity in self._apart]
            self._one_by_one(alone)
            with self._lock:
                self._busy.update(row.id for row in going)
            going = self._volley.fire([row for row in going if row not in alone])
        self._one_by_one(going)

    def _one_by_one(self, rows: list[Queued]) -> None:
        for row in rows:
            with self._lock:
                self._busy.add(row.id)
            if self._pool is None:
                self._carry(row)
            else:
                self._pool.submit(self._carry, row)

    def pause(self, pauses: Sequence[Pause]) -> None:
        """Take no command that is held back; calls under way go on."""
        wanted = tuple(one for one in pauses if one.name == f"system:{self.system}")
        with self._taking:
            passed = moved_on(self._pauses, wanted)
            self._pauses = wanted
        if passed is None:
            passed = [(0, 0)]
        for after, _ in passed:
            self._read_again(after + 1)
            self.bell.ring()

    @property
    def in_hand(self) -> frozenset[int]:
        """Return the rows that are under way. After `pause` has returned, none of what it holds
        back is added.
        """
        with self._taking, self._lock:
            return self._taken | self._busy

    def _in_order(self, rows: list[Queued]) -> list[Queued]:
        """Return the rows that may go; an ordered one behind another of its key is held back."""
        if not any(row.message.order_key for row in rows):
            return rows
        now = self._clock.now()

        def job(transaction: Transaction) -> list[Queued]:
            going = []
            for row in rows:
                if not row.message.order_key or transaction.enter_gate(row, now):
                    going.append(row)
                else:
                    transaction.hold_back(row, now)
            return going

        return self._store.write(job)

    def close(self, grace: timedelta) -> None:
        """Wait for the calls under way, at most `grace`; what is not back is repeated safely."""
        if self._volley is not None:
            self._volley.close(grace)
        if self._pool is not None:
            waiter = threading.Thread(target=self._pool.shutdown, daemon=True)
            waiter.start()
            waiter.join(grace.total_seconds())

    def _carry(self, row: Queued) -> None:
        again = True
        try:
            if row.identity in self._apart:
                self._carry_alone(row)
            elif self._resending.goes_on(row):
                self._commands.carry(row)
            again = False
            self._away.clear()
        except Held as held:
            again = not self._stands_aside(row, held)
        except Unavailable:
            self._away.set()
        except Exception as error:  # noqa: BLE001 (unknown errors are repeated, then buried)
            again = not self._commands.failed(row, error)
        finally:
            (self._come_again if again else self._over)([row])

    def _come_again(self, rows: Iterable[Queued]) -> None:
        """Have rows in no hand any more, and take them again."""
        ids = {row.id for row in rows}
        if ids:
            self._read_again(min(ids))
        with self._lock:
            self._busy -= ids

    def _over(self, rows: Iterable[Queued]) -> None:
        """Have rows that are settled in no hand any more: there is room for others."""
        with self._lock:
            self._busy.difference_update(row.id for row in rows)
        if self._more:
            self.bell.ring()

    def _stands_aside(self, row: Queued, held: Held) -> bool:
        """Let a held command wait for its time, so that others pass; False when all are held: then
        it keeps its place in the queue.
        """
        if not held.alone:
            self._held_until = held.until
            return False
        try:
            self._commands.wait_in_line(row, held)
        except Unavailable:
            self._away.set()
            return False
        return True

    def _carry_alone(self, row: Queued) -> None:
        """Carry a command that may have killed the process; no other suspect is in hand."""
        assert self._caution is not None, "only it says that a row goes alone"
        lasts = self._commands.lasts(row)
        key = f"call:{row.message.id}:{row.consumer}"
        with self._caution.alone(key, lasts) as verdict:
            if verdict == "killer":
                self._commands.bury_killer(row)
            elif verdict == "later":
                self._commands.leave_alone(row, lasts)
            elif self._resending.goes_on(row):
                self._commands.carry(row)

    def _read_again(self, row: int) -> None:
        with self._lock:
            self._back = row - 1 if self._back is None else min(self._back, row - 1)
