"""Owns: walking one payload through channel, flows and operations without any effect.
Imports: config, engine, runtime.ingress, runtime.requests.
Never: calls a system, opens a store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from router.config.channels import Channel, Route
from router.config.project import Project
from router.config.steps import Step
from router.config.transforms.expressions import Late
from router.core.decision import (
    Call,
    DeadLettered,
    Discarded,
    Effect,
    Needs,
    Produced,
    Routed,
    Signalled,
    word_of,
)
from router.core.document import Json
from router.core.errors import MessageError
from router.core.ports import Adapter
from router.engine.arrival import Arrival, Delivery, arrivals_of, failed_arrival
from router.engine.control import CONTROL
from router.engine.pipeline import STEP_WORDS, follow, run_flow, run_route
from router.engine.steps.enrich import call_key
from router.engine.token import Context, Emit, Token
from router.runtime.bodies import decode_body, shaper
from router.runtime.ingress import with_beside
from router.runtime.requests import Gave, Leg, prepare, reference_of

if TYPE_CHECKING:
    from router.runtime.exchange import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One thing that happened: a title, what is to say, and a document to show."""

    depth: int
    title: str
    text: str = ""
    document: Json = None


@dataclass(slots=True)
class Rehearsal:
    """What came of a payload: stages in order, one outcome a record."""

    stages: list[Stage] = field(default_factory=list)
    outcomes: list[dict[str, str]] = field(default_factory=list)
    produced: list[dict[str, Any]] = field(default_factory=list)
    signalled: list[dict[str, Any]] = field(default_factory=list)
    #: flows and operations behind it that would keep something for a person, with the reason
    dead: list[dict[str, str]] = field(default_factory=list)

    def add(self, depth: int, title: str, text: str = "", document: Json = None) -> None:
        """Append a stage."""
        self.stages.append(Stage(depth=depth, title=title, text=text, document=document))


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a rehearsal may use: answers by operation, and adapters that prepare requests."""

    env: Mapping[str, Json]
    #: operation -> the document that it gives
    answers: Mapping[str, Json]
    adapters: Mapping[str, Adapter]
    at: datetime
    #: overrides what `kind:` says
    kind: str | None = None


def rehearse(
    project: Project, channel: Channel, headers: Mapping[str, str], body: bytes, script: Script
) -> Rehearsal:
    """Return every stage of a delivery's way. Never raises for a bad payload: that is a stage."""
    made = Rehearsal()
    delivery = Delivery(
        id="rehearsal",
        headers=headers,
        received_at=script.at,
        sha256=hashlib.sha256(body).hexdigest(),
    )
    if script.kind is not None:
        channel = replace(channel, kind=_fixed(channel, script.kind))
    for arrival in _arrivals(project, channel, delivery, body, (script, made)):
        _record(project, channel, arrival, (script, made))
    return made


def _arrivals(
    project: Project,
    channel: Channel,
    delivery: Delivery,
    body: bytes,
    seen: tuple[Script, Rehearsal],
) -> tuple[Arrival, ...]:
    script, made = seen
    try:
        decoded = decode_body(channel, body)
    except MessageError as error:
        made.add(1, "decode", f"{channel.source.format}: {error}")
        return (failed_arrival(channel, delivery, error, "decode"),)
    try:
        delivery = with_beside(channel, delivery)
    except MessageError as error:
        return (failed_arrival(channel, delivery, error, CONTROL),)
    made.add(1, "decode", f"{channel.source.format}, {len(body)} bytes")
    found = arrivals_of(channel, delivery, decoded, script.env, shaper(channel, project.contracts))
    if channel.records is not None:
        made.add(1, "records", str(len(found)))
    return found


def _record(
    project: Project, channel: Channel, arrival: Arrival, seen: tuple[Script, Rehearsal]
) -> None:
    script, made = seen
    message = arrival.message
    declared = "" if message.kind in channel.routes else " (no route: otherwise)"
    made.add(1, "kind", (message.kind or "none") + declared)
    if arrival.verdict is not None:
        _ended(made, arrival.verdict, message.kind, 1)
        return
    claimed = "; ".join("/".join(claim.words) for claim in arrival.claims)
    made.add(1, "identity", f"{claimed}; correlation {message.correlationid}")
    route = channel.routes[message.kind]
    assert isinstance(route, Route), "an ending has a verdict"
    decision = _run(project, (script, made), 2, partial(run_route, route, message))
    if decision is None:
        made.outcomes.append({"kind": message.kind, "outcome": "needs", "reason": "an answer"})
        return
    made.outcomes.append(
        {
            "kind": message.kind,
            "outcome": word_of(decision),
            "reason": getattr(decision, "reason", ""),
        }
    )
    if isinstance(decision, Routed):
        for note in decision.notes:
            made.add(1, "nothing", note)
        made.add(1, "routed", f"{len(decision.effects)} effects")
        _effects(project, decision.effects, (script, made), 1)
    else:
        _ended(made, decision, message.kind, 1, counted=True)


def _run(project: Project, seen: tuple[Script, Rehearsal], depth: int, run: Any) -> Any:
    """Run a pipeline with the answers of the script; None when one is lacking."""
    script, made = seen
    answers: dict[str, Json] = {}
    while True:
        trial = Rehearsal()
        context = Context(
            answers=answers,
            subscribers=project.subscribers,
            env=script.env,
            follow=follow,
            observe=lambda step, token, emit, trial=trial: _observe(
                trial, depth, step, token, emit
            ),  # type: ignore[misc]
        )
        decision = run(context)
        lacking = _answer(decision, script, answers)
        if lacking is None:
            made.stages += trial.stages
            return decision
        if lacking:
            made.stages += trial.stages
            for call in lacking:
                arguments = ", ".join(f"{name}={value}" for name, value in call.arguments.items())
                made.add(
                    depth,
                    "needs",
                    f"{call.operation}({arguments}): say --answer {call.operation}=FILE",
                )
            return None


def _answer(decision: Any, script: Script, answers: dict[str, Json]) -> list[Call] | None:
    """Put the script's answers in; None when nothing was asked, else the calls that stay open."""
    if not isinstance(decision, Needs):
        return None
    lacking = []
    for call in decision.calls:
        if call.operation in script.answers:
            answers[call_key(call.operation, call.arguments)] = script.answers[call.operation]
        else:
            lacking.append(call)
    return lacking


def _observe(made: Rehearsal, depth: int, step: Step, token: Token, emit: Emit) -> None:
    word = STEP_WORDS[type(step).__name__]
    where = "/".join(token.path)
    text = f"[{where}] " if where else ""
    if word == "transform" and emit.tokens:
        made.add(depth, word, text + step.transform.name, emit.tokens[0].scope["payload"])  # type: ignore[union-attr]
    elif word == "split":
        made.add(depth, word, f"{text}{len(emit.tokens)} items")
    elif word == "enrich" and emit.tokens:
        made.add(depth, word, f"{text}{step.call.name} as {step.name}")  # type: ignore[union-attr]
    elif word == "filter":
        made.add(depth, word, text + ("goes on" if emit.tokens else "stopped"))
    for effect in emit.effects if word == "produce" else ():
        if isinstance(effect, Produced):
            made.add(depth, word, f"{text}{effect.contract} {' '.join(effect.words[1:])}")


def _effects(
    project: Project, effects: tuple[Effect, ...], seen: tuple[Script, Rehearsal], depth: int
) -> None:
    script, made = seen
    for effect in effects:
        if isinstance(effect, Produced):
            made.produced.append(
                {"object": str(effect.contract), "payload": effect.message.payload}
            )
            for name in effect.subscribers:
                flow = project.flows[name]
                made.add(depth, name, f"gets {effect.contract}")
                decision = _run(
                    project,
                    seen,
                    depth + 1,
                    partial(run_flow, flow, effect.message),
                )
                if isinstance(decision, Routed):
                    _effects(project, decision.effects, seen, depth + 1)
                elif decision is not None:
                    _ended(made, decision, name, depth + 1, counted=True)
                if isinstance(decision, DeadLettered):
                    made.dead.append({"consumer": name, "reason": decision.reason})
        elif isinstance(effect, Signalled):
            made.add(depth, f"workflow:{effect.workflow}", f"is told {effect.event}")
            told = {"workflow": effect.workflow, "event": effect.event}
            made.signalled.append({**told, "payload": effect.message.payload})
        else:
            _command(project, effect, (script, made), depth)


def _command(project: Project, effect: Any, seen: tuple[Script, Rehearsal], depth: int) -> None:
    """Show the exact request of each call; what an earlier one will give is made up."""
    from router.infra.store.rows import Queued  # noqa: PLC0415
    from router.runtime.clock import ManualClock  # noqa: PLC0415
    from router.runtime.exchange import Exchange  # noqa: PLC0415

    script, made = seen
    command = project.operations[effect.operation]
    exchange = Exchange(
        operations=project.operations,
        adapters=script.adapters,
        env=script.env,
        clock=ManualClock(script.at),
    )
    row = Queued(lane="", consumer=command.name, message=effect.message)
    before: dict[str, Gave] = {}
    for operation in command.calls:
        leg = Leg(row=row, command=command, operation=operation, before=before)
        unknown = [one for one in sorted(before) if operation.uses(one, "result")]
        lacking = [f"{operation.system}.{one}" for one in unknown if before[one].result is None]
        for name in lacking:
            made.add(depth, operation.name, f"reads what {name} gave: say --answer {name}=FILE")
        if not lacking:
            _request(exchange, leg, (made, depth))
        result = script.answers.get(operation.name)
        before[operation.word] = Gave(f"REFERENCE-OF-{operation.word}", result)


def _request(exchange: Exchange, leg: Leg, shown: tuple[Rehearsal, int]) -> None:
    made, depth = shown
    try:
        prepared = prepare(exchange, leg, reference_of(leg.key, leg.operation))
    except MessageError as error:
        made.add(depth, leg.operation.name, f"cannot be sent: {error}")
        made.dead.append({"consumer": leg.operation.name, "reason": error.code})
        return
    body = prepared.body.decode("utf-8", "replace")
    made.add(depth, leg.operation.name, prepared.summary(), body)


def _ended(
    made: Rehearsal,
    decision: Discarded | DeadLettered,
    kind: str,
    depth: int,
    *,
    counted: bool = False,
) -> None:
    if isinstance(decision, DeadLettered):
        detail = f": {decision.detail}" if decision.detail else ""
        where = f" in {decision.step}" if decision.step else ""
        at = f" at {decision.place}" if decision.place else ""
        made.add(depth, "dead letter", f"{decision.reason}{where}{at}{detail}")
    else:
        made.add(depth, "discarded", decision.reason)
    if not counted:
        made.outcomes.append(
            {"kind": kind, "outcome": word_of(decision), "reason": decision.reason}
        )


def _fixed(channel: Channel, kind: str) -> Any:
    evaluate = Late({"type": "literal", "value": kind}, channel.kind.evaluate.function_of)
    return replace(channel.kind, source=f"'{kind}'", evaluate=evaluate)
