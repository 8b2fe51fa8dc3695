"""Owns: the steps that end a message: discard, dead letter.
Imports: config.steps, engine.token.
Never: gives a token.
"""

from __future__ import annotations

from router.config.steps import DeadLetter, Discard
from router.core.decision import DeadLettered, Discarded
from router.engine.token import Context, Emit, Stop, Token


def discard(step: Discard, _token: Token, _context: Context) -> Emit:
    """Stop the message for the declared reason."""
    return Emit(stops=(stop_of(step),))


def dead_letter(step: DeadLetter, _token: Token, _context: Context) -> Emit:
    """Keep the message for a person."""
    return Emit(stops=(stop_of(step),))


def stop_of(ending: Discard | DeadLetter) -> Stop:
    """Return the decision that an ending declares."""
    if isinstance(ending, Discard):
        return Discarded(reason=ending.reason)
    return DeadLettered(reason=ending.reason, step="dead_letter", place=str(ending.place))
