"""What expressions see is kept from one look to the next, and is always what the instance is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.config.project import Project, load_project
from router.config.transforms.checks import Vocabulary
from router.config.transforms.expressions import Expression, compile_expression
from router.config.workflow.quick import hasten
from router.config.workflow.scenarios import ScenarioFile
from router.config.workflow.scope import FUNCTIONS, ROOTS, Seen, evaluate
from router.config.workflow.sights import INSTANCE, never_fails
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import Place
from router.core.errors import MessageError
from router.engine.workflow import draft, harness
from router.engine.workflow.living import Living
from router.engine.workflow.seeing import Seeing
from router.engine.workflow.state import State, begin, copied
from router.engine.workflow.trial import run_scenario
from router.engine.workflow.values import Turn
from router.runtime.installed import installed_adapters

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def landscape() -> Project:
    project, _ = load_project(ROOT, installed_adapters())
    return project


@pytest.fixture(scope="module")
def file(landscape: Project) -> ScenarioFile:
    return next(one for one in landscape.scenarios.values())


@pytest.fixture(scope="module")
def workflow(file: ScenarioFile) -> Workflow:
    return file.workflow


def written(workflow: Workflow, text: str) -> Expression:
    defined = {name: one.function for name, one in workflow.file.define.items()}
    vocabulary = Vocabulary(roots=ROOTS, tables={}, functions={**FUNCTIONS, **defined})
    found, wrong = compile_expression(text, Place("test.yaml", 1, 1), vocabulary)
    assert found is not None, wrong
    return found


class Watchful(Seeing):
    """Compares each look with one by who has never looked before."""

    looks = kept = carried = 0

    def of(self, part: object) -> Seen:
        seen = super().of(part)
        anew = Seeing(self._workflow, self._state)
        fresh = anew.of(part)
        for one in self._sights.of(part).parts:
            if one.root == "statuses":
                assert seen.statuses[one.name] == fresh.statuses[one.name]
            elif one.root == "instance":
                assert seen.roots[one.root] == fresh.roots[one.root]
            else:
                assert seen.roots[one.root][one.name] == fresh.roots[one.root][one.name]
        for name, parts in seen.inner.items():
            for key, value in seen.known.get(parts, {}).items():
                definition = self._workflow.file.define[name]
                if key[0] == name:
                    found: Any = evaluate(lambda _: definition(*key[1:]), anew.of(definition))  # noqa: B023
                    assert found == value, key
                    Watchful.kept += 1
        Watchful.looks += 1
        return seen


def test_what_is_seen_is_what_the_instance_is(
    file: ScenarioFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "Seeing", Watchful)
    for one in file.scenarios:
        assert run_scenario(file, replace(one, shuffle=False)).complaints == []
    assert Watchful.looks > 3000
    assert Watchful.kept > 1000


def test_what_is_seen_in_memory_is_what_the_instance_is(
    file: ScenarioFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives: dict[int, tuple[State, Living]] = {}

    def turn(workflow: Workflow, state: State, *more: Any) -> Turn:
        there, living = lives.pop(id(state), (state, Living(workflow)))
        assert there is state
        Watchful.carried += living.knows
        made = living.turn(state, *more)
        lives[id(made.state)] = (made.state, living)
        return made

    monkeypatch.setattr(draft, "Seeing", Watchful)
    monkeypatch.setattr(harness, "turn", turn)
    for one in file.scenarios:
        assert run_scenario(file, replace(one, shuffle=False)).complaints == []
    assert Watchful.carried > 300


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("facts.head.channel", {("facts", "head")}),
        ("is_done('refund') && steps.refund[?way]", {("statuses", "refund"), ("steps", "refund")}),
        ("decisions.authorise.timing == 'instant'", {("decisions", "authorise")}),
        ("at_once() && instance.opened", {("decisions", "authorise"), INSTANCE}),
        ("steps.nothing", set()),
    ],
)
def test_an_expression_sees_what_it_names(
    workflow: Workflow, text: str, parts: set[tuple[str, str]]
) -> None:
    seen = workflow.sights.of(written(workflow, text)).parts
    assert {(one.root, one.name) for one in seen} == parts


@pytest.mark.parametrize("text", ["steps.*.status", "status(facts.head.channel)", "all_settled()"])
def test_what_an_expression_leaves_open_it_sees_all_of(workflow: Workflow, text: str) -> None:
    seen = {one.name for one in workflow.sights.of(written(workflow, text)).parts}
    assert seen >= set(workflow.steps)


def test_a_root_that_is_a_value_stays_as_it_was(workflow: Workflow) -> None:
    state = copied(begin(workflow, "R-1"))
    seeing, steps = Seeing(workflow, state), written(workflow, "steps")
    before: Any = evaluate(steps, seeing.of(steps))
    record = {"status": "done", "way": 0, "attempt": 0, "since": "", "keys": []}
    state["steps"]["eligibility"] = {"": record}
    seeing.changed(("records", "eligibility"))
    after: Any = evaluate(steps, seeing.of(steps))
    assert list(before) == list(after) == list(workflow.steps)
    assert before["eligibility"]["status"] == "idle"
    assert after["eligibility"]["status"] == "done"


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("is_done('refund') && !(facts.lots)", True),
        ("instance.aborted == 'rejected'", True),
        ("facts.head.count > `1`", False),
        ("is_done(facts.head.channel)", False),
        ("at_once()", False),
        ("length(facts.lines) == `1`", False),
    ],
)
def test_conditions_that_cannot_fail_are_known(workflow: Workflow, text: str, sure: bool) -> None:
    assert never_fails(written(workflow, text)) is sure


@pytest.mark.parametrize(
    "text", ["facts.head.channel", "facts.none", "length(facts.none)", "sign(facts.head)"]
)
def test_a_hastened_expression_says_the_same(workflow: Workflow, text: str) -> None:
    def said(expression: Expression) -> object:
        try:
            return evaluate(expression, {"facts": {"head": {"channel": "web"}}})
        except MessageError as error:
            return type(error), str(error), error.place

    hastened = written(workflow, text)
    hasten(hastened)
    assert said(hastened) == said(written(workflow, text)) == said(hastened)
