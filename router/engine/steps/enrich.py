"""Owns: the content enricher: an answer as a further root, or the call that is needed for it.
Imports: config.steps, engine.token.
Never: makes the call (runtime does).
"""

from __future__ import annotations

from collections.abc import Mapping

from router.config.steps import Enrich
from router.core.decision import Call
from router.core.document import Json, type_name
from router.core.errors import TransformError
from router.core.message import digest_of
from router.engine.token import Context, Emit, Token


def enrich(step: Enrich, token: Token, context: Context) -> Emit:
    """Give the token with the answer in reach, or the call when there is no answer yet."""
    arguments = {name: value(token.scope) for name, value in step.arguments.items()}
    for name, value in arguments.items():
        if value is None or isinstance(value, dict | list):
            raise TransformError(
                f"enrich: {step.call.name} argument {name} is {type_name(value)}", place=step.place
            )
    key = call_key(step.call.name, arguments)
    if key in context.answers:
        return Emit(tokens=(token.with_roots({step.name: context.answers[key]}),))
    call = Call(operation=step.call.name, arguments=arguments, key=key, cache=step.cache)
    return Emit(calls=(call,))


def call_key(operation: str, arguments: Mapping[str, Json]) -> str:
    """Return what identifies an answer: the operation with its arguments."""
    parts = (f"{name}={type_name(value)}:{value}" for name, value in sorted(arguments.items()))
    return digest_of(operation, *parts)
