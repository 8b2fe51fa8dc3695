"""Owns: which units this process leads: a fair share of those of its roles, as long as it may.
Imports: core, infra.store, runtime.units.
Never: runs a unit (the daemon does); leads what another process leads.

On a file there is one process, and it leads everything. On a server the processes of a role share
its units: none leads more than their number by that of the processes, rounded up. Who ends, or
loses its connection, leads nothing from then on; the others take that within a second.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from router.core.instants import time_text
from router.core.ports import Clock
from router.infra.store.reader import Reader
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.members import forget_dead, member
from router.runtime.units import ROLES, by_role

_MARK = "leader:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a look brought: what this process leads, and what of it is new or has to be let go."""

    leads: frozenset[str]
    gained: frozenset[str] = frozenset()
    surplus: frozenset[str] = frozenset()
    #: the connection is a new one: whatever runs was begun by leads that are over
    anew: bool = False
    #: of the connection by which all this is led
    life: int = 0

    def __bool__(self) -> bool:
        return bool(self.gained or self.surplus or self.anew)


class Leadership:
    """Looks what there is to lead. One thread at a time calls its methods."""

    #: seconds between two looks
    every = 1.0

    def __init__(self, store: Store, clock: Clock, name: str, roles: Iterable[str] = ROLES) -> None:
        """`name` is this process as people know it, `roles` those whose units it may lead."""
        self._store = store
        self._clock = clock
        self.name = name
        self.roles = tuple(roles)
        self.leads: frozenset[str] = frozenset()
        #: of the connection by which they are led
        self.life = -1

    def look(self, units: Mapping[str, str]) -> Change:
        """Take what nobody leads, as far as it is this process's share. Raises Unavailable.

        What is said to be `surplus` is still led: `release` it when nothing of it is in hand.
        """
        wanted = by_role(units, self.roles)
        if not self._store.is_shared:
            every = frozenset(one for some in wanted.values() for one in some)
            change = Change(leads=every, gained=every - self.leads)
        else:
            change = self._store.write(lambda transaction: self._take(transaction, wanted))
        self.leads, self.life = change.leads, change.life
        return change

    def release(self, units: Iterable[str]) -> None:
        """Let others lead some units. Raises Unavailable."""
        going = frozenset(units) & self.leads

        def job(transaction: Transaction) -> None:
            for unit in sorted(going):
                transaction.leads.release(unit)
                transaction.mark(_MARK + unit, "")

        if going:
            self._store.write(job)
            self.leads -= going

    def _take(self, transaction: Transaction, wanted: Mapping[str, list[str]]) -> Change:
        leads = transaction.leads
        life = self._store.life
        anew = life != self.life
        if anew:
            leads.join((*self.roles, member(self.name)))
            forget_dead(transaction)
        before = frozenset() if anew else self.leads
        held, gained = set(), set()
        members = leads.members(self.roles)
        for role, units in wanted.items():
            share = math.ceil(len(units) / max(1, members[role]))
            mine = [unit for unit in units if unit in before]
            for unit in units:
                if len(mine) < share and unit not in before and leads.take(unit):
                    mine.append(unit)
                    gained.add(unit)
            held.update(mine[:share])
        surplus = before - held
        for unit in sorted(gained):
            transaction.mark(_MARK + unit, self._mark())
        return Change(
            leads=before | gained,
            gained=frozenset(gained),
            surplus=surplus,
            anew=anew and bool(self.leads),
            life=life,
        )

    def _mark(self) -> str:
        return json.dumps([self.name, time_text(self._clock.now())])


def leaders(reader: Reader, units: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return who leads each unit, and since when; those that nobody leads are left out."""
    wanted = list(units)
    alone = set(reader.leads.unled(wanted))
    found = {}
    for unit in wanted:
        text = "" if unit in alone else reader.mark(_MARK + unit)
        if text:
            name, since = json.loads(text)
            found[unit] = (str(name), str(since))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Led:
    """The units of a landscape, each with its role, and who leads those that are led."""

    units: Mapping[str, str]
    leaders: Mapping[str, tuple[str, str]]

    def data(self) -> dict[str, list[str]]:
        """Return by unit who leads it and since when; an empty list for one that nobody leads."""
        return {unit: list(self.leaders.get(unit, ())) for unit in self.units}

    def lines(self) -> list[str]:
        """Return a line for each process with what it leads, and for what nobody leads."""
        by_name: dict[str, list[str]] = {}
        for unit, (name, _) in self.leaders.items():
            by_name.setdefault(name, []).append(unit)
        led = [f"{name} leads {', '.join(units)}" for name, units in sorted(by_name.items())]
        return led + [
            f"nobody leads {unit}: start router run --role {role}"
            for unit, role in self.units.items()
            if unit not in self.leaders
        ]


def led_by(reader: Reader, units: Mapping[str, str]) -> Led | None:
    """Return who leads what in a store that processes share, None for one that has one process."""
    if not reader.leads.are_shared:
        return None
    return Led(units=units, leaders=leaders(reader, units))
