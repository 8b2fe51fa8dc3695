"""Owns: what walks through the steps, and what a step gives.
Imports: core.
Never: mutated; a step makes a new token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from router.config.steps import Step
from router.core.decision import Call, DeadLettered, Discarded, Effect
from router.core.document import Json
from router.core.message import ContractRef, Message

Stop: TypeAlias = Discarded | DeadLettered


@dataclass(slots=True, kw_only=True)
class Token:
    """A message on its way through the steps: the roots in reach and its payload's contract.

    `path` tells the parts of one decision apart: branch names and split indexes.
    """

    message: Message
    scope: Mapping[str, Json]
    contract: ContractRef | None
    path: tuple[str, ...] = ()
    #: operations that it was sent to already
    sent: tuple[str, ...] = ()

    def sent_to(self, operation: str) -> Token:
        """Return the token as one that was sent to an operation."""
        return Token(
            message=self.message,
            scope=self.scope,
            contract=self.contract,
            path=self.path,
            sent=(*self.sent, operation),
        )

    def with_roots(self, roots: Mapping[str, Json], *path: str) -> Token:
        """Return the token with more roots in reach."""
        return replace(self, scope={**self.scope, **roots}, path=(*self.path, *path))


@dataclass(slots=True, kw_only=True)
class Emit:
    """What a step gives: tokens that go on, effects, stops, calls that it needs answered."""

    tokens: tuple[Token, ...] = ()
    effects: tuple[Effect, ...] = ()
    stops: tuple[Stop, ...] = ()
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What steps may look at beside the token."""

    #: answers to calls by their key
    answers: Mapping[str, Json] = field(default_factory=dict)
    #: `object@1` -> names of subscribing flows
    subscribers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    env: Mapping[str, Json] = field(default_factory=dict)
    #: told of every step: the step, the token it got, what it gave
    observe: Callable[[Step, Token, Emit], None] | None = None
    #: told of every step before it runs
    entered: Callable[[Step], None] | None = None
    #: runs steps within a step: the pipeline's
    follow: Callable[[tuple[Step, ...], Token, Context], Emit]

    def run(self, steps: tuple[Step, ...], token: Token) -> Emit:
        """Run steps from a token."""
        return self.follow(steps, token, self)


Runner: TypeAlias = Callable[[Any, Token, Context], Emit]
