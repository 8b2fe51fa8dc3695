"""Owns: sources that ask a system: by which operation, how often, the pages, the cursor.
Imports: config.components, config.formats, config.references, config.steps.
Never: asks (runtime does), says where the system is (the environment does).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from router.config.components import Context, component, knob, place_of
from router.config.formats import (
    FORMAT,
    MANY,
    MANY_SAYS,
    ForeignSource,
)
from router.config.references import EXPRESSION, OPERATION, VALUE, Value
from router.config.shapes import DURATION, SIZE, Choice, Flag, Integer, MapOf, Nested, Text
from router.config.stepchecks import check_call
from router.config.systems import Operation
from router.config.transforms.expressions import Expression
from router.core.diagnostics import Place
from router.core.instants import InstantError, from_text

#: roots of `with:`: what a page is asked by
ASK_ROOTS = frozenset({"cursor", "reached", "next", "page", "taken", "began", "env"})
#: roots of `next:` and of the cursor: what a page said
PAGE_ROOTS = frozenset({"body", "headers", "page", "began", "env"})
#: roots of `with:` that differ from page to page
_MOVING = ASK_ROOTS - {"cursor", "began", "env"}


@component("cursor", doc="How far a channel has come; it never goes back by itself.")
class Cursor:
    value: Expression = knob(
        EXPRESSION, doc="the furthest position that a page tells; null tells none", roots=PAGE_ROOTS
    )
    kind: str = knob(
        Choice(("time", "number", "text")),
        doc="how positions are ordered: instants of RFC 3339, whole numbers, texts as they are",
        default="time",
    )
    first: str = knob(
        Text(), doc="where it begins; without it the first round sees a null", default=""
    )
    lookback: timedelta = knob(
        DURATION,
        doc="kind time: a round begins so much before the cursor, for what appeared late",
        default=timedelta(0),
    )
    place: Place = place_of()


@component("poll source", doc="A system is asked, again and again, page after page.")
class PollSource(ForeignSource):
    call: Operation = knob(OPERATION, doc="a read operation: system.operation")
    arguments: Mapping[str, Value] = knob(
        MapOf(VALUE), key="with", doc="its arguments", default=dict, roots=ASK_ROOTS
    )
    every: timedelta = knob(DURATION, doc="from the beginning of a round to that of the next")
    next: Expression | None = knob(
        EXPRESSION,
        doc="what the following page is asked by; null, false or empty when there is none",
        default=None,
        roots=PAGE_ROOTS,
    )
    pages: int = knob(
        Integer(1, 100_000), doc="after so many pages of a round it rests for `every`", default=1000
    )
    cursor: Cursor | None = knob(Nested(Cursor), doc="how far it has come", default=None)
    sorted: bool = knob(
        Flag(),
        doc="pages come in the order of the cursor: a round that breaks goes on where it was",
        default=False,
    )
    format: str = knob(FORMAT, doc="how a page is written", default="json")
    body_limit: int = knob(SIZE, doc="larger pages are not taken", default=16 * 1024 * 1024)
    records_limit: int = knob(MANY, doc=MANY_SAYS, default=100_000)


def check_poll(source: PollSource, context: Context) -> None:
    """Report what must not be between the keys of a source."""
    check_call((source.call, source.arguments), "poll", source.place, context)
    reads: frozenset[str] = frozenset().union(
        *(one.reads for one in source.arguments.values() if isinstance(one, Expression))
    )
    if source.cursor is None and reads & {"cursor", "reached"}:
        _wrong(source, context, "with: reads the cursor, and there is none")
    if source.cursor is not None and not reads & {"cursor", "reached"}:
        _wrong(source, context, "with: does not read the cursor: every round asks for everything")
    if source.next is not None and not reads & _MOVING:
        context.report.error(
            "E127",
            source.next.place,
            "next: leads to further pages, and each would be asked for like the first",
            "with: {token: =next}, or page: =page",
        )
    if source.cursor is not None:
        _check_cursor(source.cursor, context)


def _wrong(source: PollSource, context: Context, message: str) -> None:
    hint = 'with: {since: =cursor} goes with cursor: {value: "=max(body.items[].changed_at)"}'
    context.report.error("E126", source.place, message, hint)


def _check_cursor(cursor: Cursor, context: Context) -> None:
    if cursor.lookback and cursor.kind != "time":
        context.report.error(
            "E125",
            cursor.place,
            f"lookback: is a span of time, and the cursor's kind is {cursor.kind}",
            "leave lookback: out",
        )
    complaint = complaint_of(cursor, cursor.first) if cursor.first else ""
    if complaint:
        context.report.error(
            "E125", cursor.place, f"first: {complaint}", "first: what value: gives"
        )


def complaint_of(cursor: Cursor, text: str) -> str:
    """Return why a text is no position of a cursor, or an empty text."""
    if cursor.kind == "number" and not text.removeprefix("-").isdecimal():
        return f"{text} is not a whole number"
    if cursor.kind == "time":
        try:
            from_text(text)
        except InstantError:
            return f"{text} is not an instant such as 2026-01-01T00:00:00Z"
    return ""
