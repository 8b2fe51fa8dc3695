"""Versions of drafts: the newest time of items orders the states of what holds them."""

from __future__ import annotations

from typing import Any

import pytest

from router.config.drafts.kinds import expression_of
from router.config.drafts.sources import scope_of
from router.config.drafts.versions import newest_of

AT, LATER = "2026-03-02T09:12:00Z", "2026-03-04T09:12:00Z"


def newest(sample: Any) -> tuple[str, bool]:
    """Return the expression that orders the states of a sample, and whether it holds always."""
    scope = scope_of([sample], "body")
    made = newest_of(scope.lists, scope)
    return made.expression, made.sure


def test_times_of_items_at_any_depth_and_those_at_the_top_are_compared() -> None:
    sample = {
        "asked_at": AT,
        "return_by": LATER,
        "lines": [{"status_at": AT, "moves": [{"at": LATER}, {"at": None}]}, {"note": "x"}],
    }
    expression, sure = newest(sample)
    assert sure
    assert expression == "max([body.lines[].status_at, body.lines[].moves[].at, [body.asked_at]][])"
    tell = expression_of(expression)
    assert tell({"body": sample, "headers": {}}) == LATER
    assert tell({"body": {**sample, "lines": []}, "headers": {}}) == AT
    assert tell({"body": {"asked_at": AT}, "headers": {}}) == AT


@pytest.mark.parametrize(
    ("sample", "known"),
    [
        ({"asked_at": AT, "lines": [{"at": "2026-03-02T09:12:00+01:00"}]}, True),
        ({"lines": [{"at": AT}]}, True),
        ({"asked_at": AT, "lines": [{"due_at": AT, "n": 1}]}, False),
        ({"asked_at": AT}, False),
    ],
)
def test_what_may_give_nothing_or_the_wrong_one_is_only_proposed(
    sample: Any, *, known: bool
) -> None:
    expression, sure = newest(sample)
    assert (bool(expression), sure) == (known, False)
