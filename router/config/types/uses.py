"""Owns: what is known to hold wherever a transform is used: the conditions before it.
Imports: config.steps, config.types.
Never: takes for known what one of its uses does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from router.config.channels import Channel, Route
from router.config.flows import Flow
from router.config.steps import Apply, Choose, Filter, Fork, Split, Step
from router.config.systems import AnyOperation
from router.config.transforms.expressions import Expression
from router.config.types.facts import NONE, Facts, when_false, when_true


def facts_by_transform(
    channels: Mapping[str, Channel],
    flows: Mapping[str, Flow],
    operations: Iterable[AnyOperation],
) -> dict[str, Facts]:
    """Return what holds at every use of each transform, by its name."""
    found: dict[str, Facts] = {}
    lists = [route.steps for one in channels.values() for route in one.routes.values()
             if isinstance(route, Route)]  # fmt: skip
    for steps in (*lists, *(flow.steps for flow in flows.values())):
        for name, facts in _uses(steps, NONE):
            found[name] = found[name].either(facts) if name in found else facts
    for operation in operations:
        for call in operation.calls:
            if call.file.transform is not None:
                found[call.file.transform.name] = NONE
    return found


def _uses(steps: Iterable[Step], facts: Facts) -> Iterator[tuple[str, Facts]]:
    """Yield each use with what holds there; a new payload or item is another one."""
    for step in steps:
        match step:
            case Filter(condition=condition):
                facts = facts.plus(_true(condition))
            case Apply(transform=transform):
                yield transform.name, facts
                facts = facts.without(("payload",))
            case Split(name=name):
                facts = facts.without((name, f"{name}_index"))
            case Choose(cases=cases, otherwise=otherwise):
                for one in cases:
                    yield from _uses(one.steps, facts.plus(_true(one.condition)))
                    facts = facts.plus(when_false(one.condition.evaluate.tree))
                yield from _uses(otherwise, facts)
            case Fork(branches=branches):
                for branch in branches.values():
                    yield from _uses(branch, facts)


def _true(condition: Expression) -> Facts:
    return when_true(condition.evaluate.tree)
