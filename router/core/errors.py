"""Owns: the tree of errors that the router raises on purpose.
Imports: nothing of the router but diagnostics.
Never: raised for an author's mistake (those are diagnostics); never shows a payload's value.

RouterError
|- ConfigError            the project cannot be used; carries its diagnostics; only before start
|- MessageError           this message is bad and stays bad: dead letter at once
|  |- DecodeError         its bytes are not what the format says
|  |- ContractViolation   it breaks a contract at a border
|  |- TransformError      an expression or a function refused its input
|  |- Unroutable          no route, no identity, no subscriber
|  |- LimitExceeded       it is larger than a declared bound
|- AdapterError           what the thrower knows about a call; the policy decides
|  |- Retryable           nothing happened at the far side; `after` when it said how long
|  |- Refused             the far side said no, with a code
|  |- Unknown             the effect may or may not exist
|- Held                   the limits or the breaker of a system let no call go as yet
|- Unavailable            store or broker are away: not the message's fault
|  |- Draining            the channel is drained: it takes nothing new
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.core.diagnostics import Diagnostic, Place


class RouterError(Exception):
    """Anything the router raises on purpose; `code` is the stable word for it in journals."""

    code = "error"


class ConfigError(RouterError):
    """The project has mistakes; `diagnostics` holds all of them."""

    code = "config"

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(f"{len(diagnostics)} mistakes in the project: run router check")
        self.diagnostics = tuple(diagnostics)


class MessageError(RouterError):
    """The message itself is at fault: repeating it cannot help.

    `place` is where in the project the refusing text stands, when there is one.
    """

    code = "bad_message"

    def __init__(self, message: str, *, place: Place | None = None, code: str = "") -> None:
        super().__init__(message)
        self.place = place
        if code:
            self.code = code


class DecodeError(MessageError):
    """The bytes are not what the declared format says."""

    code = "undecodable"


class ContractViolation(MessageError):
    """The document breaks its contract; the text names every pointer and rule, no values."""

    code = "contract_violation"


class TransformError(MessageError):
    """An expression, a function or a template refused its input."""

    code = "transform_failed"


class NullKey(TransformError):
    """A part of a key of a table is null where no row has none.

    `part` counts from 0; `read` is the path that it was read from, while that is still looked for.
    """

    part: int = 0
    read: tuple[str, ...] = ()


class Unroutable(MessageError):
    """Nothing is declared for this message, or its identity is null."""

    code = "unroutable"


class LimitExceeded(MessageError):
    """The message is larger than a declared bound."""

    code = "limit_exceeded"


class AdapterError(RouterError):
    """A call to a system failed; the subclass states what is known."""

    code = "adapter"


class Retryable(AdapterError):
    """Nothing happened at the far side; `after` is its own wish for the next try."""

    code = "retry"

    def __init__(self, message: str, *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class Refused(AdapterError):
    """The far side said no for good; `reason` is its code."""

    code = "refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Unknown(AdapterError):
    """The effect may or may not exist at the far side."""

    code = "unknown"


class Held(RouterError):
    """A call may not leave before `until`; nothing is wrong with its message.

    `alone`: only calls like it are held, others to the same system go.
    """

    code = "held"

    def __init__(self, system: str, why: str, *, until: datetime, alone: bool) -> None:
        super().__init__(f"{system} is held: {why}")
        self.why = why
        self.until = until
        self.alone = alone


class Unavailable(RouterError):
    """The store or the broker is away; stop taking and come back later."""

    code = "unavailable"


class Draining(Unavailable):
    """The channel is drained and takes nothing new; what was not taken stays with the sender."""

    code = "draining"
