"""Owns: the pages of workflows.
Imports: config.atlas.book, config.atlas.markdown, config.workflow.
Never: says what became of an instance.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.config.atlas.book import Book
from router.config.atlas.graph import Node
from router.config.atlas.markdown import cell, code, code_cell, table
from router.config.workflow.drawing import drawn, effect_of
from router.config.workflow.steps import Step
from router.config.workflow.workflow import Workflow


def workflow_page(book: Book, name: str) -> list[str]:
    """Return the lines of a workflow's page."""
    page, workflow = f"workflows/{name}.md", book.project.workflows[name]
    lines = [f"# Workflow `{name}`", ""]
    lines += [f"Owner: {cell(workflow.file.owner)}. Version {workflow.file.version}.", ""]
    lines += book.drawing([Node("workflow", name)])
    lines += ["## Steps", "", "```mermaid", drawn(workflow), "```", ""]
    lines += table(("step", "needs", "does", "owner of its questions"), _steps(workflow))
    lines += ["## Events", ""]
    lines += table(("event", "says", "begins", "told by"), _events(book, workflow, page))
    lines += ["## How it ends", ""]
    ends = [one for one in workflow.file.states if one.final]
    return [*lines, *(f"- {code(one.name)}" for one in ends), ""]


def _steps(workflow: Workflow) -> Iterator[tuple[str, ...]]:
    for name, step in workflow.steps.items():
        needs = ", ".join(f"{one.step}?" if one.settled else one.step for one in step.needs)
        asked = step.ask.role if step.ask is not None else ""
        yield code_cell(name), cell(needs), _does(step), cell(asked)


def _does(step: Step) -> str:
    each = f", each of {step.each}" if step.each else ""
    return cell(f"{effect_of(step)}{each}")


def _events(book: Book, workflow: Workflow, page: str) -> Iterator[tuple[str, ...]]:
    for name, event in workflow.file.events.items():
        told = [
            book.to(edge.source.kind, edge.source.name, page)
            for edge in book.graph.edges
            if edge.verb == "signals"
            and edge.target == Node("workflow", workflow.name)
            and name in edge.words
        ]
        begins = {"open": "an instance", "shell": "one that waits"}.get(event.starts, "")
        says = book.to("contract", str(event.contract.ref), page)
        yield code_cell(name), says, begins, ", ".join(told) or "nobody"
