"""Owns: the message translator: the payload by a transform.
Imports: config.steps, engine.token.
Never: validates (the border does).
"""

from __future__ import annotations

from router.config.steps import Apply
from router.engine.token import Context, Emit, Token


def apply(step: Apply, token: Token, _context: Context) -> Emit:
    """Give the token with the transform's result as payload."""
    payload, contract = step.transform(token.scope), step.transform.to
    assert contract is not None, "a step gives a document"
    changed = Token(
        message=token.message,
        scope={**token.scope, "payload": payload},
        contract=contract.ref,
        path=token.path,
        sent=token.sent,
    )
    return Emit(tokens=(changed,))
