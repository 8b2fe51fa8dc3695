"""Owns: the steps that choose a way: filter, choose (content-based router), fork.
Imports: config.steps, engine.token.
Never: lets a message vanish: what stops says why.
"""

from __future__ import annotations

from dataclasses import replace

from router.config.steps import Choose, Filter, Fork
from router.engine.steps.ending import stop_of
from router.engine.token import Context, Emit, Token


def keep_if(step: Filter, token: Token, _context: Context) -> Emit:
    """Let the token go on when the condition holds, else stop it as declared."""
    if step.condition.holds(token.scope):
        return Emit(tokens=(token,))
    return Emit(stops=(stop_of(step.otherwise),))


def choose(step: Choose, token: Token, context: Context) -> Emit:
    """Run the steps of the first case that holds, or `otherwise`."""
    for case in step.cases:
        if case.condition.holds(token.scope):
            return context.run(case.steps, token)
    return context.run(step.otherwise, token)


def fork(step: Fork, token: Token, context: Context) -> Emit:
    """Run every branch from the token as it is; all of them are one decision."""
    parts = [
        context.run(steps, replace(token, path=(*token.path, name)))
        for name, steps in step.branches.items()
    ]
    return Emit(
        effects=tuple(effect for part in parts for effect in part.effects),
        stops=tuple(stop for part in parts for stop in part.stops),
        calls=tuple(call for part in parts for call in part.calls),
    )
