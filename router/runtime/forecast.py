"""Owns: what a replay would do, before it does anything: its dry run.
Imports: core, config, infra.store, runtime.
Never: writes, makes a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from router.config.project import Project
from router.core.decision import Conflict, DeadLettered, Decision, Needs, Routed
from router.core.document import Json
from router.core.instance import TURN_LANE
from router.infra.store.jobs import Item, Job
from router.infra.store.reader import Reader
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.runtime.exchange import Exchange
from router.runtime.replay import Replayer, answers_for
from router.runtime.resending import Resending
from router.runtime.revisions import Revisions
from router.runtime.settling import produced_keys, settle_objects
from router.runtime.verdicts import (
    SYSTEM_LANE,
    Judge,
    claim_keys,
    open_row,
    rows_of,
    verdict_of,
)

#: what comes of a record, the most serious first
CONSEQUENCES = ("dies", "changed", "new", "asks", "unchanged", "stops", "skipped")
#: commands and letters that are named
MOST_NAMED = 10
#: records that are looked at together
CHUNK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One end of a record's way: what it comes to, where, and why."""

    word: str
    consumer: str
    message_id: str
    why: str = ""


@dataclass(slots=True)
class Forecast:
    """How many records come to what, and the first ends that want a look."""

    counts: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[Leaf]] = field(default_factory=dict)
    #: configurations that are not to be had; the running one is used instead
    lost: Counter[str] = field(default_factory=Counter)

    def add(self, leaves: list[Leaf]) -> None:
        """Count a record by the most serious of its ends."""
        words = {leaf.word for leaf in leaves} or {"stops"}
        self.counts[min(words, key=CONSEQUENCES.index)] += 1
        for leaf in leaves:
            named = self.named.setdefault(leaf.word, [])
            if leaf.word in ("dies", "changed", "new", "asks") and len(named) < MOST_NAMED:
                named.append(leaf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecaster:
    """Foresees a job over what is committed now. Records do not see each other."""

    replayer: Replayer
    judge: Judge
    resending: Resending

    def foresee(self, reader: Reader, job: Job, now: datetime) -> Forecast:
        """Return what would come of every message of a job."""
        made = Forecast()
        after = 0
        while items := reader.jobs.items(job.id, "remaining", CHUNK, after):
            moving = reader.jobs.on_their_way([item.message_id for item in items])
            for item in items:
                self._item(reader, made, (job, item, item.message_id in moving), now)
            after = items[-1].item
        return made

    def _item(
        self, reader: Reader, made: Forecast, what: tuple[Job, Item, bool], now: datetime
    ) -> None:
        job, item, moving = what
        opened = self.replayer.open(reader, job, item, now)
        if opened.lost:
            made.lost[opened.lost] += 1
        skip = opened.skip or ("under_way" if moving else "")
        if skip:
            made.counts["skipped"] += 1
            made.skipped[skip] += 1
            return
        made.add([leaf for row in opened.rows for leaf in self._walk(reader, row, now)])

    def _walk(self, reader: Reader, row: Queued, now: datetime) -> Iterator[Leaf]:
        """Yield the ends of a row's way."""
        if row.lane.startswith(SYSTEM_LANE):
            yield self._command(reader, row)
            return
        if row.lane == TURN_LANE:  # a workflow takes an event once
            taken = reader.instances.taken([row.message.id])
            yield _leaf(row, "unchanged" if taken else "new")
            return
        work = open_row(row, answers_for(reader, row))
        held = reader.holdings(claim_keys([work]), now)
        decision: Decision | Needs = self.judge.decide(work, held)
        if isinstance(decision, Needs):
            yield _leaf(row, "asks", ", ".join(call.operation for call in decision.calls))
            return
        objects = reader.holdings(produced_keys([decision]), now)
        decision = settle_objects(verdict_of(work, decision, held), objects).decision
        if isinstance(decision, Routed):
            for child in rows_of(decision, row):
                yield from self._walk(reader, child, now)
        elif isinstance(decision, DeadLettered):
            yield _leaf(row, "dies", f"{decision.reason} {decision.detail}".strip())
        elif isinstance(decision, Conflict):
            yield _leaf(row, "dies", f"conflict with {decision.of}")
        else:
            yield _leaf(row, "stops")

    def _command(self, reader: Reader, row: Queued) -> Leaf:
        operation = self.resending.operation(row)
        if operation is None:
            return _leaf(row, "dies", f"{row.consumer} is not declared")
        compared = self.resending.compare(reader, row, operation)
        if compared.intent is None:
            error = self.resending.refuses(row, operation)
            return _leaf(row, "dies", str(error)) if error else _leaf(row, "new")
        if compared.word in ("sent", "replaced"):
            return _leaf(row, "new", f"the one before is {compared.intent.state}")
        return _leaf(row, compared.word, compared.why)


def forecaster_of(
    project: Project, env: Mapping[str, Json], by: tuple[Store, Exchange, Revisions]
) -> Forecaster:
    """Return what foresees jobs for a project: with its calls prepared, none made."""
    store, exchange, revisions = by
    return Forecaster(
        replayer=Replayer(project, env, revisions),
        judge=Judge(project, env, revisions.get),
        resending=Resending(store, exchange, revisions.get),
    )


def told(forecast: Forecast) -> dict[str, Any]:
    """Return a forecast as a document."""
    return {
        "consequences": {word: forecast.counts[word] for word in CONSEQUENCES},
        "skipped": dict(forecast.skipped),
        "lost": dict(forecast.lost),
        **{
            word: [
                {"consumer": one.consumer, "message": one.message_id, "why": one.why}
                for one in leaves
            ]
            for word, leaves in forecast.named.items()
            if leaves
        },
    }


def _leaf(row: Queued, word: str, why: str = "") -> Leaf:
    return Leaf(word=word, consumer=row.consumer, message_id=row.message.id, why=why)
