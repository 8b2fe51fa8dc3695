"""Owns: which systems messages of an environment can reach.
Imports: config.channels, config.steps, config.environments.
Never: leaves out a system that a step names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from router.config.channels import Route
from router.config.environments import EnvironmentFile
from router.config.polls import PollSource
from router.config.steps import Enrich, Produce, Recipients, Signal, Step, steps_in

if TYPE_CHECKING:
    from router.config.project import Project


def systems_reached(project: Project, environment: EnvironmentFile) -> set[str]:
    """Return the systems that what comes in asks or is sent to, on any way; all without takes."""
    if not environment.takes:
        return set(project.systems)
    found = {
        one.source.call.system
        for one in project.channels.values()
        if isinstance(one.source, PollSource) and environment.has(one.name)
    }
    seen: set[str] = set()
    todo = [_steps_of(project, environment)]
    while todo:
        for step in todo.pop():
            match step:
                case Enrich(call=call):
                    found.add(call.system)
                case Recipients(targets=targets):
                    found.update(one.operation.system for one in targets)
                case Signal(workflow=workflow):
                    found.update(one.partition(".")[0] for one in workflow.operations)
                case Produce(object=contract):
                    flows = set(project.subscribers.get(contract.ref.subject, ())) - seen
                    seen |= flows
                    todo += [steps_in(project.flows[name].steps) for name in sorted(flows)]
    return found


def _steps_of(project: Project, environment: EnvironmentFile) -> Iterator[Step]:
    for channel in project.channels.values():
        if environment.has(channel.name):
            for route in channel.routes.values():
                if isinstance(route, Route):
                    yield from steps_in(route.steps)
