"""Owns: the verbs pause, drain and resume: what is held back, and what of it goes on.
Imports: core, engine.identity, infra.store, runtime.recording, runtime.requests,
runtime.verdicts.
Never: drops a message that is under way, or a command for which a call was begun.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from router.core.decision import Discarded
from router.core.errors import MessageError
from router.core.instance import WORKFLOW
from router.core.instants import time_text
from router.core.units import duration_text
from router.engine.identity import judge
from router.infra.store.handoff import Handoff
from router.infra.store.pauses import DRAINING, SLOW, Pause, Waiting
from router.infra.store.reader import Reader
from router.infra.store.rows import Queued
from router.infra.store.transaction import Transaction
from router.runtime.recording import record
from router.runtime.requests import effect_of_call
from router.runtime.verdicts import claim_keys, open_row, remember, verdict_of

#: messages that are dropped with one look at their identities
BATCH = 500
NEWER = "resume: a newer one of its key waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How what waited goes on; nothing said = all of it, at once."""

    #: what is older is dropped
    older: timedelta | None = None
    #: of the messages of one key only the newest goes on
    latest: bool = False
    #: messages a minute; 0 = freely
    rate: int = 0

    @property
    def drops(self) -> bool:
        """Whether it may end messages."""
        return self.older is not None or self.latest


@dataclass(slots=True)
class _Choice:
    """What waits, and what of it is dropped, why."""

    waiting: list[Waiting]
    dropped: dict[str, list[Waiting]] = field(default_factory=dict)

    def drop(self, one: Waiting, reason: str) -> None:
        self.dropped.setdefault(reason, []).append(one)

    @property
    def count(self) -> int:
        return sum(len(some) for some in self.dropped.values())


def pause(transaction: Transaction, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Hold everything of a name back; a second time changes nothing."""
    name = arguments["name"]
    before = transaction.pauses.get(name)
    if before is None or before.mode in (DRAINING, SLOW):
        transaction.pauses.put(Pause(name=name, at=time_text(now), reason=arguments["reason"]))
    return {"paused": name}


def fence_of(arguments: Mapping[str, Any], now: datetime) -> Pause:
    """Return the drain that is asked for."""
    reason = arguments.get("reason", "")
    return Pause(name=arguments["name"], at=time_text(now), reason=reason, mode=DRAINING)


def drain(transaction: Transaction, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Let what is there go on and hold back what comes later; a second time changes nothing."""
    name = arguments["name"]
    before = transaction.pauses.get(name)
    if before is not None and before.mode != DRAINING:
        raise MessageError(f"{name} is held back ({before.mode}): router resume {name} first")
    fence = before or fence_of(arguments, now)
    if before is None:
        transaction.pauses.put(fence)
    return {"draining": name, "left": transaction.pauses.left(fence)}


def resume(transaction: Transaction, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Let a name go on by a policy, in one transaction; with `dry_run` only say what would be."""
    name = arguments["name"]
    if transaction.pauses.get(name) is None:
        raise MessageError(f"{name} is not paused")
    policy = _policy(name, arguments)
    choice = _choose(transaction, name, policy, now, frozenset(arguments.get("in_hand", ())))
    result = {
        "resumed": name,
        "goes_on": len(choice.waiting) - choice.count,
        "dropped": {reason: len(some) for reason, some in sorted(choice.dropped.items())},
    }
    if not arguments.get("dry_run"):
        _drop(transaction, name, choice, now)
        _open(transaction, name, policy.rate)
    return result


def _policy(name: str, arguments: Mapping[str, Any]) -> Policy:
    """Return how a name is to go on. Raises MessageError for what would drop turns."""
    older = arguments.get("older_s")
    policy = Policy(
        older=None if older is None else timedelta(seconds=older),
        latest=bool(arguments.get("latest")),
        rate=int(arguments.get("rate", 0)),
    )
    if name.startswith(WORKFLOW) and policy.drops:
        raise MessageError(
            f"what waits for {name} are also answers, timers and orders of instances, which would "
            "wait for ever for one that is dropped: resume it as it is, or with --rate"
        )
    return policy


def _open(transaction: Transaction, name: str, rate: int) -> None:
    """Let a name go on: at a rate until what waits now is worked off, or freely."""
    before = transaction.pauses.get(name)
    assert before is not None, "it was found in this transaction"
    newest = transaction.pauses.newest(name)
    if rate and newest:
        slow = Pause(
            name=name, at=before.at, reason=before.reason, mode=SLOW, rate=rate, ends_at=newest
        )
        transaction.pauses.put(slow)
    else:
        transaction.pauses.lift(name)


def _choose(
    transaction: Transaction, name: str, policy: Policy, now: datetime, in_hand: frozenset[int]
) -> _Choice:
    choice = _Choice(waiting=list(transaction.pauses.waiting(name)))
    if not policy.drops:
        return choice
    begun = _begun(transaction, name, choice.waiting)
    free = [
        one
        for one in choice.waiting
        if not one.decided
        and one.message_id not in begun
        and not (one.place == "queue" and one.row in in_hand)
    ]
    if policy.older is not None:
        for one in free:
            if one.since < now - policy.older:
                choice.drop(one, f"resume: older than {duration_text(policy.older)}")
        free = [one for one in free if one.since >= now - policy.older]
    if policy.latest:
        for one in superseded(free, transaction.pauses.holders(name)):
            choice.drop(one, NEWER)
    return choice


def _begun(transaction: Transaction, name: str, waiting: Sequence[Waiting]) -> set[str]:
    """Return the messages for which a call was begun, alone or as one of several."""
    kind, _, system = name.partition(":")
    if kind != "system":
        return set()
    calls = [one.partition(".")[2] for one in transaction.pauses.operations(system)]
    effects = {one.message_id: one.message_id for one in waiting}
    for message_id in tuple(effects):
        effects.update({effect_of_call(message_id, call): message_id for call in calls})
    return {effects[key] for key in transaction.pauses.intended(list(effects))}


def superseded(waiting: Iterable[Waiting], holders: Mapping[tuple[str, str], str]) -> list[Waiting]:
    """Return the messages that are followed by another of their key: who is first is the oldest,
    then come those held back behind it, then those that nobody has looked at.
    """
    by_key: dict[tuple[str, str], list[Waiting]] = {}
    for one in waiting:
        if one.order_key:
            by_key.setdefault((one.consumer, one.order_key), []).append(one)

    def age(one: Waiting) -> tuple[bool, bool, int]:
        first = holders.get((one.consumer, one.order_key)) == one.message_id
        return (not first, one.place != "held_back", one.row)

    return [one for some in by_key.values() for one in sorted(some, key=age)[:-1]]


def _drop(transaction: Transaction, name: str, choice: _Choice, now: datetime) -> None:
    """End messages as discarded. Those behind others go first, so that no gate opens for them."""
    if not choice.dropped:
        return
    holders = transaction.pauses.holders(name)
    first: list[Queued] = []
    every = [(one, why) for why, some in choice.dropped.items() for one in some]
    every.sort(key=lambda pair: pair[0].place != "held_back")
    for start in range(0, len(every), BATCH):
        part = every[start : start + BATCH]
        rows = transaction.pauses.rows([one for one, _ in part])
        _remove(transaction, [one for one, _ in part])
        _discard(transaction, rows, [why for _, why in part], now)
        first += [
            row
            for row in rows
            if holders.get((row.consumer, row.message.order_key)) == row.message.id
        ]
    for row in first:
        transaction.open_gate(row, now)


def _remove(transaction: Transaction, some: Sequence[Waiting]) -> None:
    transaction.pauses.remove_held_back([one.row for one in some if one.place == "held_back"])
    transaction.take_due([(one.message_id, one.consumer) for one in some if one.place == "due"])


def _discard(
    transaction: Transaction, rows: Sequence[Queued], reasons: Sequence[str], now: datetime
) -> None:
    """Record that messages are discarded, with their identities as of any other that is; one that
    repeats or contradicts another is recorded as that.
    """
    works = [open_row(row, {}) for row in rows]
    held = Reader(transaction.connection, Handoff()).holdings(claim_keys(works), now)
    for work, reason in zip(works, reasons, strict=True):
        judged = judge(work.claims, held, work.row.message)
        verdict = verdict_of(work, judged or Discarded(reason=reason), held)
        remember(verdict.claims(), held)
        record(transaction, verdict, now)


def dropped_text(dropped: Mapping[str, int]) -> str:
    """Return how many are dropped, by reason."""
    total = Counter(dropped).total()
    by = ", ".join(f"{n} {reason.removeprefix('resume: ')}" for reason, n in dropped.items())
    return f"{total} dropped ({by})" if total else "0 dropped"
