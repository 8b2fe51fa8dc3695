"""Owns: what an answer of a system means.
Imports: core.document.
Never: classifies (engine.outcome does).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from router.core.document import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`word` is done, accepted, refused, partial, retry or unknown; of a look-up it may be missing.

    partial: a part was taken, the rest was refused. `detail` says why, without a payload.
    """

    word: str
    detail: str = ""
    #: the refusal's code
    code: str = ""
    #: partial: the names of what was not taken, as far as they are told
    left: Sequence[str] = ()
    #: the far side's name for the effect
    reference: str = ""
    #: the document that a read gave
    result: Json = None
    #: the far side's wish for the next try
    after: timedelta | None = None
    #: how old the answer is, where somebody else asked for it
    age: timedelta = timedelta(0)
    #: it was not asked: a limit of ours, or a breaker, held it
    held: bool = False


def status_text(status: int) -> str:
    """Return a status of HTTP as people read it."""
    followed = ", a redirect: not followed" if 300 <= status < 400 else ""
    return f"status {status}{followed}"
