"""Owns: telling which systems are held by their limits or breakers, and since when.
Imports: core, infra.store, runtime.admission.
Never: holds a call (runtime.admission does); writes what was written before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from router.core.instants import time_of, time_text
from router.infra.store.reader import Reader
from router.infra.store.store import Store
from router.runtime.admission import Admission, Told
from router.runtime.members import HELD, lives
from router.runtime.states import Apart, States


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemHeld:
    """What holds a system: no call to it goes before `until`; some, with a limit for some calls."""

    system: str
    since: datetime
    until: datetime
    why: str


class Holds:
    """Tells other processes by the store, and people by the log. One thread calls `step`."""

    #: seconds between two looks
    every = 1.0

    def __init__(
        self,
        store: Store,
        admissions: Mapping[str, Admission],
        states: States | None,
        complain: Callable[[str], None],
        name: str = "",
    ) -> None:
        """`name` is that of the process, where a store has several."""
        self._mark = HELD + name
        self._store = store
        self._admissions = admissions
        self._states = states
        self._complain = complain
        self._written: str | None = None
        #: what the log was told of, by system
        self._told: dict[str, str] = {}

    def step(self) -> int:
        """Look, and tell what is new. Raises Unavailable."""
        found = {name: one for name, door in self._admissions.items() if (one := door.told())}
        self._log({name: one.why for name, one in found.items()})
        text = json.dumps({"held": _held(found), "apart": _apart(self._states)})
        if self._written is None:
            with self._store.read() as reader:
                self._written = reader.mark(self._mark)
        if text != self._written:
            self._store.write(lambda transaction: transaction.mark(self._mark, text))
            self._written = text
        return 0

    def close(self) -> None:
        """Let nobody wait at a door any more."""
        for door in self._admissions.values():
            door.close()

    def _log(self, found: Mapping[str, str]) -> None:
        """Say that a system fails or asked for rest; a rate that is used up is no trouble."""
        grave = {name: why for name, why in found.items() if not why.startswith("limit ")}
        for name, why in grave.items():
            if name not in self._told:
                self._complain(f"system {name} is left alone: {why}")
        for name in self._told.keys() - found.keys():
            self._complain(f"system {name} is called again")
        still = {name: why for name, why in self._told.items() if name in found}
        self._told = {**still, **grave}


def _held(found: Mapping[str, Told]) -> dict[str, list[str]]:
    return {
        name: [time_text(one.since), time_text(one.until), one.why]
        for name, one in sorted(found.items())
    }


def _apart(states: States | None) -> list[Any] | None:
    if states is None:
        return None
    states.look()
    apart = states.apart
    return None if apart is None else [time_text(apart.since), apart.why, apart.share]


def held_systems(reader: Reader) -> list[SystemHeld]:
    """Return the systems that running daemons told of last, by name."""
    return sorted(
        (
            SystemHeld(system=name, since=time_of(since), until=time_of(until), why=why)
            for told in _told(reader)
            for name, (since, until, why) in told.get("held", {}).items()
        ),
        key=lambda one: (one.system, one.until),
    )


def told_apart(reader: Reader) -> Apart | None:
    """Return why a running daemon counts for itself though others do, None when none need do so."""
    for told in _told(reader):
        kept = told.get("apart")
        if kept is not None:
            return Apart(since=time_of(kept[0]), why=kept[1], share=kept[2])
    return None


def _told(reader: Reader) -> list[dict[str, Any]]:
    found = reader.marks(HELD)
    return [json.loads(text) for mark, text in found.items() if lives(reader.leads, mark)]
