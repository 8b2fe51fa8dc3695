"""Owns: a command of a replay held against what was sent before: absorbed, listed, or sent.
Imports: core, config, infra.store, runtime.effects, runtime.exchange.
Never: makes a call; lets a request that differs from what was sent leave without being told to;
judges a command a second time once it is on its way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from router.config.project import Project
from router.config.systems import AnyOperation, Operation
from router.core.errors import MessageError
from router.core.message import derived_id
from router.core.ports import Prepared
from router.infra.codecs import decode_trusted, encode_json
from router.infra.store.reader import Reader
from router.infra.store.rows import Intent, Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.again import note
from router.runtime.exchange import Exchange
from router.runtime.failpoints import reach
from router.runtime.former import FormerCalls, first_of, told
from router.runtime.fresh import fresh_token
from router.runtime.replayed import Replay, replay_of
from router.runtime.requests import Gave, Leg, effect_key, prepare, reference_of
from router.runtime.results import MARGIN

#: sent = like any command; unchanged = it was sent just so; changed = it was sent otherwise, or may
#: have been; replaced = it was not done, and the request is another one now
Word = Literal["sent", "unchanged", "changed", "replaced"]
#: why an effect is never sent anew by a job
IN_PART = "a part of it was taken: router dead edit sends what is left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a command is, beside what was sent before."""

    word: Word
    #: the newest effect in its place, None when there was none
    intent: Intent | None = None
    #: why it is not sent, whatever is asked
    why: str = ""
    #: of a sequence: the call at which it goes on
    leg: Leg | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heir:
    """A new effect in the place of an old one: its command, and its exact request."""

    row: Queued
    intent: Intent


class Resending:
    """Compares commands of replays. Safe for many threads."""

    def __init__(
        self, store: Store, exchange: Exchange, recall: Callable[[str], Project | None]
    ) -> None:
        """`recall` gives an earlier project: a replay with the original configuration uses it."""
        self._store = store
        self._exchange = exchange
        self._recall = recall
        self.former = FormerCalls(store, exchange.operations)

    def operation(self, row: Queued) -> AnyOperation | None:
        """Return the operation of a command: a replay's as its configuration has it."""
        current = self._exchange.operations.get(row.consumer)
        revision = (row.extra or {}).get("revision")
        if replay_of(row) is None or revision is None:
            return current
        project = self._recall(revision)
        found = project.operations.get(row.consumer) if project is not None else current
        return found if found and found.system in self._exchange.adapters else None

    def goes_on(self, row: Queued) -> bool:
        """Return whether a command is to be carried, else it is settled. Raises Unavailable."""
        replay, operation = replay_of(row), self.operation(row)
        if replay is None or operation is None:
            return True
        with self._store.read() as reader:
            if reader.records.word(replay.job, row.message.id, row.consumer):
                return True  # it is on its way: from here on its bytes are fixed
            compared = self.compare(reader, row, operation)
        done = compared.intent is not None and compared.intent.state in ("done", "accepted")
        if compared.word == "changed" and replay.resend and done and not compared.why:
            compared = replace(compared, word="replaced")
        at = self._exchange.clock.now()
        case = _Case(row=row, replay=replay, compared=compared, at=at)
        heir = None
        if compared.word == "replaced":
            heir = self._heir(case, operation)
        reach("replay.before_compared")
        going = self._store.write(lambda transaction: _note(transaction, case, heir))
        reach("replay.after_compared")
        return going

    def compare(self, reader: Reader, row: Queued, command: AnyOperation) -> Compared:
        """Return what a command is beside what was sent before."""
        if not isinstance(command, Operation):
            return self._compare_calls(reader, row, command)
        intent = reader.standing([row.message.id]).get(row.message.id)
        if intent is None:
            return self._unknown(reader, row, command) or Compared(word="sent")
        try:
            leg = Leg(row=row, command=command, operation=command)
            prepared = prepare(self._exchange, leg, intent.reference)
        except MessageError as error:
            return Compared(word="changed", intent=intent, why=str(error))
        if intent.in_part:
            return Compared(word="changed", intent=intent, why=IN_PART)
        if same_request(prepared, intent):
            there = intent.state in ("done", "accepted")
            return Compared(word="unchanged" if there else "sent", intent=intent)
        undone = intent.state in ("refused", "waiting")
        return Compared(word="replaced" if undone else "changed", intent=intent)

    def _compare_calls(self, reader: Reader, row: Queued, command: AnyOperation) -> Compared:
        """Return what a sequence is beside its calls; it goes on at the first that is not done.

        One of which a call was made with another request is not sent anew: a person decides.
        """
        keys = [effect_key(row, command, one) for one in command.calls]
        intents = reader.standing(keys)
        before: dict[str, Gave] = {}
        intent: Intent | None = None
        for operation in command.calls:
            leg = Leg(row=row, command=command, operation=operation, before=before)
            intent = intents.get(leg.key)
            if intent is None:
                unknown = self._unknown(reader, row, command)
                return unknown or Compared(word="sent", leg=leg)
            try:
                prepared = prepare(self._exchange, leg, intent.reference)
            except MessageError as error:
                return Compared(word="changed", intent=intent, why=str(error))
            if intent.in_part:
                return Compared(word="changed", intent=intent, why=IN_PART)
            same = same_request(prepared, intent)
            if intent.state in ("refused", "waiting"):
                return Compared(word="sent" if same else "replaced", intent=intent, leg=leg)
            if not same:
                why = f"the request of {operation.name} is another one than was sent"
                return Compared(word="changed", intent=intent, why=why)
            if intent.state not in ("done", "accepted"):
                return Compared(word="sent", intent=intent, leg=leg)
            before[operation.word] = Gave(intent.their_reference, intent.result)
        return Compared(word="unchanged", intent=intent)

    def _unknown(self, reader: Reader, row: Queued, command: AnyOperation) -> Compared | None:
        """Return what a command is when calls of before have begun it: a person decides."""
        keys = self.former.keys(row, command)
        former = first_of(keys, reader.intents(keys))
        if former is None:
            return None
        return Compared(word="changed", intent=former, why=told(former, command))

    def refuses(self, row: Queued, command: AnyOperation) -> MessageError | None:
        """Return why a command becomes no (first) request, None when it does."""
        first = command.calls[0]
        leg = Leg(row=row, command=command, operation=first)
        try:
            prepare(self._exchange, leg, reference_of(leg.key, first))
        except MessageError as error:
            return error
        return None

    def _heir(self, case: _Case, operation: AnyOperation) -> _Heir:
        """Return the new effect: a command of its own, in a sequence the same command goes on."""
        old = case.compared.intent
        assert old is not None, "there is something to replace"
        key = derived_id(old.key, f"job {case.replay.job}")
        leg, command = case.compared.leg, case.row
        if leg is None:
            (one,) = operation.calls
            message = replace(
                case.row.message, id=key, causationid=old.key, attempt=1, occurred_at=case.at
            )
            command = replace(case.row, message=message, extra=None, id=0)
            leg = Leg(row=command, command=one, operation=one)
        reference = reference_of(key, leg.operation)
        prepared = prepare(self._exchange, leg, reference)
        intent = Intent(
            key=key,
            operation=leg.operation.name,
            state="waiting",
            head=prepared.head,
            body=prepared.body,
            reference=reference,
            sends=0,
            first_at=case.at,
            lease_until=case.at,
            token=fresh_token(),
        )
        return _Heir(row=command, intent=intent)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A command of a replay, compared."""

    row: Queued
    replay: Replay
    compared: Compared
    at: datetime

    @property
    def letter(self) -> str:
        return f"job {self.replay.job}"


def _note(transaction: Transaction, case: _Case, heir: _Heir | None) -> bool:
    """Write what a command came to; True when it is carried now, by its own id."""
    row, compared, old = case.row, case.compared, case.compared.intent
    if not _stands(transaction, old, heir):  # it moved on: compare once more
        transaction.settle((row.id,))
        transaction.postpone(row, case.at + MARGIN, "in_flight")
        return False
    if heir is not None and old is not None:
        transaction.intend(heir.intent)
        if compared.leg is None:
            transaction.letters.replayed(old.key, row.consumer, case.letter)
            _in_its_place(transaction, case, heir.row)
    said = "resent" if heir is not None else compared.word
    key = (row.message.id, row.consumer)
    transaction.jobs.follow(case.replay.job, case.replay.item, [key], word=said)
    if compared.word != "changed":
        transaction.letters.replayed(*key, case.letter)
    if compared.leg is not None:  # it goes on as itself
        if heir is None and old is not None:
            transaction.free_intent(old.key)
        elif heir is not None:
            note(transaction, row, case.at, said, _detail(case, heir))
        return True
    if compared.word == "sent":
        return old is None or _goes_again(transaction, case, old)
    transaction.settle((row.id,))
    if heir is None and old is not None and _is_over(transaction, row, old):
        transaction.open_gate(row, case.at)
    note(transaction, row, case.at, said, _detail(case, heir))
    return False


def _stands(transaction: Transaction, old: Intent | None, heir: _Heir | None) -> bool:
    """Return whether the effect is as it was compared; an heir has taken its place then."""
    if old is None:
        return True
    if heir is not None:
        return transaction.succeed_intent(old, heir.intent.key)
    return not transaction.moved_on(old)


def _is_over(transaction: Transaction, row: Queued, old: Intent) -> bool:
    """Return whether nothing more comes of a command, so that the next of its key may go."""
    if not row.message.order_key or not old.is_settled:
        return False
    letters = transaction.letters
    return old.state == "done" or not any(
        letters.open_row(one, row.consumer) for one in (row.message.id, old.key)
    )


def _goes_again(transaction: Transaction, case: _Case, old: Intent) -> bool:
    """Let an effect that is not there be tried again, by its own id."""
    transaction.free_intent(old.key)
    if old.key == case.row.message.id:
        return True
    transaction.settle((case.row.id,))
    transaction.letters.replayed(old.key, case.row.consumer, case.letter)
    message = replace(case.row.message, id=old.key, occurred_at=case.at)
    if old.key not in transaction.jobs.on_their_way([old.key]):
        _in_its_place(transaction, case, replace(case.row, message=message, extra=None, id=0))
    return False


def _in_its_place(transaction: Transaction, case: _Case, command: Queued) -> None:
    """Put another command on its way in the place of a replay's."""
    transaction.enqueue([command])
    key = (command.message.id, command.consumer)
    transaction.jobs.follow(case.replay.job, case.replay.item, [key])
    if command.message.order_key:
        transaction.pass_gate(case.row, command.message.id)


def _detail(case: _Case, heir: _Heir | None) -> dict[str, Any]:
    old = case.compared.intent
    detail: dict[str, Any] = {"job": case.replay.job}
    if old is not None:
        detail |= {"of": old.key, "state": old.state}
    if heir is not None:
        detail["as"] = heir.intent.key
    if case.compared.why:
        detail["detail"] = case.compared.why
    return detail


def same_request(prepared: Prepared, intent: Intent) -> bool:
    """Return whether a request says what was sent; the order of keys in JSON says nothing."""
    head = decode_trusted(encode_json(dict(prepared.head)))
    return bool(head == intent.head) and (
        prepared.body == intent.body or _meaning(prepared.body) == _meaning(intent.body)
    )


def _meaning(body: bytes) -> Any:
    """Return a JSON body with its numbers as written, other bytes as they are."""
    try:
        return json.loads(body, parse_float=_Written, parse_int=_Written)
    except ValueError:
        return body


class _Written(str):
    """A number as it was written: 1.0 is not 1.00, and not the text "1.0"."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Written) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(("number", str(self)))
