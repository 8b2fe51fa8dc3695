"""Owns: the message translator: the payload by a transform.
Imports: config.steps, engine.token.
Never: validates (the border does).
"""

from __future__ import annotations

from dataclasses import replace

from router.config.steps import Apply
from router.engine.token import Context, Emit, Token


def apply(step: Apply, token: Token, _context: Context) -> Emit:
    """Give the token with the transform's result as payload."""
    payload = step.transform(token.scope)
    scope = {**token.scope, "payload": payload}
    return Emit(tokens=(replace(token, scope=scope, contract=step.transform.to.ref),))
