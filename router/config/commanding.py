"""Owns: what must hold where a broker carries the commands of an environment.
Imports: config.environments, config.project, config.topology.
Never: asks anything of a broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.topology import commands_of
from router.core.diagnostics import Report

if TYPE_CHECKING:
    from router.config.environments import EnvironmentFile
    from router.config.project import Project


def check_commanding(project: Project, environment: EnvironmentFile, report: Report) -> None:
    """Report a broker where one process is all that there may be, and limits that several processes
    would each count for themselves.
    """
    if not environment.broker:
        return
    if environment.store.sqlite:
        report.error(
            "E244",
            environment.store.place,
            "a store in a file has one process, and broker: is for several",
            'store: {postgresql: "env:STORE"}, or take broker: away',
        )
    for name in sorted(one.key for one in commands_of(project)):
        system = project.systems[name]
        bounded = bool(system.limits) or system.breaker is not None
        if bounded and environment.redis is None and name in environment.systems:
            report.error(
                "E245",
                environment.place,
                f"several processes call {name} at once, and each would count its limits by itself",
                'redis: {url: "env:REDIS"}',
            )
