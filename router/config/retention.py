"""Owns: how long an environment keeps what has ended.
Imports: config.components, config.shapes.
Never: lets what is needed go before what needs it.
"""

from __future__ import annotations

from datetime import timedelta

from router.config.components import Context, component, knob, place_of
from router.config.shapes import DURATION
from router.core.diagnostics import Place
from router.core.units import duration_text

#: what must not stay longer than what: why
_STAND_ON = (
    ("bodies", "journal", "a replay finds its record there, and what was sent of it"),
    ("journal", "claims", "a repeat of what is known no more is handled as new"),
)


@component(
    "retention",
    doc="How long what has ended is kept; what is not named is kept for ever. Nothing goes of a "
    "message that is under way, waits for a person, or that a job is to put on its way.",
)
class RetentionSettings:
    bodies: timedelta | None = knob(
        DURATION,
        doc="what senders delivered, from its coming; as long as it is there it can be replayed",
        default=None,
    )
    journal: timedelta | None = knob(
        DURATION,
        doc="what was decided, sent and answered: journal, effects, settled dead letters, jobs,"
        " commands, configurations; a trace shows it",
        default=None,
    )
    claims: timedelta | None = knob(
        DURATION,
        doc="identities without a `keep:` of their own, of records, objects and files: a repeat"
        " that comes later is new, so longer than any sender repeats",
        default=None,
    )
    place: Place = place_of()


def check_retention(kept: RetentionSettings, context: Context) -> None:
    """Report what would go before what needs it; what is not named stays for ever."""
    for name, needed, why in _STAND_ON:
        mine, theirs = getattr(kept, name), getattr(kept, needed)
        if theirs is None or (mine is not None and mine <= theirs):
            continue
        stays = "for ever" if mine is None else duration_text(mine)
        context.report.error(
            "E260",
            kept.place,
            f"{needed} goes after {duration_text(theirs)}, {name} stays {stays}: {why}",
            f"leave {needed}: out, or give {name}: {duration_text(theirs)} or less",
        )
