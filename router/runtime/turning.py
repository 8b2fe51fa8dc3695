"""Owns: one row for an instance: the input that it is, the turn, what follows of its effects.
Imports: core, config, engine.workflow, runtime.
Never: reads or writes the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from router.config.project import Project
from router.config.systems import AnyOperation, Operation
from router.core.instance import CAME, EFFECT, EVENT, TurnLine
from router.core.message import ContractRef, Message, derived_id
from router.engine.workflow.answers import STALE
from router.engine.workflow.migration import migrate
from router.engine.workflow.record import (
    effect_document,
    input_document,
    input_of,
    kind_of,
    name_of,
)
from router.engine.workflow.state import State
from router.engine.workflow.values import (
    Answered,
    AnyInput,
    Effect,
    Emit,
    EventCame,
    HoldItem,
    Input,
    Migrated,
    OpenException,
    Ordered,
    RegisterAlias,
    Send,
    Turn,
    WithdrawItem,
    path_of,
)
from router.infra.store.rows import Queued
from router.runtime.ingress import LOOP_LANE
from router.runtime.instance import Instance, state_hash
from router.runtime.recent import Recent
from router.runtime.requests import effect_of_call, reference_of
from router.runtime.turnrecords import command_id
from router.runtime.verdicts import lane_of


class Turning:
    """Carries turns out in memory. `project` says who subscribes and what operations take."""

    def __init__(self, project: Project) -> None:
        self._subscribers = project.subscribers
        self._operations = project.operations
        self._recent = Recent()

    def take(self, one: Instance, row: Queued, came: AnyInput, now: datetime) -> Turn:
        """Let a row's input come to an instance; return the turn. Stale ones leave no trace."""
        at = max(now, one.at)
        made = (
            _migrated(one, came, at) if isinstance(came, Migrated) else self.turned(one, came, at)
        )
        if made.outcome == STALE:
            return made
        one.turns += 1
        one.at = at
        one.hash = state_hash(made.state)
        one.lines.append(_line(one, row, came, made))
        if one.living is not None:
            self._recent.keep(one.id, one.hash, one.living)
        before, one.state = one.state, made.state
        for number, effect in enumerate(made.effects):
            self._follow(one, row, effect, (number, before))
        return made

    def turned(self, one: Instance, came: Input, at: datetime) -> Turn:
        """Return the turn that an input makes."""
        one.living = self._recent.take(one.id, one.hash, one.workflow)
        return one.living.turn(one.state, came, at)

    def _follow(self, one: Instance, row: Queued, effect: Effect, known: tuple[int, State]) -> None:
        number, before = known
        if isinstance(effect, Send | HoldItem) and _was_sent(before, effect):
            one.freed += self._calls(one, effect)
        match effect:
            case Send():
                one.rows.append(self._command(one, row, effect))
            case HoldItem():
                one.held[effect.key] = (self._command(one, row, effect), effect)
                one.withdrawn.discard(effect.key)
            case WithdrawItem():
                one.held.pop(effect.key, None)
                one.withdrawn.add(effect.key)
            case Emit():
                one.rows += self._told(one, row, effect, number)
            case RegisterAlias():
                one.names.append((effect.kind, effect.value))
            case OpenException():
                one.opened[effect.name] = effect

    def _command(self, one: Instance, row: Queued, effect: Send | HoldItem) -> Queued:
        """Return the command that an effect is."""
        operation = self._operations.get(effect.operation)
        accept = operation.accept if operation is not None else None
        cause = row.message
        message = Message(
            id=command_id(one.id, effect.key),
            correlationid=cause.correlationid,
            causationid=cause.id,
            channel=cause.channel,
            kind=cause.kind,
            contract=accept.ref if accept is not None else None,
            occurred_at=one.at,
            stamp=cause.stamp,
            payload=effect.payload,
            raw=cause.raw,
        )
        owner = {"workflow": one.workflow.name, "instance": one.id, "effect": effect.key}
        return Queued(
            lane=lane_of(effect.operation),
            consumer=effect.operation,
            message=message,
            extra={EFFECT: owner},
        )

    def _calls(self, one: Instance, effect: Send | HoldItem) -> Iterator[str]:
        """Yield the names of the calls of an effect."""
        number = command_id(one.id, effect.key)
        operation = self._operations.get(effect.operation)
        for call in operation.calls if operation is not None else ():
            yield number if call is operation else effect_of_call(number, call.word)

    def _told(self, one: Instance, row: Queued, effect: Emit, number: int) -> list[Queued]:
        """Return the rows for who subscribes to an event that a workflow tells."""
        said = one.workflow.file.emits[effect.event]
        contract: ContractRef = one.workflow.file.views[said.view].contract.ref
        message = row.message.derive(payload=effect.document, contract=contract, seed=effect.event)
        told = derived_id(one.id, "emit", str(one.turns), str(number))
        message = replace(message, id=told, occurred_at=one.at)
        return [
            Queued(lane=LOOP_LANE, consumer=flow, message=message)
            for flow in self._subscribers.get(contract.subject, ())
        ]


def _migrated(one: Instance, came: Migrated, at: datetime) -> Turn:
    """Return the turn of a migration; from then on the instance goes by its other definition."""
    assert one.target is not None, "who takes the row has looked"
    one.living = None
    made = migrate((one.workflow, one.target), one.state, came, at)
    if made.state["mark"] == one.target.mark:
        one.workflow = one.target
    return made


def input_from(one: Instance, row: Queued) -> AnyInput:
    """Return the input that a row is. Raises TypeError, LookupError for one that is none."""
    extra, payload = row.extra or {}, row.message.payload
    assert isinstance(payload, Mapping), "who writes rows for workflows gives them documents"
    if extra[CAME] == "event":
        came = EventCame(name=extra[EVENT], body=payload)
        return EventCame(name=came.name, body=payload, effect=_our_effect(one, came))
    return input_of(extra[CAME], payload)


def told_of(came: AnyInput) -> dict[str, str]:
    """Return what a line of the journal says of an input: its kind, what it is called, who."""
    told = {"came": kind_of(came), "name": name_of(came)}
    match came:
        case Answered():
            told["outcome"] = f"{came.outcome} {came.code}".rstrip()
        case Ordered():
            told |= {"actor": came.actor, "reason": came.reason}
            if came.step:
                told["name"] += f" {path_of(came.step, came.item)}"
            if came.approver:
                told["approver"] = came.approver
    return told


def _our_effect(one: Instance, came: EventCame) -> str:
    """Return the effect that an event means by the name which we gave the far side for it."""
    said = one.workflow.file.events.get(came.name)
    if said is None or said.effect is None:
        return ""
    name = said.effect({"body": dict(came.body)})
    for key, operation in _effects(one):
        number = command_id(one.id, key)
        if name in (number, _named(number, operation)):
            return key
    return ""


def _named(number: str, operation: AnyOperation) -> str | None:
    """Return our name for an effect, as the far side has it; a sequence has none of its own."""
    return reference_of(number, operation) if isinstance(operation, Operation) else None


def _effects(one: Instance) -> Iterator[tuple[str, AnyOperation]]:
    """Yield the keys of all that an instance has sent, each with what it may have been sent to."""
    for name, step in one.workflow.steps.items():
        for record in one.state["steps"].get(name, {}).values():
            for key in record["keys"]:
                for sending in step.sendings:
                    yield key, sending.operation


def _was_sent(state: State, effect: Send | HoldItem) -> bool:
    """Return whether an effect is the same again: then what was refused may be tried again."""
    record = state["steps"].get(effect.step, {}).get(effect.item)
    return record is not None and effect.key in (*record["keys"], record.get("undo_key"))


def _line(one: Instance, row: Queued, came: AnyInput, made: Turn) -> TurnLine:
    return TurnLine(
        instance=one.id,
        seq=one.turns,
        message_id=row.message.id,
        at=one.at,
        kind=kind_of(came),
        name=name_of(came),
        mark=one.workflow.mark,
        actor=came.actor if isinstance(came, Ordered | Migrated) else "",
        input=input_document(came),
        decisions=made.decisions,
        effects=tuple(effect_document(effect) for effect in made.effects),
        outcome=made.outcome,
        why=made.why,
        label=made.state["label"],
        hash=one.hash,
    )
