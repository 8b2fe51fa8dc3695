"""Owns: days of files: told when one ends incomplete, settled when what it lacks has come.
Imports: core, config.controls, engine.days, infra.store.
Never: tells a day twice: what is told and how far it was looked are one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime

from router.config.channels import Channel
from router.config.controls import Day
from router.core.instants import time_of, time_text
from router.core.message import BORN, Message, digest_of
from router.core.ports import Clock
from router.engine.days import Debt, ends, missing, paid
from router.infra.store.letters import LetterQuery
from router.infra.store.records import DAY
from router.infra.store.rows import Dead, Entry, Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.again import note
from router.runtime.ingress import LOOP_LANE, consumer_of

#: the reason of a letter about a day
INCOMPLETE = "day_incomplete"


class Days:
    """The days of one channel. One thread calls `step`."""

    def __init__(self, channel: Channel, store: Store, clock: Clock) -> None:
        self._channel = channel
        self._store = store
        self._clock = clock
        self._mark = f"day:{digest_of(channel.name)[:24]}"

    def step(self) -> None:
        """Tell the days that have ended since, and settle those that are complete by now.

        The first time nothing is told: no day has been waited for. Raises Unavailable.
        """
        day = self._channel.control.day if self._channel.control is not None else None
        if day is None:
            return
        now = self._clock.now()
        with self._store.read() as reader:
            kept = reader.mark(self._mark)
        if not kept:
            self._store.write(lambda transaction: self._keep(transaction, now, ()))
            return
        until, debts = _read(kept)
        ended = list(ends(day, until, now))
        if ended or debts:
            self._store.write(lambda one: self._look(one, day, (until, debts, ended), now))

    def _look(
        self,
        transaction: Transaction,
        day: Day,
        known: tuple[datetime, Sequence[Debt], Sequence[tuple[date, datetime]]],
        now: datetime,
    ) -> None:
        until, debts, ended = known
        debts = [one for one in debts if self._is_owed(transaction, one.letter)]
        for on, end in ended:
            names = transaction.files.names(self._channel.name, until, end)
            debts, spent = paid(debts, names)
            debts = self._settled(transaction, debts, now)
            lacks = missing(day, names, spent)
            if lacks:
                debts.append(self._tell(transaction, day, (on, lacks), now))
            until = end
        left, _ = paid(debts, transaction.files.names(self._channel.name, until, now))
        self._settled(transaction, left, now)
        if ended or len(debts) != len(known[1]):
            self._keep(transaction, until, debts)

    def _is_owed(self, transaction: Transaction, letter: str) -> bool:
        """Return whether a day is waited for: a person has not settled it; who is late has."""
        found = transaction.letters.find(LetterQuery(state="", message_id=letter))
        return any(one["state"] == "open" or one["note"] == LATE for one in found)

    def _settled(
        self, transaction: Transaction, debts: Sequence[Debt], now: datetime
    ) -> list[Debt]:
        """Settle the letters of days that lack nothing any more; return the debts of the others."""
        for letter in [debt.letter for debt in debts if not debt.owed]:
            row = transaction.letters.open_row(letter, self._consumer)
            if row is not None:
                transaction.letters.settle(letter, self._consumer, "resolved", LATE)
                note(transaction, row, now, "resolved", {"reason": LATE})
        return [debt for debt in debts if debt.owed]

    @property
    def _consumer(self) -> str:
        return consumer_of(self._channel, "")

    def _tell(
        self, transaction: Transaction, day: Day, what: tuple[date, dict[str, int]], now: datetime
    ) -> Debt:
        """Write the letter of a day that is not complete."""
        on, lacks = what
        here = [f"{one}: {day.files[one] - n} of {day.files[one]}" for one, n in lacks.items()]
        text = f"{on} by {day.by:%H:%M} {day.zone}: {', '.join(here)}"
        born = f"{int(now.timestamp() * 1000):0{BORN}x}"
        number = born + digest_of("day", self._channel.name, on.isoformat())[: 32 - BORN]
        message = Message(
            id=number,
            correlationid=number,
            causationid=DAY,  # it is no record, and no replay takes it for one
            channel=self._channel.name,
            occurred_at=now,
            payload={"day": on.isoformat(), "missing": lacks},
        )
        queued = Queued(lane=LOOP_LANE, consumer=self._consumer, message=message)
        place = str(self._channel.place)
        transaction.write(
            Entry(
                at=now,
                message=message,
                consumer=self._consumer,
                word="dead_lettered",
                reason=INCOMPLETE,
                detail={"reason": INCOMPLETE, "detail": text, "step": DAY, "place": place},
            )
        )
        transaction.bury(
            Dead(at=now, queued=queued, reason=INCOMPLETE, detail=text, step=DAY, place=place)
        )
        return Debt(letter=number, owed=lacks)

    def _keep(self, transaction: Transaction, until: datetime, debts: Sequence[Debt]) -> None:
        told = [{"letter": one.letter, "owed": dict(one.owed)} for one in debts]
        transaction.mark(self._mark, json.dumps({"until": time_text(until), "debts": told}))


#: why a letter was settled by nobody
LATE = "what was missing has come"


def _read(kept: str) -> tuple[datetime, list[Debt]]:
    made = json.loads(kept)
    debts = [Debt(letter=one["letter"], owed=one["owed"]) for one in made["debts"]]
    return time_of(made["until"]), debts
