"""Owns: carrying out what operators ask: retry, edit, resolve, jobs, pause, drain, resume.
Imports: core, infra.store, runtime.pausing.
Never: loses a message: a letter is settled in the transaction that puts its message on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from router.core.errors import MessageError, Unavailable
from router.core.message import derived_id
from router.core.ports import Clock
from router.infra.store.inbox import Command
from router.infra.store.letters import LetterQuery
from router.infra.store.pauses import CLOSING, SLOW, Pause
from router.infra.store.rows import Entry, Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.pausing import drain, fence_of, pause, resume
from router.runtime.results import REFUSED

#: messages of one transaction of a job
BATCH = 100
#: times a second that a slow resume lets messages go
STEPS = 5


class Operator:
    """Carries out commands in the daemon. One thread calls `step`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        pause: Callable[[Sequence[Pause]], None],
        in_hand: Callable[[], frozenset[int]] = frozenset,
    ) -> None:
        """`pause` is told what is held back, at the start and at each change; `in_hand` says which
        queue rows are under way.
        """
        self._store = store
        self._clock = clock
        self._pause = pause
        self._in_hand = in_hand
        self._told: tuple[Pause, ...] | None = None
        #: when each running job may send again, and each slow resume let go
        self._next: dict[int | str, datetime] = {}
        self.look()

    def step(self) -> int:
        """Carry out what was asked, and move running jobs on. Raises Unavailable."""
        with self._store.read() as reader:
            asked = reader.inbox.asked()
            running = reader.letters.running()
        pauses = self.look()  # what an earlier revision's operator carried out, or could not tell
        for command in asked:
            self._carry(command)
        moved = sum(self._move(job, rate) for job, rate in running)
        for one in pauses:
            if one.mode == SLOW:
                self._let_go(one)
        return len(asked) + moved

    def look(self) -> tuple[Pause, ...]:
        """Tell what is held back by now, and return it."""
        with self._store.read() as reader:
            pauses = reader.pauses.all()
        self._tell(pauses)
        return pauses

    def _tell(self, pauses: tuple[Pause, ...]) -> None:
        if pauses != self._told:
            self._pause(pauses)
            self._told = pauses

    def _let_go(self, pause: Pause) -> None:
        """Let the next messages of a slow resume pass, as many as its rate allows by now."""
        now = self._clock.now()
        if now < self._next.get(pause.name, now):
            return
        size = max(1, pause.rate // (60 * STEPS))
        hand = tuple(self._in_hand())
        self._store.write(lambda transaction: transaction.pauses.let_go(pause.name, size, hand))
        self._next[pause.name] = now + timedelta(seconds=60 * size / pause.rate)
        self.look()

    def _carry(self, command: Command) -> None:
        arguments = command.arguments
        if command.verb == "drain":  # the door first: what is taken later would wait behind it
            door = replace(fence_of(arguments, self._clock.now()), mode=CLOSING)
            self._tell((*(self._told or ()), door))
        elif command.verb == "resume":
            arguments = {**arguments, "in_hand": sorted(self._in_hand())}

        def job(transaction: Transaction) -> None:
            result = carry_out(transaction, command.verb, arguments, self._clock.now())
            transaction.inbox.answer(command.id, "done", result)

        try:
            self._store.write(job)
        except Unavailable:
            raise
        except MessageError as error:
            self._fail(command, str(error))
        except Exception as error:  # noqa: BLE001 (one that fails for ever must not block the others)
            self._fail(command, f"it cannot be carried out: {type(error).__name__}")
        if command.verb in ("pause", "drain", "resume"):
            self.look()

    def _fail(self, command: Command, text: str) -> None:
        self._store.write(
            lambda transaction: transaction.inbox.answer(command.id, "failed", {"error": text})
        )

    def _move(self, job: int, rate: int) -> int:
        """Send the next messages of a job, as many as its rate allows by now."""
        now = self._clock.now()
        if now < self._next.get(job, now):
            return 0
        size = min(BATCH, max(1, rate // 5))

        def send(transaction: Transaction) -> int:
            keys = transaction.letters.remaining(job, size)
            for message_id, consumer in keys:
                sent = retry_letter(transaction, message_id, consumer, now, f"job {job}")
                state = "sent" if sent else "skipped"
                transaction.letters.set_item(job, (message_id, consumer), state)
            if not keys:
                transaction.letters.set_job(job, "done", unless=("cancelled",))
            return len(keys)

        moved = self._store.write(send)
        self._next[job] = now + timedelta(seconds=size / rate)
        return moved


def carry_out(
    transaction: Transaction, verb: str, arguments: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Carry out one command; return its result. Raises MessageError with what to do instead."""
    handler = _VERBS.get(verb)
    if handler is None:
        raise MessageError(f"no verb {verb}")
    return handler(transaction, arguments, now)


def retry_letter(
    transaction: Transaction, message_id: str, consumer: str, now: datetime, reason: str
) -> bool:
    """Put the message of an open letter on its way again, unchanged, as its next attempt."""
    row = transaction.letters.open_row(message_id, consumer)
    if row is None:
        return False
    again = replace(row, message=replace(row.message.again(), occurred_at=now), extra=_fresh(row))
    # of a sequence the call that was refused: it goes on there
    transaction.free_intent((row.extra or {}).get(REFUSED, message_id))
    transaction.enqueue([again])
    transaction.letters.settle(message_id, consumer, "retried", reason)
    _note(transaction, again, now, "replayed", {"reason": reason})
    return True


def _retry(transaction: Transaction, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    letters = transaction.letters.find(LetterQuery(message_id=arguments["message"]))
    if not letters:
        raise MessageError(f"no open dead letter {arguments['message']}")
    for letter in letters:
        retry_letter(
            transaction, letter["message_id"], letter["consumer"], now, arguments["reason"]
        )
    return {"retried": len(letters)}


def _edit(transaction: Transaction, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Send an edited message: a new id, caused by the original, which stays as edited."""
    found = transaction.letters.find(LetterQuery(message_id=arguments["message"]))
    if not found:
        raise MessageError(f"no open dead letter {arguments['message']}")
    letter = found[0]
    row = transaction.letters.open_row(letter["message_id"], letter["consumer"])
    assert row is not None, "it was found open in this transaction"
    original = row.message
    seed = f"edited {now.isoformat()}"
    message = replace(
        original,
        id=derived_id(original.id, seed),
        causationid=original.id,
        payload=arguments["payload"],
        occurred_at=now,
        attempt=1,
    )
    edited = replace(row, message=message, extra=_fresh(row, edited=True))
    transaction.pass_gate(row, message.id)  # it goes before what waits behind the original
    transaction.pauses.heir(original.id, row.consumer, message.id)
    transaction.enqueue([edited])
    transaction.letters.settle(original.id, letter["consumer"], "edited", arguments["reason"])
    _note(transaction, edited, now, "edited", {"reason": arguments["reason"], "of": original.id})
    return {"message": message.id}


def _resolve(
    transaction: Transaction, arguments: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Settle letters without sending: what waits behind them goes on."""
    found = transaction.letters.find(LetterQuery(message_id=arguments["message"]))
    if not found:
        raise MessageError(f"no open dead letter {arguments['message']}")
    for letter in found:
        row = transaction.letters.open_row(letter["message_id"], letter["consumer"])
        assert row is not None, "it was found open in this transaction"
        transaction.letters.settle(
            letter["message_id"], letter["consumer"], "resolved", arguments["reason"]
        )
        if row.message.order_key:
            transaction.open_gate(row, now)
        _note(transaction, row, now, "resolved", {"reason": arguments["reason"]})
    return {"resolved": len(found)}


def _plan(transaction: Transaction, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    query = LetterQuery(consumer=arguments["consumer"], reason=arguments["reason_word"])
    if not query.consumer and not query.reason:
        raise MessageError("a bulk retry without a filter would mean everything: give one")
    number = transaction.letters.plan(query, now, arguments["reason"], arguments["rate"])
    return {"job": number, "totals": transaction.letters.totals(number)}


def _start(
    transaction: Transaction, arguments: Mapping[str, Any], _now: datetime
) -> dict[str, Any]:
    if not transaction.letters.set_job(arguments["job"], "running", unless=("done", "running")):
        raise MessageError(f"job {arguments['job']} cannot be started")
    return {"job": arguments["job"]}


def _cancel(
    transaction: Transaction, arguments: Mapping[str, Any], _now: datetime
) -> dict[str, Any]:
    if not transaction.letters.set_job(arguments["job"], "cancelled", unless=("done",)):
        raise MessageError(f"job {arguments['job']} cannot be cancelled")
    return {"job": arguments["job"], "totals": transaction.letters.totals(arguments["job"])}


_VERBS: Mapping[str, Callable[[Transaction, Mapping[str, Any], datetime], dict[str, Any]]] = {
    "retry": _retry,
    "edit": _edit,
    "resolve": _resolve,
    "plan": _plan,
    "start": _start,
    "cancel": _cancel,
    "pause": pause,
    "drain": drain,
    "resume": resume,
}


def _fresh(row: Queued, *, edited: bool = False) -> Mapping[str, Any] | None:
    """Return what travels with a message that is decided anew: its claims, no verdict from before.

    An edited record is another record: it makes no claim of the original's.
    """
    if row.extra is None:
        return None
    claims = [] if edited else row.extra.get("claims", [])
    return {**row.extra, "claims": claims, "verdict": None}


def _note(
    transaction: Transaction, row: Queued, now: datetime, word: str, detail: Mapping[str, Any]
) -> None:
    transaction.write(
        Entry(at=now, message=row.message, consumer=row.consumer, word=word, detail=detail)
    )
