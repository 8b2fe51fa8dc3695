"""Owns: deciding a batch: judge identities, run the pipelines, in order; what a verdict claims.
Imports: core, config, engine.
Never: does I/O (what earlier projects said is recalled for it); sees a clock; lets a later message
of a batch miss what an earlier one claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from router.config.channels import Route
from router.config.policies import FailurePolicy
from router.config.project import Project
from router.config.steps import Step
from router.core.claim import Claim, Held, Holding, Kept
from router.core.decision import (
    Conflict,
    DeadLettered,
    Decision,
    Discarded,
    Duplicate,
    Needs,
    Produced,
    Routed,
    Sent,
    Signalled,
)
from router.core.document import Json
from router.core.instance import CAME, EVENT, TURN_LANE, consumer_of
from router.engine.identity import document_digest, judge
from router.engine.pipeline import follow, run_flow, run_route
from router.engine.steps.ending import stop_of
from router.engine.token import Context
from router.infra.store.rows import Queued
from router.runtime.failpoints import reach
from router.runtime.ingress import LOOP_LANE, unpack_verdict
from router.runtime.replayed import inherited, replay_of

#: what a worker of a system takes from
SYSTEM_LANE = "sys."


@dataclass(slots=True, kw_only=True)
class Work:
    """One queue row, opened: what it claims, and the answers that it has so far.

    `decided` is set when the decision does not depend on the pipeline: an answer is not to be had.
    `lost` is the revision that should have decided it and is not to be had.
    """

    row: Queued
    claims: tuple[Claim, ...]
    references: tuple[str, ...]
    answers: Mapping[str, Json]
    decided: Decision | None = None
    lost: str = ""


@dataclass(slots=True, kw_only=True)
class Verdict:
    """A row with its decision. `absorbed` are produced objects that were there already, `free` the
    claims of the row that nobody else holds.
    """

    work: Work
    decision: Decision
    free: tuple[Claim, ...]
    absorbed: tuple[tuple[Produced, str], ...] = ()
    #: objects that are older than what was published of the same thing, each with the newer one
    stale: tuple[tuple[Produced, str], ...] = ()
    #: what the produced objects are the newest of
    ranks: tuple[Kept, ...] = ()
    #: flows of produced objects that were decided together with the row: they need no row
    at_once: tuple[Verdict, ...] = ()
    _rows: list[Queued] | None = field(default=None, init=False)
    _claims: list[Kept] | None = field(default=None, init=False)
    _objects: list[Kept] | None = field(default=None, init=False)

    def rows(self) -> list[Queued]:
        """Return what follows from it and is published: objects for flows, commands for workers."""
        if self._rows is None:
            self._rows = rows_of(self.decision, self.work.row)
        return self._rows

    def claims(self) -> list[Kept]:
        """Return the claims of its row that it records."""
        if self._claims is None:
            self._claims = claims_after(self)
        return self._claims

    def objects(self) -> list[Kept]:
        """Return the identities of the objects that it produces."""
        if self._objects is None:
            self._objects = objects_after(self)
        return self._objects

    def decide_at_once(self, decided: tuple[Verdict, ...], left: list[Queued]) -> None:
        """Take in flows that were decided together with the row; `left` is what is published."""
        self.at_once, self._rows = decided, left


def lane_of(operation: str) -> str:
    """Return the lane of an operation's system."""
    return SYSTEM_LANE + operation.partition(".")[0]


def rows_of(decision: Decision, row: Queued) -> list[Queued]:
    """Return what follows from a decision about a row: objects for flows, commands for workers."""
    if not isinstance(decision, Routed):
        return []
    extra = inherited(row)
    made = []
    for effect in decision.effects:
        if isinstance(effect, Produced):
            made += [
                Queued(lane=LOOP_LANE, consumer=flow, message=effect.message, extra=extra)
                for flow in effect.subscribers
            ]
        elif isinstance(effect, Signalled):
            told = {**(extra or {}), CAME: "event", EVENT: effect.event}
            consumer = consumer_of(effect.workflow)
            made.append(
                Queued(lane=TURN_LANE, consumer=consumer, message=effect.message, extra=told)
            )
        else:
            lane = lane_of(effect.operation)
            made.append(
                Queued(lane=lane, consumer=effect.operation, message=effect.message, extra=extra)
            )
    return made


def damaged(row: Queued) -> DeadLettered:
    """Return the dead letter of a row that cannot be read."""
    return DeadLettered(reason="damaged", detail=row.damage, step="store")


def open_row(row: Queued, answers: Mapping[str, Json]) -> Work:
    """Return a row as work."""
    extra = row.extra or {}
    return Work(
        row=row,
        claims=tuple(extra.get("claims", ())),
        references=tuple(extra.get("references", ())),
        answers=answers,
    )


class Judge:
    """Decides rows of the loop's lane against what is held. Pure: what it needs comes in."""

    def __init__(
        self,
        project: Project,
        env: Mapping[str, Json],
        recall: Callable[[str], Project | None] = lambda _: None,
        entered: Callable[[Step], None] | None = None,
    ) -> None:
        """`recall` gives an earlier project by its revision: a retry is decided by the first.
        `entered` is told of each step.
        """
        self._project = project
        self._env = env
        self._recall = recall
        #: of a message without answers that the running project decides
        self._context = Context(
            subscribers=project.subscribers, env=env, follow=follow, entered=entered
        )

    def policy(self, row: Queued) -> FailurePolicy:
        """Return the failure policy of a row's consumer."""
        consumer = _consumer(self._of(row), row)
        assert consumer is not None, "only a route or a flow needs answers"
        policy: FailurePolicy = consumer.policy
        return policy

    def decide(self, work: Work, held: Mapping[bytes, Holding]) -> Decision | Needs:
        """Return the decision about one row, or the calls that it needs first."""
        row, message = work.row, work.row.message
        if row.damage:
            return damaged(row)
        verdict = unpack_verdict((row.extra or {}).get("verdict"))
        if verdict is not None:
            return verdict
        judged = judge(work.claims, held, message)
        if judged is not None:
            return judged
        reach(f"loop.decide.{message.kind}")
        if work.decided is not None:
            return work.decided
        project, context = self._of(row), self._context
        consumer = _consumer(project, row)
        if consumer is None:
            return self._undeclared(row)
        if work.answers or project is not self._project:
            context = replace(context, subscribers=project.subscribers, answers=work.answers)
        run = run_route if isinstance(consumer, Route) else run_flow
        decision = run(consumer, message, context)
        return decision if project is self._project else self._reachable(decision)

    def lost(self, row: Queued) -> str:
        """Return the revision that should decide a row and is not to be had, or an empty text."""
        revision = "" if row.extra is None else str(row.extra.get("revision", ""))
        return revision if revision and self._earlier(revision) is None else ""

    def _of(self, row: Queued) -> Project:
        """Return the project that decides a row: that of its first decision, if it is kept."""
        revision = "" if row.extra is None else row.extra.get("revision", "")
        return (self._earlier(revision) if revision else None) or self._project

    def _earlier(self, revision: str) -> Project | None:
        return self._project if revision == self._project.revision else self._recall(revision)

    def _reachable(self, decision: Decision | Needs) -> Decision | Needs:
        """Return an earlier project's decision; a dead letter when it wants what is gone by now."""
        systems = self._project.systems
        gone = [one for one in _wanted(decision) if one.partition(".")[0] not in systems]
        if not gone:
            return decision
        return DeadLettered(reason="no_consumer", detail=f"{gone[0]} is not declared any more")

    def _undeclared(self, row: Queued) -> Decision:
        """A row from before a change of the project: its consumer is gone."""
        channel = self._project.channels.get(row.message.channel)
        if channel is None or row.consumer.startswith("flow:"):
            return DeadLettered(reason="no_consumer", detail=f"{row.consumer} is not declared")
        ending = channel.routes.get(row.message.kind, channel.otherwise)
        return stop_of(ending)  # type: ignore[arg-type]


def _consumer(project: Project, row: Queued) -> Any:
    """Return the flow or the route of a row, None when a project has none."""
    flow = project.flows.get(row.consumer)
    if flow is not None:
        return flow
    channel = project.channels.get(row.message.channel)
    route = channel.routes.get(row.message.kind) if channel is not None else None
    return route if isinstance(route, Route) else None


def _wanted(decision: Decision | Needs) -> list[str]:
    """Return the operations that a decision sends to or asks."""
    match decision:
        case Routed(effects=effects):
            return [one.operation for one in effects if isinstance(one, Sent)]
        case Needs(calls=calls):
            return [one.operation for one in calls]
    return []


def gate_keys(works: Iterable[Work]) -> list[tuple[str, str]]:
    """Return the gates that rows have to pass: (consumer, order key), sorted."""
    rows = [work.row for work in works if work.row.message.order_key]
    return sorted({(row.consumer, row.message.order_key) for row in rows})


def verdict_of(work: Work, decision: Decision, held: Mapping[bytes, Holding]) -> Verdict:
    """Return a row with its decision, knowing which of its claims nobody else lives by."""
    free = tuple([claim for claim in work.claims if _is_free(held.get(claim.key), work)])
    return Verdict(work=work, decision=decision, free=free)


def claim_keys(works: Iterable[Work]) -> list[bytes]:
    """Return every identity that rows claim, sorted: the order in which they are locked."""
    return sorted({claim.key for work in works for claim in work.claims})


def ends_here(decision: Decision | Needs) -> TypeGuard[Decision]:
    """Return whether a decision about an object can be recorded with the one that produced it:
    it waits for nothing, and no other object comes of it.
    """
    if isinstance(decision, Routed):
        return not any(isinstance(effect, Produced) for effect in decision.effects)
    return isinstance(decision, Discarded | DeadLettered)


def claims_after(verdict: Verdict) -> list[Kept]:
    """Return the claims of a row that its verdict records."""
    decision, message = verdict.decision, verdict.work.row.message
    if isinstance(decision, Duplicate):
        return []
    dead = isinstance(decision, DeadLettered | Conflict)
    loses = dead or (isinstance(decision, Discarded) and decision.stale)
    claims = verdict.free if loses else verdict.work.claims
    state = Held.DEAD if dead else Held.LIVE
    body = document_digest(message.payload) if dead and claims else b""
    return [Kept(claim, message.id, state, body) for claim in claims]


def objects_after(verdict: Verdict) -> list[Kept]:
    """Return the identities of the objects that a verdict produces, and what they are newest of."""
    if not isinstance(verdict.decision, Routed):
        return []
    made = [
        Kept(
            Claim(key=effect.key, words=effect.words, compare=effect.compare),
            effect.message.id,
            Held.LIVE,
        )
        for effect in verdict.decision.effects
        if isinstance(effect, Produced)
    ]
    return [*made, *verdict.ranks] if verdict.ranks else made


def remember(kept: Iterable[Kept], held: dict[bytes, Holding]) -> None:
    """Let the rest of the batch see what was claimed before."""
    for claim, holder, state, body in kept:
        held[claim.key] = Holding(
            key=claim.key,
            message_id=holder,
            state=state,
            compare=claim.compare,
            body=body,
            version=claim.version,
        )


def _is_free(holding: Holding | None, work: Work) -> bool:
    """What lives by a claim keeps it: a message that had effects has them after its replay too."""
    if holding is None or holding.state is Held.DEAD:
        return True
    return holding.message_id == work.row.message.id and replay_of(work.row) is None
