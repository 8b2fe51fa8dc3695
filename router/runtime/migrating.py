"""Owns: migrations of running instances: what they would come to, and putting them on their way.
Imports: core, config.workflow, engine.workflow, infra.store, runtime.
Never: migrates (a turn does): what is not known to be carried over is not put on its way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from router.config.workflow.workflow import Workflow
from router.core.errors import MessageError
from router.core.instance import CAME, INSTANCE, MIGRATION, TURN_LANE, Snapshot, consumer_of
from router.core.instants import time_text
from router.core.message import Message, derived_id
from router.engine.workflow.answers import APPLIED
from router.engine.workflow.migration import migrate
from router.engine.workflow.record import input_document
from router.engine.workflow.values import Migrated
from router.infra.store.instances import Instances
from router.infra.store.reader import Reader
from router.infra.store.rows import Queued
from router.infra.store.transaction import Transaction
from router.runtime.replaying import ByMark

#: instances that are read at once
PAGE = 200
#: instances of one order
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """To which definition instances are to go, which steps become which, who wants it and why."""

    target: Workflow
    map: Mapping[str, str]
    actor: str
    reason: str

    def input(self, kept: Snapshot) -> Migrated:
        """Return what comes to an instance."""
        return Migrated(
            source=kept.mark,
            target=self.target.mark,
            map=dict(self.map),
            actor=self.actor,
            reason=self.reason,
        )


@dataclass(slots=True)
class Foreseen:
    """What a migration would come to; nothing of it has happened."""

    #: ids of instances that would go on by the new definition, in the order of their ids
    ready: list[str] = field(default_factory=list)
    #: instances that go by it already
    there: int = 0
    #: labels before and after, where they differ
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: effects that would leave at once, by operation
    sends: Counter[str] = field(default_factory=Counter)
    #: why instances are refused, and their keys
    refused: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def total(self) -> int:
        """Return how many instances were looked at."""
        return len(self.ready) + self.there + sum(map(len, self.refused.values()))


def foresee(some: Iterable[Snapshot], plan: Plan, by_mark: ByMark, at: datetime) -> Foreseen:
    """Return what a migration of some instances would come to."""
    found = Foreseen()
    for kept in some:
        old = by_mark(kept.mark)
        if kept.mark == plan.target.mark:
            found.there += 1
        elif old is None:
            found.refused[f"definition {kept.mark} is not to be had"].append(kept.key)
        else:
            _foresee(found, kept, (old, plan), max(at, kept.at))
    return found


def _foresee(found: Foreseen, kept: Snapshot, by: tuple[Workflow, Plan], at: datetime) -> None:
    old, plan = by
    made = migrate((old, plan.target), kept.state, plan.input(kept), at)
    if made.outcome != APPLIED:
        found.refused[made.why].append(kept.key)
        return
    found.ready.append(kept.id)
    before, after = kept.state["label"], made.state["label"]
    if before != after:
        found.labels[before, after] += 1
    found.sends.update(
        str(operation) for one in made.effects if (operation := getattr(one, "operation", ""))
    )


def chosen(reader: Reader, workflow: str, key: str = "", label: str = "") -> Iterator[Snapshot]:
    """Yield the instances that are meant: the one with a key, or those that have not ended."""
    store = reader.instances
    if key:
        yield from store.named([(workflow, key)]).values()
        return
    after = ""
    while page := store.going(workflow, after, PAGE, label):
        yield from page
        after = page[-1].id


def order_migrations(
    transaction: Transaction, arguments: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Put migrations of instances on their way: a row each; return the ids of their messages.

    Raises MessageError, when the definition is one that the daemon does not have.
    """
    store = Instances(transaction.connection)
    target, revision = str(arguments["target"]), transaction.revision
    if arguments["revision"] != revision and not store.revision_of(target):
        raise MessageError(
            f"definition {target} is of revision {arguments['revision']} on disk, and"
            f" {revision} runs: let the daemon take what is on disk first"
        )
    found = store.get(arguments["instances"])
    rows = [_row(found[one], arguments, now) for one in arguments["instances"] if one in found]
    transaction.enqueue(rows)
    return {"messages": [row.message.id for row in rows]}


def _row(kept: Snapshot, arguments: Mapping[str, Any], now: datetime) -> Queued:
    came = Migrated(
        source=kept.mark,
        target=arguments["target"],
        map=arguments["map"],
        actor=arguments["actor"],
        reason=arguments["reason"],
    )
    message = Message(
        id=derived_id(kept.id, MIGRATION, came.target, time_text(now)),
        correlationid=kept.correlationid,
        occurred_at=now,
        payload=input_document(came),
    )
    extra = {CAME: MIGRATION, INSTANCE: kept.id}
    consumer = consumer_of(kept.workflow)
    return Queued(lane=TURN_LANE, consumer=consumer, message=message, extra=extra)
