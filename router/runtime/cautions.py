"""Owns: care after unclean ends, of each thing that this process leads.
Imports: core.ports, infra.store, runtime.caution, runtime.units.
Never: says that something ended in order that this process does not lead.

A store that has one process has one mark for all of it: what killed the process is looked for
among everything. Where processes share a store each unit has its own: who takes it over looks
among that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from router.core.ports import Clock
from router.infra.store.store import Store
from router.runtime.caution import Caution
from router.runtime.units import DUE, FEED, LOOP, OPERATOR

#: nothing is ever in the hands of these alone
_HARMLESS = frozenset({DUE, OPERATOR, FEED})


class Cautions:
    """The cautions by unit. One thread at a time calls its methods."""

    def __init__(self, store: Store, clock: Clock, name: str) -> None:
        """`name` is that of this process."""
        self._name = name
        self._store = store
        self._clock = clock
        self._by_unit: dict[str, Caution] = {}
        #: of everything, in a store that has one process
        self._whole: Caution | None = None

    @property
    def by_unit(self) -> Mapping[str, Caution]:
        """Return the caution of each unit that is led."""
        return dict(self._by_unit)

    def begin(self, units: Iterable[str]) -> None:
        """Take note of how those ended that led these units before. Raises Unavailable."""
        new = frozenset(units) - _HARMLESS
        if not self._store.is_shared:
            if self._whole is None:
                self._store.write(lambda transaction: transaction.end_leases(self._clock.now()))
                self._whole = Caution(self._store, self._clock)
            self._by_unit.update(dict.fromkeys(new, self._whole))
            return
        done = threading.Event()  # of those that are taken over together
        if LOOP not in new:
            done.set()
        for unit in sorted(new):
            self._by_unit[unit] = Caution(self._store, self._clock, unit, self._name, done)

    def end(self, units: Iterable[str]) -> None:
        """Say that this process's lead of these units ended in order. Raises Unavailable."""
        for unit in units:
            caution = self._by_unit.pop(unit, None)
            if caution is not None:
                caution.end()
