"""Owns: claims: what a message says it is, and what was said before it.
Imports: core.value.
Never: judges (engine.identity does).
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from router.core.value import value


class Held(StrEnum):
    """What became of the message that holds a claim."""

    #: handled, being handled, or waiting for its next attempt
    LIVE = "live"
    #: it had no effect and waits for a person
    DEAD = "dead"


@value(frozen=True, slots=True, kw_only=True)
class Claim:
    """One identity that a message claims.

    `version` orders states of one object: an integer, compared as such. `compare` is a digest of
    what makes a repeat a conflict.
    """

    key: bytes
    words: tuple[str, ...]
    compare: bytes
    version: int | None = None
    keep: timedelta | None = None


class Kept(NamedTuple):
    """What is recorded of a claim: by which message it is held, how; `body` as in `Holding`."""

    claim: Claim
    holder: str
    state: Held
    body: bytes = b""


@value(frozen=True, slots=True, kw_only=True)
class Holding:
    """A claim as it was recorded; `body` is a digest of the whole record, of a dead one only."""

    key: bytes
    message_id: str
    state: Held
    compare: bytes
    body: bytes
    version: int | None
