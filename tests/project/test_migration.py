"""A change of the shipped workflow while instances are anywhere: nothing is lost or sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from router.config.project import Project, load_project
from router.config.workflow.workflow import Workflow
from router.engine.workflow.migration import is_begun, migrate
from router.engine.workflow.state import canonical
from router.engine.workflow.values import HoldItem, Migrated, Send, Turn
from router.runtime.installed import installed_adapters
from router.runtime.scenarios import histories
from tests.conformance.versions import ADDED, FILE, NAME, RENAMED, ROOT, later, made_of, shipped

AT = datetime(2026, 9, 1, 9, tzinfo=UTC)
MAP = {"refund": RENAMED}


@pytest.fixture(scope="module")
def old() -> Project:
    return load_project(ROOT, installed_adapters())[0]


@pytest.fixture(scope="module")
def new() -> Workflow:
    return made_of(later(shipped())).workflows[NAME]


@pytest.fixture(scope="module")
def states(old: Project) -> list[dict[str, Any]]:
    """Every state that an instance has in any scenario, once."""
    found: dict[str, dict[str, Any]] = {}
    for _, history in histories(old, "", NAME):
        for step in history.turns:
            found[canonical(step.turn.state)] = step.turn.state
    assert len(found) > 200
    return list(found.values())


def moved(by: tuple[Workflow, Workflow], state: dict[str, Any], **told: Any) -> Turn:
    came = Migrated(source=by[0].mark, target=by[1].mark, actor="eve", reason="a test", **told)
    return migrate(by, state, came, AT)


def keys(state: dict[str, Any]) -> set[str]:
    return {
        key
        for records in state["steps"].values()
        for one in records.values()
        for key in (*one["keys"], one.get("undo_key"))
        if key
    }


def statuses(state: dict[str, Any], step: str) -> Iterator[str]:
    return (one["status"] for one in state["steps"].get(step, {}).values())


def test_every_state_is_carried_over_and_back(
    old: Project, new: Workflow, states: list[dict[str, Any]]
) -> None:
    was = old.workflows[NAME]
    seen: Counter[str] = Counter()
    for state in states:
        before = canonical(state)
        made = moved((was, new), state, map=MAP)
        assert canonical(state) == before
        if state["final"]:
            assert (made.outcome, made.why) == ("refused", "it has ended")
            continue
        assert (made.outcome, made.why) == ("applied", ""), state["label"]
        assert made.state["mark"] == new.mark
        sent = {one.key for one in made.effects if isinstance(one, Send | HoldItem)}
        assert sent & keys(state) == set()
        assert keys(made.state) == keys(state) | sent
        seen.update(statuses(state, "refund"))
        back = moved((new, was), made.state)
        if any(is_begun(one) for one in made.state["steps"].get(ADDED, {}).values()):
            assert back.outcome == "refused"
            assert f"step {ADDED}" in back.why
            seen["stays"] += 1
            continue
        assert (back.outcome, back.why) == ("applied", "")
        assert back.state["steps"] == state["steps"]
        assert back.state["label"] == state["label"]
        assert {name: one["due_at"] for name, one in back.state["timers"].items()} == {
            name: one["due_at"] for name, one in state["timers"].items()
        }
        assert {n: one["due_at"] for n, one in back.state["exceptions"].items()} == {
            n: one["due_at"] for n, one in state["exceptions"].items()
        }
        assert back.state["tasks"] == state["tasks"]
        seen["back"] += 1
    assert {"running", "failed", "done", "back", "stays"} <= set(seen), seen


def test_a_name_that_has_sent_is_no_name_for_another_step(
    old: Project, new: Workflow, states: list[dict[str, Any]]
) -> None:
    """A later version has a step `refund` again: what was sent as it keeps its keys for itself."""
    was = old.workflows[NAME]
    texts = later(shipped())
    third = made_of({**texts, FILE: texts[FILE].replace(f"  {ADDED}:\n", "  refund:\n")})
    refused = 0
    for state in states:
        begun = [one for one in state["steps"].get("refund", {}).values() if is_begun(one)]
        if not begun or state["final"]:
            continue
        direct = moved((was, third.workflows[NAME]), state, map=MAP)
        moving = moved((was, new), state, map=MAP).state
        steps = {name: one for name, one in moving["steps"].items() if name != ADDED}
        then = moved((new, third.workflows[NAME]), {**moving, "steps": steps})
        for made in (direct, then):
            assert made.outcome == "refused"
            assert "began as refund, and refund is another step now" in made.why
        refused += 1
    assert refused > 20


def test_what_was_begun_and_is_not_mapped_is_refused(
    old: Project, new: Workflow, states: list[dict[str, Any]]
) -> None:
    was = old.workflows[NAME]
    refused = 0
    for state in states:
        begun = [one for one in state["steps"].get("refund", {}).values() if is_begun(one)]
        made = moved((was, new), state)
        if state["final"]:
            continue
        if not begun:
            assert made.outcome == "applied"
            continue
        refused += 1
        assert made.outcome == "refused"
        assert "say which step it has become, as in --map refund=NEW" in made.why
        assert made.state == state
        assert made.effects == ()
    assert refused > 20
