"""Owns: what must hold between files: subscribers, cycles, paths, settings for systems.
Imports: config.steps, config.channels, config.casefiles.
Never: looks inside one file (its own module has done that).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from os.path import normpath
from typing import TYPE_CHECKING

from router.config.casefiles import check_files
from router.config.channels import HttpSource, Route
from router.config.filesources import FileSource
from router.config.reach import systems_reached
from router.config.steps import Produce, Step, steps_in
from router.core.diagnostics import Report, nearest

if TYPE_CHECKING:
    from router.config.environments import EnvironmentFile
    from router.config.project import Project


def check_landscape(project: Project, broken: AbstractSet[str], report: Report) -> None:
    """Report what is wrong between the files of a project.

    `broken` names things whose own file is at fault: that they are missing is no second mistake.
    """
    if not report.has_errors:  # a flow that cannot be read would seem to be missing
        _check_subscribers(project, report)
    _check_unconsumed(project, report)
    _check_cycles(project, report)
    _check_paths(project, report)
    _check_environments(project, broken, report)
    check_files(project.cases, report)


def produced_by(steps: Iterable[Step]) -> Iterator[Produce]:
    """Yield every produce step, in branches too."""
    return (step for step in steps_in(steps) if isinstance(step, Produce))


def _producers(project: Project) -> Iterator[Produce]:
    for channel in project.channels.values():
        for route in channel.routes.values():
            if isinstance(route, Route):
                yield from produced_by(route.steps)
    for flow in project.flows.values():
        yield from produced_by(flow.steps)


def _check_subscribers(project: Project, report: Report) -> None:
    for step in _producers(project):
        subject = step.object.ref.subject
        if subject not in project.subscribers and not step.object.unconsumed:
            report.error(
                "E070",
                step.place,
                f"nobody subscribes to {subject}",
                "add a flow, or say `unconsumed: reason` in its contract.yaml",
            )


def _check_unconsumed(project: Project, report: Report) -> None:
    for contract in project.contracts.all():
        if contract.unconsumed and contract.ref.subject in project.subscribers:
            report.warn(
                "W070",
                contract.place,
                f"{contract.ref.subject} has subscribers and says unconsumed:",
                "take unconsumed: away",
            )


def _check_cycles(project: Project, report: Report) -> None:
    """Report flows whose objects come back to them."""
    after = {
        flow.name: {
            name
            for step in produced_by(flow.steps)
            for name in project.subscribers.get(step.object.ref.subject, ())
        }
        for flow in project.flows.values()
    }
    for name in sorted(after):
        reached: set[str] = set()
        todo = list(after[name])
        while todo:
            one = todo.pop()
            if one not in reached:
                reached.add(one)
                todo.extend(after.get(one, ()))
        if name in reached:
            report.error(
                "E071",
                project.flows[name].place,
                f"{name} produces what comes back to it",
                "an object must not lead to itself",
            )


def _check_paths(project: Project, report: Report) -> None:
    seen: dict[str, str] = {}
    for channel in project.channels.values():
        if isinstance(channel.source, HttpSource):
            other = seen.setdefault(channel.source.path, channel.name)
            if other != channel.name:
                report.error(
                    "E053",
                    channel.source.place,
                    f"path {channel.source.path} belongs to {other} already",
                    "choose another path",
                )


def _check_environments(project: Project, broken: AbstractSet[str], report: Report) -> None:
    for environment in project.environments.values():
        for name in sorted(systems_reached(project, environment) - set(environment.systems)):
            report.error(
                "E067",
                environment.place,
                f"no settings for system {name}",
                f"systems: {{{name}: ...}}",
            )
        for channel in project.channels.values():
            if not isinstance(channel.source, FileSource) or not environment.has(channel.name):
                continue
            if channel.name not in environment.channels:
                report.error(
                    "E068",
                    environment.place,
                    f"no folder for channel {channel.name}",
                    f"channels: {{{channel.name}: {{folder: var/in/{channel.name}}}}}",
                )
        _check_archives(environment, report)
        for name in sorted(set(environment.channels) - set(project.channels) - broken):
            place = environment.channels[name].place
            hint = nearest(name, project.channels)
            report.error("E039", place, f"unknown channel {name}", hint)


def _check_archives(environment: EnvironmentFile, report: Report) -> None:
    """No file is put away into a folder that is watched: it would come in again, and again."""
    watched = {normpath(one.folder): name for name, one in environment.channels.items()}
    for settings in environment.channels.values():
        owner = watched.get(normpath(settings.archive_on("{day}")))
        if owner is not None:
            report.error(
                "E134",
                settings.place,
                f"its files are put away where channel {owner} takes its own from",
                f'archive: "{settings.folder}.done/{{day}}"',
            )
