"""Owns: what a daemon's work consists of: units, each with one leader, and the roles they are of.
Imports: config.
Never: knows who leads what (runtime.leadership does).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.config.environments import EnvironmentFile
from router.config.filesources import FileSource
from router.config.polls import PollSource
from router.config.project import Project
from router.config.queues import AmqpSource
from router.config.schedules import ScheduleSource

#: takes what channels send: HTTP in every process, each other source in one
INGRESS = "ingress"
#: decides: routes and flows, turns of workflows
ROUTER = "router"
#: calls systems
WORKER = "worker"
#: lets come what has a time, and carries out what operators ask
SCHEDULER = "scheduler"
ROLES = (INGRESS, ROUTER, WORKER, SCHEDULER)

LOOP = "loop"
#: turns of workflows
TURNS = "turns"
#: due rows
DUE = "due"
OPERATOR = "operator"
FEED = "feed"


def source_unit(channel: str) -> str:
    """Return the unit of a channel's source."""
    return f"in.{channel}"


def system_unit(system: str) -> str:
    """Return the unit of a system's commands: its lane."""
    return f"sys.{system}"


def units_of(
    project: Project, environment: EnvironmentFile, systems: Iterable[str]
) -> dict[str, str]:
    """Return the units of a project in an environment, each with its role; `systems` are those that
    may have commands.
    """
    units = {LOOP: ROUTER, TURNS: ROUTER, DUE: SCHEDULER, OPERATOR: SCHEDULER, FEED: SCHEDULER}
    units.update({system_unit(name): WORKER for name in sorted(systems)})
    for channel in project.channels.values():
        led = FileSource | PollSource | AmqpSource | ScheduleSource
        if isinstance(channel.source, led) and environment.has(channel.name):
            units[source_unit(channel.name)] = INGRESS
    return units


def by_role(units: Mapping[str, str], roles: Iterable[str]) -> dict[str, list[str]]:
    """Return the units of each of some roles, in the order in which they are taken."""
    return {role: [unit for unit, of in units.items() if of == role] for role in roles}
