"""Owns: the hands of a process: they take commands of every system from a broker and carry them.
Imports: core, infra.store, runtime.
Never: carries a row that does not stand in the store; lets go of a command of which the store does
not know what became (it keeps it and tries again).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from router.config.project import Project
from router.core.errors import Held, Unavailable
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.runtime.apart import Apart
from router.runtime.commands import Commands
from router.runtime.effects import OTHER_HANDS
from router.runtime.exchange import Exchange
from router.runtime.relay import Order, Relay, Said
from router.runtime.resending import Resending
from router.runtime.standing import Gone, Standing

if TYPE_CHECKING:
    from router.infra.store.pauses import Pause

#: seconds until a command is tried again for which the store was away
PAUSE = 1.0


class Carrier:
    """Carries what a relay brings, with as many hands for each system as there are slots."""

    def __init__(
        self,
        parts: tuple[Store, Exchange, Relay],
        slots: int,
        recall: Callable[[str], Project | None] = lambda _: None,
        complain: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`store` is one that writes whatever this process leads."""
        store, exchange, relay = parts
        self._store = Standing(store)
        self._apart = Apart(store, exchange.clock, relay.name)
        self._resending = Resending(self._store, exchange, recall)
        self._commands = Commands(
            self._store, exchange, self._resending.operation, self._resending.former
        )
        self._relay = relay
        self._complain = complain
        self._closing = threading.Event()
        self._lock = threading.Lock()
        #: rows in hands, by how many have them
        self._rows: Counter[int] = Counter()
        self._pools = {
            one: ThreadPoolExecutor(slots, f"hand-{one}") for one in sorted(relay.systems)
        }
        relay.take = self.take

    @property
    def in_hand(self) -> frozenset[int]:
        """Return the rows that are in hands of this process: what of them is held back is told by
        the store, and looked for there before a call.
        """
        with self._lock:
            return frozenset(self._rows)

    def take(self, order: Order) -> None:
        """Let a hand carry a command. Raises LookupError for one of a system that is none."""
        pool = self._pools[order.system]
        if order.again:
            row = order.row
            self._complain(f"commands: {row.message.id} {row.consumer} came again, it goes alone")
        pool.submit(self._carry, order)

    def close(self, seconds: float) -> None:
        """Begin with nothing more, and wait so long for what is in hand."""
        self._closing.set()
        self._apart.close()
        self._relay.close(seconds)
        for pool in self._pools.values():
            pool.shutdown(wait=False)

    def _carry(self, order: Order) -> None:
        if not self._relay.knows(order.mark):
            return  # its connection is lost: it comes again
        if self._closing.is_set():
            self._relay.answer(order, Said(row=order.row.id, word="again"))
            return
        with self._lock:
            self._rows[order.row.id] += 1
        said = self._tried(order)
        while said is None:
            if self._closing.wait(PAUSE):
                said = Said(row=order.row.id, word="again")
            else:
                said = self._tried(order)
        with self._lock:
            self._rows -= Counter([order.row.id])
        self._relay.answer(order, said)

    def _tried(self, order: Order) -> Said | None:
        """Return what became of a row, None when the store could not be asked or told."""
        row = order.row
        try:
            with self._store.read() as reader:
                place = reader.place_of(row, _of(row, reader.pauses.all()))
                marked = self._apart.is_marked(reader, row)
                if place == "stands" and not order.whole:
                    (row,) = reader.queued(row.lane, row.id - 1, 1, up_to=row.id) or (row,)
            if marked and place == "gone":
                self._apart.put_down(row)
            if place != "stands":
                return Said(row=row.id, word="gone" if place == "gone" else "again")
            if marked or order.again:
                return self._alone(row)
            with self._apart.beside(), self._store.about(row.id):
                return self._carried(row)
        except Gone:
            return Said(row=row.id, word="gone")
        except Unavailable:
            return None
        except Exception as error:  # noqa: BLE001 (who carries may not die of one command)
            self._complain(f"a command of {row.consumer}: {type(error).__name__}: {error}")
            return None

    def _alone(self, row: Queued) -> Said:
        """Carry a row that came again, and nothing beside it. Raises Gone, Unavailable."""
        lasts = self._commands.lasts(row)
        with self._apart.alone():
            taken = self._apart.take(row, lasts)
            if taken.until is not None:
                return _held(row, taken.until, alone=True)
            said = Said(row=row.id, word="gone")
            try:
                with self._store.about(row.id):
                    if taken.word == "killer":
                        self._commands.bury_killer(row)
                    else:
                        said = self._carried(row)
            except Gone:
                pass
            self._apart.put_down(row)
            return said

    def _carried(self, row: Queued) -> Said:
        """Carry a row that stands. Raises Gone, Unavailable."""
        try:
            if self._resending.goes_on(row):
                self._commands.carry(row)
        except Held as held:
            if not held.alone or held.why in OTHER_HANDS:
                return _held(row, held.until, alone=held.alone)
            self._commands.wait_in_line(row, held)
        except (Gone, Unavailable):
            raise
        except Exception as error:
            if not self._commands.failed(row, error):
                raise
        return Said(row=row.id, word="gone")


def _of(row: Queued, pauses: Sequence[Pause]) -> list[Pause]:
    """Return what may hold a command back: its system's pause."""
    name = f"system:{row.lane.partition('.')[2]}"
    return [one for one in pauses if one.name == name]


def _held(row: Queued, until: datetime, *, alone: bool) -> Said:
    return Said(row=row.id, word="held", until=until, alone=alone)
