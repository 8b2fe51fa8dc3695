"""Owns: flows: what happens to a canonical object.
Imports: config.components, config.steps.
Never: knows a channel or who produced the object.
"""

from __future__ import annotations

from dataclasses import dataclass

from router.config.components import INVALID, Context, component, knob, place_of
from router.config.policies import FailurePolicy
from router.config.references import CONTRACT, POLICY
from router.config.shapes import Name, Nested, Text
from router.config.source import Node
from router.config.steps import STEPS, Step
from router.config.validation import Contract
from router.core.diagnostics import Place

FLOW_ROOTS = frozenset({"payload", "stamp", "env"})


@component("subscription", doc="Which canonical object a flow wants.")
class Subscription:
    object: Contract = knob(CONTRACT, doc="the object's contract")


@dataclass(frozen=True, slots=True)
class FlowSteps:
    """Steps that begin with the subscribed object as payload."""

    expects: str = "a list of steps"

    def decode(self, node: Node, context: Context) -> object:
        source = context.around.get("source")
        contract = source.object if isinstance(source, Subscription) else INVALID
        return STEPS.decode(node, context.within(payload=contract))


@component("flow", doc="What happens to a canonical object: commands to systems, other objects.")
class FlowFile:
    flow: str = knob(Name(), doc="its name, the same as its file")
    owner: str = knob(Text(), doc="who answers for it")
    source: Subscription = knob(Nested(Subscription), key="from", doc="what it subscribes to")
    steps: tuple[Step, ...] = knob(FlowSteps(), doc="what to do", roots=FLOW_ROOTS)
    on_failure: FailurePolicy = knob(POLICY, doc="when enrich fails")
    place: Place = place_of()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A flow ready to run. `name` is `flow:name`."""

    name: str
    accept: Contract
    steps: tuple[Step, ...]
    policy: FailurePolicy
    place: Place


def make_flow(file: FlowFile, _context: Context) -> Flow:
    """Return the flow of a decoded file."""
    return Flow(
        name=f"flow:{file.flow}",
        accept=file.source.object,
        steps=file.steps,
        policy=file.on_failure,
        place=file.place,
    )
