"""Owns: one run of a route, a flow or an operation over a document, and what came of it.
Imports: config, core, engine, runtime.requests.
Never: calls a system; keeps anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.config.steps import Apply, Step
from router.config.transforms.transform import Transform
from router.core.decision import DeadLettered, Needs, Produced, Routed
from router.core.document import Json
from router.core.errors import MessageError
from router.core.message import Message
from router.engine.pipeline import follow
from router.engine.steps.enrich import call_key
from router.engine.token import Context, Emit, Token
from router.runtime.exercise.blame import Blame, Failure

#: rounds of asking for answers: an enrich that asks by what another one answered
MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one run gets: the document, and an answer for each operation that is asked."""

    document: Json
    answers: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of a run: it went on, it was turned away on purpose, or it failed."""

    word: str
    failure: Failure | None = None
    produced: tuple[Message, ...] = ()


@dataclass(slots=True)
class Watch:
    """Remembers what the transforms of a run gave, to tell which field of a map is wrong."""

    last: tuple[Transform, Json] | None = None

    def __call__(self, step: Step, _token: Token, emit: Emit) -> None:
        """Take note of a step."""
        if isinstance(step, Apply) and emit.tokens:
            self.last = (step.transform, emit.tokens[0].scope["payload"])


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What every run sees: environment values, subscribers; who is to blame."""

    env: Mapping[str, Json]
    subscribers: Mapping[str, tuple[str, ...]]
    blame: Blame


def tried(world: World, sample: Sample, decide: Callable[[Context], Any]) -> Trial:
    """Return what comes of a pipeline, asked again with the answers that it needs."""
    answers: dict[str, Json] = {}
    for _ in range(MOST_ROUNDS):
        watch = Watch()
        context = Context(
            answers=answers,
            subscribers=world.subscribers,
            env=world.env,
            follow=follow,
            observe=watch,
        )
        decision = decide(context)
        if not isinstance(decision, Needs):
            return _judged(world.blame, decision, watch)
        for call in decision.calls:
            if call.operation not in sample.answers:
                return Trial(word="asks")
            answers[call_key(call.operation, call.arguments)] = sample.answers[call.operation]
    return Trial(word="asks")


def _judged(blame: Blame, decision: Any, watch: Watch) -> Trial:
    if isinstance(decision, DeadLettered) and decision.step != "dead_letter":
        failure = blame.failure(decision, watch.last)
        return Trial(word="refused" if failure is None else "failed", failure=failure)
    if isinstance(decision, Routed):
        made = tuple(one.message for one in decision.effects if isinstance(one, Produced))
        return Trial(word="routed", produced=made)
    return Trial(word="turned away")


def failed_in(blame: Blame, error: MessageError, transform: Transform | None) -> Trial:
    """Return the run that an error of an operation's request ends."""
    decision = DeadLettered(
        reason=error.code, detail=str(error), step="request", place=str(error.place or "")
    )
    failure = blame.failure(decision, None, transform)
    return Trial(word="refused" if failure is None else "failed", failure=failure)
