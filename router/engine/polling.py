"""Owns: how far a poll is after a page, after a trouble, and when it asks again.
Imports: core, config.polls, config.policies, engine.retry.
Never: asks, stores, reads a clock.

A round asks for all that is new since the cursor. Its pages may come in any order, so the cursor
stands still until the last of them is taken; `next` and `reached` lead from page to page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from router.config.policies import FailurePolicy
from router.config.polls import Cursor, PollSource
from router.core.document import Json, type_name
from router.core.errors import TransformError
from router.core.instants import InstantError, from_text, to_text
from router.core.progress import Progress
from router.engine.retry import Failure, share

#: failures in succession after which a round begins anew: what it was to go on with may be gone
PATIENCE = 5
#: the reason of a failure that repeating the same request cannot mend
REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page said; `records` counts them, the digests are of its bytes and its request."""

    body: Json
    headers: Mapping[str, str]
    records: int
    digest: str
    asked: str


def due_at(source: PollSource, progress: Progress) -> datetime | None:
    """Return when to ask again; None = at once."""
    if progress.failures:
        return progress.retry_at
    if progress.page:
        rests = progress.page % source.pages == 0 and progress.asked_at is not None
        return progress.asked_at + source.every if rests and progress.asked_at else None
    return progress.began + source.every if progress.began is not None else None


def begun(source: PollSource, progress: Progress, now: datetime) -> Progress:
    """Return where a page is asked from: between two rounds a new one begins."""
    if progress.page:
        return progress
    cursor = progress.cursor
    if cursor is None and source.cursor is not None and source.cursor.first:
        first = source.cursor.first
        cursor = position(source.cursor, int(first) if source.cursor.kind == "number" else first)
    return replace(progress, cursor=cursor, began=now)


def arguments_of(
    source: PollSource, progress: Progress, env: Mapping[str, Json]
) -> dict[str, Json]:
    """Return what the next page is asked by. Raises MessageError."""
    scope: dict[str, Json] = {
        "cursor": _looking_back(source.cursor, progress.cursor),
        "reached": progress.reached,
        "next": progress.next,
        "page": progress.page + 1,
        "taken": progress.taken,
        "began": _began(progress),
        "env": dict(env),
    }
    return {name: value(scope) for name, value in source.arguments.items()}


def after_page(
    source: PollSource, progress: Progress, page: Page, env: Mapping[str, Json], now: datetime
) -> Progress:
    """Return the progress when a page is taken. Raises MessageError: it cannot be gone on from."""
    scope: dict[str, Json] = {
        "body": page.body,
        "headers": dict(page.headers),
        "page": progress.page + 1,
        "began": _began(progress),
        "env": dict(env),
    }
    reached = progress.reached
    if source.cursor is not None:
        reached = _further(source.cursor, reached, source.cursor.value(scope))
    taken = replace(
        _healed(progress),
        reached=reached,
        page=progress.page + 1,
        taken=progress.taken + page.records,
        asked_at=now,
        digest=page.digest,
        asked=page.asked,
    )
    following = _following(source, scope)
    return (
        _closed(source, taken, whole=True) if following is None else replace(taken, next=following)
    )


def after_trouble(
    progress: Progress, policy: FailurePolicy, source: PollSource, why: Failure, now: datetime
) -> Progress:
    """Return the progress when a page could not be taken: it is asked for again, later and later.

    A round of which nothing can be had any more begins anew; records that it has taken are known
    by their identity.
    """
    failures = progress.failures + 1
    nominal = policy.retry.after[min(failures, len(policy.retry.after)) - 1]
    wait = nominal - nominal * policy.retry.jitter / 100 * share(f"{progress.channel}/{failures}")
    if why.after is not None and policy.retry.retry_after == "honour":
        wait = max(wait, why.after)
    if progress.page and (why.reason == REFUSED or failures % PATIENCE == 0):
        progress = _closed(source, progress, whole=False)
    return replace(
        progress,
        failures=failures,
        trouble=why.detail,
        trouble_since=progress.trouble_since or now,
        retry_at=now + wait,
    )


def put_at(progress: Progress, cursor: Json) -> Progress:
    """Return the progress when a person puts the cursor somewhere: a new round begins there."""
    return replace(
        _closed(None, _healed(progress), whole=False), cursor=cursor, began=None, digest=""
    )


def position(cursor: Cursor, value: Json) -> Json:
    """Return a position as it is kept. Raises TransformError for what is none."""
    if cursor.kind == "number" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if cursor.kind == "text" and isinstance(value, str):
        return value
    if cursor.kind == "time" and isinstance(value, str):
        try:
            return to_text(from_text(value))
        except InstantError as error:
            raise TransformError(f"the cursor is no instant: {error}") from error
    raise TransformError(f"the cursor is {type_name(value)}, and of kind {cursor.kind}")


def _further(cursor: Cursor, one: Json, value: Json) -> Json:
    """Return the further of two positions, of which each may be null."""
    if value is None:
        return one
    other = position(cursor, value)
    return other if one is None or _rank(cursor, other) > _rank(cursor, one) else one


def _rank(cursor: Cursor, value: Json) -> Json:
    return from_text(value) if cursor.kind == "time" else value


def _closed(source: PollSource | None, progress: Progress, *, whole: bool) -> Progress:
    """Return the progress between two rounds. The cursor moves where what is before it was taken.

    An instant beyond the beginning of the round does not count: what changes until then comes
    before it.
    """
    cursor, at = progress.cursor, progress.reached
    if source is not None and source.cursor is not None and (whole or source.sorted):
        began = _began(progress)
        if at is not None and source.cursor.kind == "time" and began is not None:
            at = min(at, began, key=from_text)
        cursor = _further(source.cursor, cursor, at)
    return replace(progress, cursor=cursor, reached=None, next=None, page=0, taken=0, asked="")


def _healed(progress: Progress) -> Progress:
    return replace(progress, failures=0, trouble="", trouble_since=None, retry_at=None)


def _following(source: PollSource, scope: Mapping[str, Json]) -> Json:
    """Return what the following page is asked by, None when there is none."""
    if source.next is None or not source.next.holds(scope):
        return None
    found = source.next(scope)
    if isinstance(found, str | int):
        return found
    raise TransformError(
        f"next: is {type_name(found)}, a text, a whole number or true is wanted",
        place=source.next.place,
    )


def _looking_back(cursor: Cursor | None, value: Json) -> Json:
    if cursor is None or value is None or not cursor.lookback:
        return value
    return to_text(from_text(value) - cursor.lookback)


def _began(progress: Progress) -> str | None:
    return to_text(progress.began) if progress.began is not None else None
