"""Owns: running the scenarios beside workflows, as results of tests.
Imports: config, engine.workflow, runtime.cases.
Never: needs a store, a server or the time of day.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from router.config.project import Project
from router.engine.workflow.trial import History, run_scenario
from router.runtime.cases import Result


def run_scenarios(project: Project, only: str = "", workflow: str = "") -> list[Result]:
    """Run the scenarios whose file or name holds a text, of one workflow or of all."""
    return [result for result, _ in histories(project, only, workflow)]


def histories(project: Project, only: str, workflow: str) -> Iterator[tuple[Result, History]]:
    """Yield what came of each scenario, and what happened in it."""
    for path, file in sorted(project.scenarios.items()):
        if workflow not in ("", file.workflow.name):
            continue
        for scenario in file.scenarios:
            if only and only not in path and only not in scenario.name:
                continue
            begun = time.perf_counter()
            history = run_scenario(file, scenario)
            result = Result(
                file=path,
                name=scenario.name,
                line=scenario.place.line,
                complaints=tuple(history.complaints),
                seconds=time.perf_counter() - begun,
            )
            yield result, history
