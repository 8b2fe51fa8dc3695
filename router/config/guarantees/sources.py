"""Owns: what a channel's source takes from the guarantee of its routes.
Imports: config.channels and its sources, config.guarantees.guarantee.
Never: says what a sender does: one that is not told "taken" sends again, or keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.config.channels import Channel
from router.config.guarantees.guarantee import Weakness
from router.config.polls import PollSource
from router.config.schedules import ScheduleSource


def weak_source(channel: Channel) -> Iterator[Weakness]:
    """Yield what weakens every route of a channel, because of how its messages come in.

    What is posted, lies in a folder or in a queue is on disk before its sender hears of it.
    """
    match channel.source:
        case PollSource() as poll:
            yield from _poll(poll)
        case ScheduleSource(missed=missed, place=place) if missed != "all":
            what = "all but the last are" if missed == "last" else "they are"
            yield Weakness(
                aspect="loss",
                word="possible",
                place=place,
                why=f"of ticks that come while nothing runs {what} left out",
                write="missed: all",
            )


def _poll(source: PollSource) -> Iterator[Weakness]:
    cursor = source.cursor
    if cursor is not None and cursor.kind == "time" and not cursor.lookback:
        yield Weakness(
            aspect="loss",
            word="possible",
            place=cursor.place,
            why="what appears later than its own time lies behind the cursor and is never read",
            write="lookback: 10m, or as long as it may take to appear",
        )
    if not source.sorted:
        yield Weakness(
            aspect="order",
            word="none",
            place=source.place,
            why="the pages of a round come in no order that is told",
            write="sorted: true, where the system gives them in the order of the cursor",
        )
