"""Owns: carrying out what operators ask: retry, edit, resolve, jobs, pause, drain, resume,
cursors, windows, orders of instances.
Imports: core, infra.store, runtime (again, closing, cursors, jobs, ordering, pausing).
Never: loses a message: a letter is settled in the transaction that puts its message on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from router.core.errors import MessageError, Unavailable
from router.core.ports import Clock
from router.infra.store.inbox import Command
from router.infra.store.letters import LetterQuery
from router.infra.store.pauses import CLOSING, SLOW, Pause
from router.infra.store.records import DAY
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime import jobs, ordering
from router.runtime.again import edited, fresh, note, retry_letter
from router.runtime.closing import close_window
from router.runtime.cursors import set_cursor
from router.runtime.doors import Door
from router.runtime.hands import Hands
from router.runtime.migrating import order_migrations
from router.runtime.pausing import drain, fence_of, pause, resume

#: times a second that a slow resume lets messages go
STEPS = 5


class Operator:
    """Carries out commands in the daemon. One thread calls `step`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        doors: Door,
        mover: jobs.Mover | None = None,
        hands: Hands | None = None,
    ) -> None:
        """`doors` are told what is held back, at the start and at each change. `hands` say what is
        under way in other processes, and whether this one carries out what is asked.
        """
        self._store = store
        self._clock = clock
        self._doors = doors
        self._mover = mover
        self._hands = hands
        self._told: tuple[Pause, ...] | None = None
        #: when each slow resume may let go
        self._next: dict[str, datetime] = {}
        self.look()

    def step(self) -> int:
        """Carry out what was asked, and move running jobs on. Raises Unavailable."""
        pauses = self.look()  # what an earlier revision's operator carried out, or could not tell
        if self._hands is not None:
            self._hands.tell(pauses, self._doors.in_hand() if pauses else ())
            if not self._hands.carries:
                return 0
        with self._store.read() as reader:
            asked = reader.inbox.asked()
        for command in asked:
            self._carry(command)
        for one in pauses:
            if one.mode == SLOW:
                self._let_go(one)
        return len(asked) + (self._mover.step() if self._mover is not None else 0)

    def look(self) -> tuple[Pause, ...]:
        """Tell what is held back by now, and return it."""
        with self._store.read() as reader:
            pauses = reader.pauses.all()
        self._tell(pauses)
        return pauses

    def _tell(self, pauses: tuple[Pause, ...]) -> None:
        if pauses != self._told:
            self._doors.tell(pauses)
            self._told = pauses

    def _let_go(self, pause: Pause) -> None:
        """Let the next messages of a slow resume pass, as many as its rate allows by now."""
        now = self._clock.now()
        if now < self._next.get(pause.name, now):
            return
        size = max(1, pause.rate // (60 * STEPS))
        under_way = self._under_way()
        if under_way is None:
            return
        hand = tuple(under_way)
        self._store.write(
            lambda transaction: transaction.pauses.let_go(pause.name, size, hand), alone=True
        )
        self._next[pause.name] = now + timedelta(seconds=60 * size / pause.rate)
        self.look()

    def _under_way(self) -> frozenset[int] | None:
        """Return the rows that are under way anywhere; None when it is not known as yet."""
        others = frozenset() if self._hands is None else self._hands.of_others(self._told or ())
        return None if others is None else others | self._doors.in_hand()

    def _carry(self, command: Command) -> None:
        arguments = {**command.arguments, "actor": command.actor}
        if command.verb == "drain":  # the door first: what is taken later would wait behind it
            door = replace(fence_of(arguments, self._clock.now()), mode=CLOSING)
            self._tell((*(self._told or ()), door))
        elif command.verb == "resume":
            under_way = self._under_way()
            if under_way is None:
                return  # it is asked again with the next step
            arguments = {**arguments, "in_hand": sorted(under_way)}

        def job(transaction: Transaction) -> None:
            result = carry_out(transaction, command.verb, arguments, self._clock.now())
            transaction.inbox.answer(command.id, "done", result)

        try:
            self._store.write(job, alone=True)
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


def carry_out(
    transaction: Transaction, verb: str, arguments: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Carry out one command; return its result. Raises MessageError with what to do instead.

    `actor` among the arguments is who asks.
    """
    handler = _VERBS.get(verb)
    if handler is None:
        raise MessageError(f"no verb {verb}")
    return handler(transaction, arguments, now)


def _retry(transaction: Transaction, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    letters = transaction.letters.find(LetterQuery(message_id=arguments["message"]))
    if not letters:
        raise MessageError(f"no open dead letter {arguments['message']}")
    for letter in letters:
        key, whole = (letter["message_id"], letter["consumer"]), arguments.get("whole", False)
        why = retry_letter(transaction, key, now, arguments["reason"], whole=whole)
        if why == "partial":
            raise MessageError(
                f"{letter['consumer']} took a part of it: dead edit sends what is left; dead retry "
                "--whole sends all of it, where the far side leaves out what it has"
            )
        if why == "no_message":
            raise MessageError(_instead(letter))
    return {"retried": len(letters)}


def _instead(letter: Mapping[str, Any]) -> str:
    """Return what is done with a letter that stands for no message."""
    if letter["step"] == DAY:
        return "a day is no message: it is settled when what it lacks has come, or by dead resolve"
    return (
        "it stands for a whole delivery, which has no records as yet: router replay plan --about "
        f"{letter['message_id']} makes them, also of a file whose totals do not add up"
    )


def _edit(transaction: Transaction, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Send an edited message: a new id, caused by the original, which stays as edited."""
    found = transaction.letters.find(LetterQuery(message_id=arguments["message"]))
    if not found:
        raise MessageError(f"no open dead letter {arguments['message']}")
    letter = found[0]
    row = transaction.letters.open_row(letter["message_id"], letter["consumer"])
    assert row is not None, "it was found open in this transaction"
    original = row.message
    message = edited(original, arguments["payload"], f"edited {now.isoformat()}", now)
    made = replace(row, message=message, extra=fresh(row, edited=True))
    transaction.pass_gate(row, message.id)  # it goes before what waits behind the original
    transaction.pauses.heir(original.id, row.consumer, message.id)
    transaction.enqueue([made])
    transaction.letters.settle(original.id, letter["consumer"], "edited", arguments["reason"])
    note(transaction, made, now, "edited", {"reason": arguments["reason"], "of": original.id})
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
        note(transaction, row, now, "resolved", {"reason": arguments["reason"]})
    return {"resolved": len(found)}


_VERBS: Mapping[str, Callable[[Transaction, Mapping[str, Any], datetime], dict[str, Any]]] = {
    "retry": _retry,
    "edit": _edit,
    "resolve": _resolve,
    "plan": jobs.plan_letters,
    "replay": jobs.plan_replay,
    "start": jobs.start,
    "cancel": jobs.cancel,
    "close_window": close_window,
    "cursor": set_cursor,
    "migrate": order_migrations,
    "pause": pause,
    "drain": drain,
    "resume": resume,
    "order": ordering.order,
    "approve": ordering.approve,
    "reject": ordering.reject,
    "plan_orders": ordering.plan_orders,
    "unpark": ordering.unpark,
}
