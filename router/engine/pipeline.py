"""Owns: the pure way of a message through a route or a flow.
Imports: engine.steps, engine.token, config.
Never: does I/O, reads a clock, records; raises for a bad message (that is a decision).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from router.config.channels import Route
from router.config.flows import Flow
from router.config.steps import Step
from router.core.decision import Call, DeadLettered, Discarded, Effect, Needs, Routed
from router.core.errors import MessageError
from router.core.message import Message
from router.engine.steps import RUNNERS
from router.engine.token import Context, Emit, Stop, Token

Outcome: TypeAlias = Routed | Discarded | DeadLettered | Needs

#: the language's word for each step, for dead letters and traces
STEP_WORDS: Mapping[str, str] = {
    "Apply": "transform",
    "Choose": "choose",
    "DeadLetter": "dead_letter",
    "Discard": "discard",
    "Enrich": "enrich",
    "Filter": "filter",
    "Fork": "fork",
    "Produce": "produce",
    "Recipients": "send",
    "Signal": "signal",
    "Split": "split",
}


def run_route(route: Route, message: Message, context: Context) -> Outcome:
    """Return the decision about an inbound record, or the calls that it needs first."""
    scope = {
        "body": message.payload,
        "headers": message.headers,
        "stamp": message.stamp,
        "env": context.env,
    }
    try:
        route.accept.ensure(message.payload, "the record")
    except MessageError as error:
        return _dead(error, "accept")
    token = Token(message=message, scope=scope, contract=None)
    return _decide(route.steps, token, context)


def run_flow(flow: Flow, message: Message, context: Context) -> Outcome:
    """Return the decision of a flow about an object, or the calls that it needs first."""
    scope = {"payload": message.payload, "stamp": message.stamp, "env": context.env}
    token = Token(message=message, scope=scope, contract=message.contract)
    return _decide(flow.steps, token, context)


class _Failed(Exception):
    """A step refused the message; carries the finished decision."""

    def __init__(self, decision: DeadLettered) -> None:
        super().__init__(decision.reason)
        self.decision = decision


def _decide(steps: tuple[Step, ...], token: Token, context: Context) -> Outcome:
    try:
        emit = follow(steps, token, context)
    except _Failed as failed:
        return failed.decision
    dead = [stop for stop in emit.stops if isinstance(stop, DeadLettered)]
    if dead:
        return dead[0]
    if emit.calls:
        return Needs(calls=_each_once(emit.calls))
    notes = tuple(dict.fromkeys([stop.reason for stop in emit.stops]))
    if emit.effects:
        return Routed(effects=emit.effects, notes=notes)
    return Discarded(reason="; ".join(notes))


def follow(steps: tuple[Step, ...], token: Token, context: Context) -> Emit:
    """Run steps in order over a token and everything that it becomes."""
    tokens = [token]
    effects: list[Effect] = []
    stops: list[Stop] = []
    calls: list[Call] = []
    for step in steps:
        ahead: list[Token] = []
        for one in tokens:
            emit = _run(step, one, context)
            ahead += emit.tokens
            effects += emit.effects
            stops += emit.stops
            calls += emit.calls
        tokens = ahead
    return Emit(effects=tuple(effects), stops=tuple(stops), calls=tuple(calls))


def _run(step: Step, token: Token, context: Context) -> Emit:
    if context.entered is not None:
        context.entered(step)
    try:
        emit = RUNNERS[type(step)](step, token, context)
    except MessageError as error:
        raise _Failed(_dead(error, STEP_WORDS[type(step).__name__])) from error
    if context.observe is not None:
        context.observe(step, token, emit)
    return emit


def _dead(error: MessageError, step: str) -> DeadLettered:
    return DeadLettered(
        reason=error.code, detail=str(error), step=step, place=str(error.place or "")
    )


def _each_once(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    return tuple({call.key: call for call in calls}.values())
