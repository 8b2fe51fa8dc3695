"""Owns: failure policies: when outcome `retry` comes again, and what happens at last.
Imports: config.components.
Never: classifies a failure (outcomes do), reads a clock, draws a random number.
"""

from __future__ import annotations

from datetime import timedelta

from router.config.components import component, knob, place_of
from router.config.shapes import DURATION, PERCENT, Choice, ListOf, Name, Nested
from router.core.diagnostics import Place


@component("retry", doc="The delays before each further attempt.")
class Retry:
    after: tuple[timedelta, ...] = knob(
        ListOf(DURATION, least=1), doc="delay before each further attempt, in order"
    )
    jitter: int = knob(PERCENT, doc="how much of a delay may be taken off, by message", default=0)
    retry_after: str = knob(
        Choice(("honour", "ignore")), doc="the far side's own wish", default="honour"
    )
    within: timedelta = knob(
        DURATION, doc="no attempt begins later than this after the first", default=timedelta(days=1)
    )


#: the kinds of policies: which file says what
KINDS = ("failure", "decision", "exception", "calendar", "window")
KIND = Choice(KINDS)


@component("failure policy", doc="When a failed message comes again and what happens at last.")
class FailurePolicy:
    policy: str = knob(KIND, doc="which kind of policy this is")
    name: str = knob(Name(), doc="its name, the same as its file")
    retry: Retry = knob(Nested(Retry), doc="the delays")
    at_last: str = knob(Choice(("dead_letter",)), doc="when attempts or time are used up")
    place: Place = place_of()
