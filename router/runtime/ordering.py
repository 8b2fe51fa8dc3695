"""Owns: orders for instances of workflows on their way: at once, after a second person, in bulk;
events that wait for their instance, looked at again.
Imports: core, engine.workflow, infra.store, runtime (again, fresh, parking).
Never: decides what comes of an order (its turn does); lets one person approve what he proposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from router.core.errors import MessageError
from router.core.instance import CAME, INSTANCE, TURN_LANE, Snapshot, consumer_of
from router.core.message import Message
from router.engine.workflow.record import input_document
from router.engine.workflow.values import Ordered
from router.infra.store.inbox import APPROVED, PROPOSED, REJECTED, Command
from router.infra.store.jobs import Item, Job
from router.infra.store.overview import InstanceQuery
from router.infra.store.rows import Queued
from router.infra.store.transaction import Transaction
from router.runtime.again import note
from router.runtime.fresh import fresh_id
from router.runtime.parking import release, wait_no_more

Arguments = Mapping[str, Any]
#: what an order says beside who orders it
_SAID = ("verb", "step", "item", "value")


def ordered(said: Mapping[str, Any], by: Mapping[str, str]) -> Ordered:
    """Return an order: what it says, and who gives it why (`actor`, `reason`, `approver`)."""
    return Ordered(**{name: said[name] for name in _SAID if name in said}, **by)


def order_row(kept: Snapshot, order: Ordered, now: datetime) -> Queued:
    """Return the row by which an order comes to an instance."""
    message = Message(
        id=fresh_id(now),
        correlationid=kept.correlationid,
        occurred_at=now,
        payload=input_document(order),
    )
    return Queued(
        lane=TURN_LANE,
        consumer=consumer_of(kept.workflow),
        message=message,
        extra={CAME: "order", INSTANCE: kept.id},
    )


def order(transaction: Transaction, arguments: Arguments, now: datetime) -> dict[str, Any]:
    """Put an order on its way to its instance; what moves money waits for a second person.

    `money` says that the step is such a one. Where it is not said of one that is, the turn refuses.
    """
    actor, reason = arguments["actor"], arguments["reason"]
    kept = _instance(transaction, arguments["instance"])
    if arguments["money"]:
        return {"proposal": transaction.inbox.propose(now, actor, "order", arguments)}
    made = ordered(arguments["order"], {"actor": actor, "reason": reason})
    return _put(transaction, kept, made, now)


def approve(transaction: Transaction, arguments: Arguments, now: datetime) -> dict[str, Any]:
    """Carry out what another person proposed."""
    found, actor = _proposal(transaction, arguments["proposal"]), arguments["actor"]
    if found.actor == actor:
        raise MessageError(f"proposal {found.id} is by {actor}: another person approves it")
    if found.verb == "order":
        kept = _instance(transaction, found.arguments["instance"])
        by = {"actor": found.actor, "reason": found.arguments["reason"], "approver": actor}
        result = _put(transaction, kept, ordered(found.arguments["order"], by), now)
    else:
        result = {"job": _approve_job(transaction, found.arguments["job"], actor)}
    told = {"by": actor, "reason": arguments["reason"], **result}
    transaction.inbox.answer(found.id, APPROVED, told)
    return result


def reject(transaction: Transaction, arguments: Arguments, _now: datetime) -> dict[str, Any]:
    """Give up what somebody proposed; who proposed it may do so, too."""
    found = _proposal(transaction, arguments["proposal"])
    told = {"by": arguments["actor"], "reason": arguments["reason"]}
    transaction.inbox.answer(found.id, REJECTED, told)
    if found.verb == "start":
        transaction.jobs.set_state(found.arguments["job"], "cancelled", unless=("done",))
    return {"proposal": found.id}


# ---- in bulk


def plan_orders(transaction: Transaction, arguments: Arguments, now: datetime) -> dict[str, Any]:
    """Freeze instances as a job: each is given the order. What moves money is proposed."""
    query = InstanceQuery(**arguments["query"])
    if not query.workflow or query.is_all:
        raise MessageError("an order without a condition would mean every instance: give one")
    actor, reason = arguments["actor"], arguments["reason"]
    options = {name: arguments[name] for name in ("order", "actor", "money", "each", "status")}
    job = Job(how="order", reason=reason, rate=arguments["rate"], options=options)
    number = transaction.jobs.make(job, now)
    transaction.jobs.freeze_instances(number, query)
    result = {"job": number, "totals": transaction.jobs.totals(number)}
    if arguments["money"]:
        told = {"job": number, "reason": reason, "order": arguments["order"]}
        result["proposal"] = transaction.inbox.propose(now, actor, "start", told)
    return result


def may_start(job: Job) -> None:
    """Raise MessageError when a second person is to approve a job first."""
    if job.options.get("money") and not job.options.get("approver"):
        raise MessageError(
            f"job {job.id} moves money: another person approves it, see router workflow proposals"
        )


def send_order(transaction: Transaction, job: Job, item: Item, now: datetime) -> str:
    """Put a job's order on its way to one instance, to each item that is meant; return why not."""
    kept = transaction.instances.get([item.message_id]).get(item.message_id)
    if kept is None:
        return "no_instance"
    said = job.options["order"]
    by = {"actor": job.options["actor"], "reason": f"{job.reason} (job {job.id})"}
    by["approver"] = job.options.get("approver", "")
    items = [said.get("item", "")]
    if job.options["each"]:
        items = transaction.overview.items(kept.id, said["step"], job.options["status"])
    rows = [order_row(kept, ordered({**said, "item": one}, by), now) for one in items]
    transaction.enqueue(rows)
    keys = [(row.message.id, row.consumer) for row in rows]
    transaction.jobs.follow(job.id, item.item, keys)
    return "" if rows else "no_item"


def _approve_job(transaction: Transaction, number: int, approver: str) -> int:
    job = transaction.jobs.get(number)
    assert job is not None, "it was proposed together with its job"
    transaction.jobs.choose(number, {**job.options, "approver": approver})
    if not transaction.jobs.set_state(number, "running", unless=("done", "running", "cancelled")):
        raise MessageError(f"job {number} is {job.state}: plan it anew")
    return number


# ---- events that wait


def unpark(transaction: Transaction, arguments: Arguments, now: datetime) -> dict[str, Any]:
    """Let an event that waits for its instance be looked at now, or give it up.

    `instance` says which one it is about; without it, it is looked for by the event's names.
    """
    row = transaction.overview.parked_row(arguments["message"])
    if row is None:
        raise MessageError(f"no event {arguments['message']} waits: see router workflow parked")
    told = {"reason": arguments["reason"], "actor": arguments["actor"]}
    transaction.forget_due(row.message.id, row.consumer)
    if arguments["discard"]:
        wait_no_more(transaction, row, now)
        told |= {"reason": "unparked", "detail": arguments["reason"]}
        note(transaction, row, now, "discarded", told)
        return {"discarded": row.message.id}
    if arguments["instance"]:
        kept = _instance(transaction, arguments["instance"])
        told["to"] = kept.key
        row = replace(row, extra={**(row.extra or {}), INSTANCE: kept.id})
    again = release(transaction, row)
    note(transaction, again, now, "unparked", told)
    return {"message": row.message.id}


def _put(transaction: Transaction, kept: Snapshot, made: Ordered, now: datetime) -> dict[str, Any]:
    row = order_row(kept, made, now)
    transaction.enqueue([row])
    return {"message": row.message.id, "instance": kept.id, "workflow": kept.workflow}


def _instance(transaction: Transaction, number: str) -> Snapshot:
    found = transaction.instances.get([number]).get(number)
    if found is None:
        raise MessageError(f"instance {number} is not there any more")
    return found


def _proposal(transaction: Transaction, number: int) -> Command:
    found = transaction.inbox.find(number)
    if found is None or found.state not in (PROPOSED, APPROVED, REJECTED):
        raise MessageError(f"no proposal {number}: see router workflow proposals")
    if found.state != PROPOSED:
        raise MessageError(f"proposal {number} was {found.state} by {found.result['by']}")
    return found
