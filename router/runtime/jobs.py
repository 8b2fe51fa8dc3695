"""Owns: jobs over many messages: planning them, starting, cancelling, moving them on.
Imports: core, infra.store, runtime (again, ordering, replay).
Never: sends a message of a job twice; goes on with a job that was cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from router.core.errors import MessageError
from router.core.ports import Clock
from router.infra.store.jobs import Item, Job, JournalQuery
from router.infra.store.letters import LetterQuery
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.again import note, retry_letter
from router.runtime.failpoints import reach
from router.runtime.ordering import may_start, send_order
from router.runtime.replay import Opened, Replayer

#: messages of one transaction of a job
BATCH = 100


class Mover:
    """Moves running jobs on. One thread calls `step`."""

    def __init__(self, store: Store, clock: Clock, replayer: Replayer) -> None:
        self._store = store
        self._clock = clock
        self._replayer = replayer
        #: when each running job may send again
        self._next: dict[int, datetime] = {}

    def step(self) -> int:
        """Send what the rates allow by now; return how many. Raises Unavailable."""
        with self._store.read() as reader:
            running = reader.jobs.running()
        return sum(self._move(job) for job in running)

    def _move(self, job: Job) -> int:
        now = self._clock.now()
        if now < self._next.get(job.id, now):
            return 0
        size = min(BATCH, max(1, job.rate // 5))
        with self._store.read() as reader:
            items = reader.jobs.items(job.id, "remaining", size)
            opened = {
                item.item: self._replayer.open(reader, job, item, now)
                for item in items
                if job.how == "replay"
            }

        def send(transaction: Transaction) -> int:
            return send_items(transaction, job, items, (opened, now))

        reach("job.before_commit")
        moved = self._store.write(send, alone=True)
        reach("job.after_commit")
        self._next[job.id] = now + timedelta(seconds=size / job.rate)
        return moved


def send_items(
    transaction: Transaction,
    job: Job,
    items: Sequence[Item],
    made: tuple[Mapping[int, Opened], datetime],
) -> int:
    """Put messages of a job on their way, those that still remain; return how many were looked at.

    Without any the job is done. A job that does not run any more is left alone.
    """
    opened, now = made
    current = transaction.jobs.get(job.id)
    if current is None or current.state != "running":
        return 0
    if not items:
        transaction.jobs.set_state(job.id, "done", unless=("cancelled",))
        return 0
    remaining = {one.item for one in transaction.jobs.items(job.id, "remaining", len(items))}
    moving = transaction.jobs.on_their_way([one.message_id for one in items])
    for item in items:
        if item.item not in remaining:
            continue
        if job.how == "retry":
            skip = _retry(transaction, job, item, now)
        elif job.how == "order":
            skip = send_order(transaction, job, item, now)
        elif item.message_id in moving:
            skip = "under_way"
        else:
            skip = _replay(transaction, job, (item, opened[item.item]), now)
        state = "skipped" if skip else "sent"
        transaction.jobs.set_item(job.id, item.item, state, skip)
    return len(items)


def _retry(transaction: Transaction, job: Job, item: Item, now: datetime) -> str:
    """Put a dead letter on its way again as it was queued; return why not."""
    key = (item.message_id, item.consumer)
    skip = retry_letter(transaction, key, now, f"job {job.id}")
    if not skip:
        transaction.jobs.follow(job.id, item.item, [key])
    return skip


def _replay(transaction: Transaction, job: Job, made: tuple[Item, Opened], now: datetime) -> str:
    """Put a record on its way that was made anew; return why not."""
    item, opened = made
    if opened.skip:
        return opened.skip
    edited = opened.original
    for row in opened.rows:
        state = "retried" if edited is None else "edited"
        transaction.letters.replayed((edited or row).message.id, "", f"job {job.id}", state)
        detail: dict[str, Any] = {"reason": job.reason, "job": job.id}
        if opened.lost:
            detail["lost"] = opened.lost
        if edited is not None:
            transaction.pass_gate(edited, row.message.id)
            detail["of"] = edited.message.id
        note(transaction, row, now, "edited" if edited else "replayed", detail)
    transaction.enqueue(opened.rows)
    keys = [(row.message.id, row.consumer) for row in opened.rows]
    transaction.jobs.follow(job.id, item.item, keys)
    return ""


def plan_letters(
    transaction: Transaction, arguments: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Freeze dead letters as a job: each is retried from where it failed."""
    query = LetterQuery(consumer=arguments["consumer"], reason=arguments["reason_word"])
    if not query.consumer and not query.reason:
        raise MessageError("a bulk retry without a filter would mean everything: give one")
    job = Job(how="retry", reason=arguments["reason"], rate=arguments["rate"])
    number = transaction.jobs.make(job, now)
    transaction.jobs.freeze_letters(number, query)
    return {"job": number, "totals": transaction.jobs.totals(number)}


def plan_replay(
    transaction: Transaction, arguments: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Freeze records as a job: each is decided anew from the bytes of its delivery."""
    query = JournalQuery(**arguments["query"])
    if query == JournalQuery():
        raise MessageError("a replay without a filter would mean everything: give one")
    if query.kind and not query.channel:
        raise MessageError("a kind belongs to a channel: give the channel as well")
    job = Job(
        how="replay",
        reason=arguments["reason"],
        rate=arguments["rate"],
        revision=transaction.revision,
        options=arguments["options"],
    )
    number = transaction.jobs.make(job, now)
    transaction.jobs.freeze_records(number, query)
    totals = transaction.jobs.totals(number)
    return {"job": number, "totals": totals, "revision": transaction.revision}


def start(transaction: Transaction, arguments: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
    """Start a job, or go on with a cancelled one."""
    number = arguments["job"]
    job = transaction.jobs.get(number)
    planned_for = job.revision if job is not None and job.state == "planned" else ""
    if planned_for not in ("", transaction.revision):
        raise MessageError(
            f"job {number} was planned for revision {planned_for}, and {transaction.revision} "
            "runs: plan it anew"
        )
    if job is not None and job.how == "order":
        may_start(job)
    if not transaction.jobs.set_state(number, "running", unless=("done", "running")):
        raise MessageError(f"job {number} cannot be started")
    return {"job": number}


def cancel(
    transaction: Transaction, arguments: Mapping[str, Any], _now: datetime
) -> dict[str, Any]:
    """Stop a job; what was not sent stays as it is."""
    number = arguments["job"]
    if not transaction.jobs.set_state(number, "cancelled", unless=("done",)):
        raise MessageError(f"job {number} cannot be cancelled")
    return {"job": number, "totals": transaction.jobs.totals(number)}
