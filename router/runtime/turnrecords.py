"""Owns: what a batch of turns writes: instances, their turns, what they wait for, what follows.
Imports: core, engine.workflow, infra.store, runtime.instance.
Never: decides. What an instance waits for is written as the difference between before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from router.core.instance import CAME, INSTANCE, TURN_LANE, consumer_of
from router.core.instants import time_of, time_text
from router.core.message import BORN, Message, derived_id, digest_of
from router.engine.workflow.values import HoldItem
from router.infra.codecs import encode_json
from router.infra.store.rows import Queued
from router.infra.store.transaction import Transaction
from router.runtime.instance import Instance, tasks_of, waits_of

#: why a row for a workflow comes at a time
TIMER, WINDOW = "timer", "window"
Told: TypeAlias = dict[tuple[str, str], dict[str, Any]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def record_instance(transaction: Transaction, one: Instance) -> None:
    """Write all that a batch made of an instance."""
    transaction.put_instance(one.snapshot())
    for line in one.lines:
        transaction.write_turn(line)
    _differ(one, waits_of, transaction.wait)
    _differ(one, tasks_of, transaction.task)
    _exceptions(transaction, one)
    _timers(transaction, one)
    for kind, value in one.names:
        transaction.alias(one.workflow.name, kind, value, one.id)
    for key in one.withdrawn:
        transaction.release_item(command_id(one.id, key))
    for row, item in one.held.values():
        _hold(transaction, one, row, item)
    for message_id in one.freed:
        transaction.free_intent(message_id)
    transaction.enqueue(one.rows)


def command_id(instance: str, key: str) -> str:
    """Return the id of the command that an effect is: the same effect has the same one."""
    return derived_id(instance, key)


def window_row(workflow: str, window: str, closes_at: datetime) -> Queued:
    """Return the row by which a window closes: one for all that it holds of a workflow."""
    born = int((closes_at - _EPOCH).total_seconds() * 1000)
    number = f"{born:0{BORN}x}{digest_of(workflow, window)[BORN:]}"
    message = Message(
        id=number,
        correlationid=number,
        occurred_at=closes_at,
        payload={"window": window, "closes_at": time_text(closes_at)},
    )
    consumer = consumer_of(workflow)
    return Queued(lane=TURN_LANE, consumer=consumer, message=message, extra={CAME: "window"})


def _differ(
    one: Instance,
    told: Callable[[Mapping[str, Any]], Iterable[tuple[tuple[str, str], dict[str, Any]]]],
    write: Callable[[tuple[str, str, str], Mapping[str, Any] | None], None],
) -> None:
    """Write what is new, and what is over."""
    before: Told = dict(told(one.before)) if one.before is not None else {}
    after: Told = dict(told(one.state))
    for path, row in after.items():
        if before.get(path) != row:
            write((one.id, *path), row)
    for path in before.keys() - after.keys():
        write((one.id, *path), None)


def _exceptions(transaction: Transaction, one: Instance) -> None:
    before = one.before["exceptions"] if one.before is not None else {}
    after = one.state["exceptions"]
    for name, was in before.items():
        if after.get(name, {}).get("opened_at") != was["opened_at"]:
            transaction.close_exception((one.id, name, was["opened_at"]), one.at)
    for name, made in after.items():
        if before.get(name, {}).get("opened_at") == made["opened_at"]:
            continue
        effect = one.opened[name]
        told = {word: made[word] for word in ("step", "item", "code", "category", "owner")}
        told |= {"severity": effect.severity, "due_at": made["due_at"]}
        told["by"] = encode_json(dict(effect.by)).decode()
        transaction.open_exception((one.id, name, made["opened_at"]), told)


def _timers(transaction: Transaction, one: Instance) -> None:
    before = one.before["timers"] if one.before is not None else {}
    after = one.state["timers"]
    consumer = consumer_of(one.workflow.name)
    for name, was in before.items():
        if after.get(name) != was:
            transaction.forget_due(_timer_id(one, name, was["gen"]), consumer)
    for name, armed in after.items():
        if before.get(name) != armed:
            row = _timer_row(one, name, armed["gen"])
            transaction.postpone(row, time_of(armed["due_at"]), TIMER)


def _timer_row(one: Instance, name: str, gen: int) -> Queued:
    message = Message(
        id=_timer_id(one, name, gen),
        correlationid=one.correlationid,
        occurred_at=one.at,
        payload={"name": name, "gen": gen},
    )
    extra = {CAME: "timer", INSTANCE: one.id}
    consumer = consumer_of(one.workflow.name)
    return Queued(lane=TURN_LANE, consumer=consumer, message=message, extra=extra)


def _timer_id(one: Instance, name: str, gen: int) -> str:
    return derived_id(one.id, "timer", name, str(gen))


def _hold(transaction: Transaction, one: Instance, row: Queued, item: HoldItem) -> None:
    told = {
        "workflow": one.workflow.name,
        "window": item.window,
        "closes_at": time_text(item.closes_at),
        "group": "/".join(item.group),
        "instance": one.id,
        "effect": item.key,
    }
    transaction.hold_item(row, told)
    closing = window_row(one.workflow.name, item.window, item.closes_at)
    transaction.postpone(closing, item.closes_at, WINDOW)
