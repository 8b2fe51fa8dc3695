"""Exploring finds what may never be, waits without an end, and orders that matter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.config.files import read_texts
from router.config.project import load_project, load_texts
from router.core.diagnostics import Report
from router.engine.workflow.explore import Explored, explore
from router.runtime.installed import installed_adapters

ROOT = Path(__file__).parents[3]
BASE = ROOT / "tests" / "rules" / "base"
#: asks of both pivots, and not what matters
NOT_ASKED = "(any_with('close', 'failed') || any_with('file', 'refused'))"
FILE = "routes/workflows/note.yaml"
UNIVERSE = """
workflow: note
begins: "2026-03-02T09:00:00Z"
documents:
  short: {id: universe, text: hello, lines: [{name: a}]}
  sized: {id: universe, text: hello, lines: [{name: a, size: L}]}
scenarios:
  - {name: nothing, when: [{event: note.torn, say: short}], then: {instances: 0}}
universes:
  - name: a note
    confluent: true
    answers: {archive.put: [done, {refused: full}, {refused: broken}, lost]}
    events: [{event: note.written, say: short}, {event: note.written, say: sized}]
  - name: a note that may be torn
    events: [{event: note.written, say: sized}, {event: note.torn, say: short}]
"""
#: a fault: what stands in the workflow, what stands there instead, what must find it
Fault = tuple[str, str, str]
FAULTS: dict[str, Fault] = {
    "a need that names nothing": ("needs: [file, check?]", "needs: [fil, check?]", "E601"),
    "a circle": ("    needs: [accept]\n    send", "    needs: [close]\n    send", "E602"),
    "a label that hides others": (", if: \"=is_done('file')\"}", "}", "E603"),
    "no time-out": ("  step: {timeout: {after: 26h, do: exception}}\n", "", "E604"),
    "no service level": ("sla: 1bd, ", "", "E604"),
    "nobody asked": ("role: desk, sla", "sla", "E605"),
    "nobody after": (", escalate: head_of_desk", "", "E605"),
    "nothing takes it back": (
        "    undo: {operation: archive.put, view: whole, transform: desk/task}\n", "", "E606",
    ),
    "taking back unseen": ("  undo: {timeout: {after: 4h, do: exception}}\n", "", "E607"),
    "an answer to anything": (", effect: =body.effect", "", "E609"),
    "review without a person": (
        "    ask: {role: desk, sla: 1bd, escalate: head_of_desk}\n", "", "E610",
    ),
    "a category nobody has": ("{full: refuse}", "{ful: refuse}", "E611"),
    "no end": (", final: true", "", "E612"),
    "chance": ("await: =item.size", "await: =keys(item)[0]", "E613"),
    "a list that never closes": (", closed_by: accept", "", "E614"),
    "a field that is not there": ("=body.text", "=body.txt", "E615"),
    "an abort after the pivot": (", if: \"=!any_with('close', 'running', 'done')\"", "", "E616"),
    # after `close` the instance has ended, and events do not abort what has ended
    "an abort that looks aside": ("'close', 'running', 'done'", "'close', 'failed'", "sound"),
    "an abort while it is under way": ("'close', 'running', 'done'", "'close', 'done'", "sound"),
    "what may never be": (
        "is_done('close') && !is_done('file')", "is_done('file') && !is_done('close')", "never",
    ),
    "an end that is never reached": (
        "{is: closed, if: =all_settled(), final: true}",
        "{is: closed, if: \"=all_settled() && facts.head.sealed\", final: true}",
        "silent wait",
    ),
    "a lost need": ("needs: [file, check?]", "needs: [check?]", "never"),
    # the name alone comes first, and a size that comes later is still the first
    "what was first counts": ("id: name, merge: rev", "id: name, merge: first", "sound"),
}  # fmt: skip


def explored(change: Callable[[str], str] = lambda text: text, most: int = 3000) -> list[Explored]:
    """Explore the universes of a changed workflow."""
    texts = dict(read_texts(BASE, Report()))
    texts[FILE] = change(texts[FILE])
    texts[FILE.replace(".yaml", ".test.yaml")] = UNIVERSE
    project, findings = load_texts(BASE, texts, installed_adapters())
    if findings:
        raise AssertionError(sorted({one.code for one in findings}))
    file = next(iter(project.scenarios.values()))
    return [explore(file, one, most) for one in file.universes]


def found_by(fault: Fault) -> set[str]:
    """Return what finds a fault: codes of checks, or kinds of flaws."""
    before, after, _ = fault

    def change(text: str) -> str:
        assert before in text
        return text.replace(before, after)

    try:
        return {flaw.kind for one in explored(change) for flaw in one.flaws}
    except AssertionError as error:
        return set(error.args[0]) if isinstance(error.args[0], list) else {"nothing"}


def test_a_sound_workflow_has_no_flaw_and_every_state_is_looked_at() -> None:
    for one in explored():
        assert (one.flaws, one.is_whole) == ([], True), one.universe
        assert one.nodes > 20
        assert one.moves >= one.nodes - 1


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_a_check_or_by_exploring(name: str) -> None:
    found = found_by(FAULTS[name])
    wanted = FAULTS[name][2]
    assert wanted in (found or {"sound"})


def test_a_flaw_tells_the_shortest_way_to_it() -> None:
    found = explored(lambda text: text.replace("needs: [file, check?]", "needs: [check?]"))
    flaw = next(one for one in found[0].flaws if one.kind == "never")
    assert flaw.what == "closed_unfiled"
    assert flaw.way[0] == "note.written"
    assert len(flaw.way) <= 4


def test_no_way_leads_back_past_the_point_of_no_return() -> None:
    def change(text: str) -> str:
        undo = "    undo: {operation: archive.put, view: whole, transform: desk/task}\n"
        text = text.replace(undo, "    pivot: true\n")
        return text.replace("any_with('close', 'running', 'done')", NOT_ASKED)

    flaws = [flaw for one in explored(change) for flaw in one.flaws]
    assert [flaw.what for flaw in flaws] == ["abort_after_pivot"]


def test_what_is_not_looked_at_is_told() -> None:
    assert not explored(most=10)[0].is_whole


def test_the_order_of_events_matters_where_a_workflow_lets_it() -> None:
    def change(text: str) -> str:
        return text.replace("    await: =item.size", "    when: =item.size\n    await: =item.size")

    kinds = {flaw.kind for one in explored(change) for flaw in one.flaws}
    assert kinds == {"confluence"}


@pytest.mark.parametrize(
    "name",
    [
        "a lot that is not accepted",
        "a marketplace that may pay by itself",
        "nothing is granted",
        "refused at the door",
    ],
)
def test_a_universe_of_the_landscape_has_no_flaw(landscape: Any, name: str) -> None:
    for file in landscape.scenarios.values():
        for universe in file.universes:
            if universe.name == name:
                found = explore(file, universe, 5000)
                assert (found.flaws, found.is_whole) == ([], True)
                return
    pytest.fail("no such universe")


@pytest.fixture(scope="module")
def landscape() -> Any:
    return load_project(ROOT, installed_adapters())[0]
