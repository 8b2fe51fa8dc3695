"""Owns: how far a poll of one channel has come.
Imports: core.document.
Never: decides where it goes (engine.polling does).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from router.core.document import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a channel's poll stands. A round is all pages from one position of the cursor."""

    channel: str
    #: grows with each change; who changes it names the one that it has seen
    version: int = 0
    #: where the next round begins, null before the first
    cursor: Json = None
    #: the furthest position that a page of this round has told
    reached: Json = None
    #: what the last page of this round gave to ask for the one after it
    next: Json = None
    #: pages and records of this round that are taken; page 0 = between two rounds
    page: int = 0
    taken: int = 0
    #: when this round, or the last one, began
    began: datetime | None = None
    #: when the last page was taken
    asked_at: datetime | None = None
    #: digests of the last page's bytes, and of what it was asked by
    digest: str = ""
    asked: str = ""
    #: since the last page that was taken
    failures: int = 0
    trouble: str = ""
    trouble_since: datetime | None = None
    retry_at: datetime | None = None
