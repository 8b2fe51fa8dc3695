"""Owns: a workflow as Mermaid: its steps, what each needs, where there is no way back.
Imports: config.workflow.
Never: draws what an instance did.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.config.workflow.steps import Step
from router.config.workflow.workflow import Workflow


def drawn(workflow: Workflow) -> str:
    """Return the steps of a workflow and what they need, from the first to the last."""
    lines = ["flowchart TD"]
    lines += [f"  s_{name}{_node(name, step)}" for name, step in workflow.steps.items()]
    lines += _edges(workflow)
    pivots = [name for name, step in workflow.steps.items() if step.pivot]
    if pivots:
        lines += [
            "  classDef pivot stroke-width:4px",
            f"  class {','.join(f's_{one}' for one in pivots)} pivot",
        ]
    return "\n".join(lines)


def _node(name: str, step: Step) -> str:
    """Return the shape of a step: a person decides, it waits, it acts."""
    said = f"{name}<br/>{effect_of(step)}" + (f"<br/>each of {step.each}" if step.each else "")
    if step.decide is not None or step.ask is not None:
        return '{{"' + said + '"}}'
    return f'(["{said}"])' if step.awaits is not None else f'["{said}"]'


def effect_of(step: Step) -> str:
    """Return what a step does, in words."""
    if step.sendings:
        return " or ".join(one.operation.name for one in step.sendings)
    if step.compute is not None:
        return step.compute.transform.name
    return "waits" if step.awaits is not None else "decides"


def _edges(workflow: Workflow) -> Iterator[str]:
    """Yield the arrows between steps; a dashed one wants the other settled in any way."""
    for name, step in workflow.steps.items():
        for need in step.needs:
            arrow = "-.->" if need.settled else "-->"
            yield f"  s_{need.step} {arrow} s_{name}"
