"""Owns: giving the commands of one system to hands of any process, in order, over a broker.
Imports: core, infra.store, runtime.relay, runtime.worker.
Never: calls; takes a row away (who carries it does); believes the broker that a row is dealt with
(the store says so).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from router.config.project import Project
from router.core.errors import Retryable, Unknown
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.caution import Caution
from router.runtime.exchange import Exchange
from router.runtime.failpoints import reach
from router.runtime.units import WORKER
from router.runtime.worker import Worker

if TYPE_CHECKING:
    from router.infra.amqp.publisher import Word
    from router.runtime.relay import Relay, Said

#: seconds between two looks at what is on its way, and after which a row is looked for
LOOK, RIPE = 1.0, 3.0
#: seconds without a word after which a row that stands is published again, at first and at most
SILENT, AT_MOST = 60.0, 3600.0
#: seconds that nothing is published after the broker took one not
REST = 1.0
#: rows that are on their way at once: so many for each hand, and in all
EACH, MOST = 2, 1024


@dataclass(slots=True)
class _Flight:
    """A row on its way: since when nothing was heard of it, and how often it was published."""

    row: Queued
    since: float
    times: int = 1
    #: other hands have it until then
    until: datetime | None = None

    @property
    def silent_until(self) -> float:
        """Return when it is published again, unless there is a word."""
        return self.since + min(AT_MOST, SILENT * 2.0 ** (self.times - 1))


class Dispatcher(Worker):
    """Reads a system's lane as a worker does, and publishes what a worker would carry."""

    def __init__(
        self,
        parts: tuple[Store, Exchange, Relay],
        system: str,
        slots: int,
        recall: Callable[[str], Project | None] = lambda _: None,
    ) -> None:
        """`slots` are those of one process's hands."""
        store, exchange, relay = parts
        super().__init__(store, exchange, system, 0, recall)
        self._relay = relay
        self._hands = slots
        self._window = EACH * slots
        self._flights: dict[int, _Flight] = {}
        #: rows that are to be read again
        self._again: deque[int] = deque()
        self._next_look = self._rest_until = 0.0
        relay.hear[system] = self.told

    def take_care(self, caution: Caution) -> None:
        """Nothing goes alone: who carries it takes care of what comes to it again."""

    def step(self) -> int:
        """Publish what there is room for; return how many rows were taken or held back."""
        if monotonic() >= self._next_look:
            self._next_look = monotonic() + LOOK
            self._look()
        while self._again:
            self._put_back(self._again.popleft())
        return 0 if monotonic() < self._rest_until else super().step()

    def told(self, said: Said) -> None:
        """Hear what became of a row."""
        if said.word == "held" and said.alone:
            flight = self._flights.get(said.row)
            if flight is not None:
                flight.until = said.until
            return
        if said.word == "held":
            self._held_until = said.until
        self._free(said.row, again=said.word != "gone")

    def close(self, grace: timedelta) -> None:
        """Forget what is on its way: who leads next publishes what stands."""
        self._flights.clear()

    def _room(self, busy: int) -> int:
        return max(0, self._window - busy)

    def _hand_out(self, rows: list[Queued]) -> None:
        for row in self._in_order(rows):
            with self._lock:
                self._busy.add(row.id)
                self._flights[row.id] = _Flight(row, monotonic())
            self._publish(row)
        self._relay.flush()
        reach("dispatch.published")

    def _publish(self, row: Queued) -> None:
        then = partial(self._sent, row.id)
        try:
            self._relay.send(row, self.system, then)
        except Retryable as error:
            then(error)

    def _sent(self, row: int, end: Word | Retryable | Unknown) -> None:
        """Hear what the broker says of a row, on its thread."""
        if end == "taken":
            return
        flight = self._flights.get(row)
        if isinstance(end, Unknown) and flight is not None:
            flight.since = monotonic() - SILENT + RIPE  # it may have arrived: soon once more
            return
        self._rest_until = monotonic() + REST
        self._free(row, again=True)

    def _free(self, row: int, *, again: bool) -> None:
        """Have a row on its way no more. One that is read again is so by who reads, in a moment:
        it would be passed over while it reads.
        """
        with self._lock:
            self._flights.pop(row, None)
            if not again:
                self._busy.discard(row)
        if again:
            self._again.append(row)
        self.bell.ring()

    def _put_back(self, row: int) -> None:
        with self._lock:
            if row in self._flights:
                return  # a late word about one that is on its way anew
            self._busy.discard(row)
        self._read_again(row)

    def _in_order(self, rows: list[Queued]) -> list[Queued]:
        """As a worker does, of those that stand: hands of before may have them, and settle them."""
        if not any(row.message.order_key for row in rows):
            return rows
        now = self._clock.now()

        def job(transaction: Transaction) -> tuple[list[Queued], set[int]]:
            standing = transaction.hold_rows([row.id for row in rows], wait=False)
            going = []
            for row in rows:
                if row.id not in standing:
                    continue
                if not row.message.order_key or transaction.enter_gate(row, now):
                    going.append(row)
                else:
                    transaction.hold_back(row, now)
            return going, standing

        going, standing = self._store.write(job)
        for row in rows:
            if row.id not in standing:
                self._read_again(row.id)
        return going

    def _look(self) -> None:
        """Look what has become of rows of which nothing was heard, and how many hands there are."""
        now, clock = monotonic(), self._clock.now()
        with self._lock:
            ripe = {row: one for row, one in self._flights.items() if one.since + RIPE <= now}
        with self._store.read() as reader:
            members = reader.leads.members([WORKER])[WORKER]
            standing = reader.still_queued(list(ripe)) if ripe else set()
        self._window = min(MOST, EACH * self._hands * max(1, members))
        for row, flight in ripe.items():
            if row not in standing:
                self._free(row, again=False)
            elif flight.until is not None:
                if flight.until <= clock:
                    self._free(row, again=True)
            elif flight.silent_until <= now:
                flight.since, flight.times = now, flight.times + 1
                self._publish(flight.row)
        self._relay.flush()
