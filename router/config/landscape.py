"""Owns: what must hold between files: subscribers, cycles, paths, settings for systems.
Imports: config.steps, config.channels, config.casefiles, config.commanding,
config.guarantees, config.unrecorded.
Never: looks inside one file (its own module has done that).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from os.path import normpath
from typing import TYPE_CHECKING

from router.config.casefiles import check_files
from router.config.channels import Channel, HttpSource, Route
from router.config.commanding import check_commanding
from router.config.filesources import FileSource
from router.config.guarantees.declared import check_promises
from router.config.queues import AmqpSource
from router.config.reach import systems_reached
from router.config.steps import Produce, Step, steps_in
from router.config.unrecorded import check_unrecorded
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
        check_unrecorded(project, report)
        check_promises(project, report)
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
            if environment.has(channel.name):
                _check_settings(channel, environment, report)
        check_commanding(project, environment, report)
        _check_queues(project, environment, report)
        _check_archives(environment, report)
        for name in sorted(set(environment.channels) - set(project.channels) - broken):
            place = environment.channels[name].place
            hint = nearest(name, project.channels)
            report.error("E039", place, f"unknown channel {name}", hint)


def _check_settings(channel: Channel, environment: EnvironmentFile, report: Report) -> None:
    """A channel of files has a folder, one with a queue a broker, and no other has either."""
    name, settings = channel.name, environment.channels.get(channel.name)
    place = environment.place if settings is None else settings.place
    takes_files, takes_queue = (isinstance(channel.source, one) for one in (FileSource, AmqpSource))
    folder, broker = (settings.folder, settings.broker) if settings is not None else ("", "")
    for wrong, code, message, hint in (
        (
            takes_files and not folder,
            "E068",
            f"no folder for channel {name}",
            f"channels: {{{name}: {{folder: var/in/{name}}}}}",
        ),
        (
            takes_queue and not broker,
            "E241",
            f"no broker for channel {name}",
            f'channels: {{{name}: {{broker: "env:{name.upper()}_BROKER"}}}}',
        ),
        (
            bool(broker) and not takes_queue,
            "E242",
            f"a broker for channel {name}, which takes from no queue",
            "leave broker: out",
        ),
        (
            bool(folder) and takes_queue,
            "E242",
            f"a folder for channel {name}, which takes no files",
            "leave folder: out",
        ),
    ):
        if wrong:
            report.error(code, place, message, hint)


def _check_queues(project: Project, environment: EnvironmentFile, report: Report) -> None:
    """Each message of a queue goes to one who takes from it: two channels would share them."""
    seen: dict[tuple[str, str], str] = {}
    for channel in project.channels.values():
        source, settings = channel.source, environment.channels.get(channel.name)
        if not isinstance(source, AmqpSource) or not environment.has(channel.name):
            continue
        if settings is None or not settings.broker:
            continue
        other = seen.setdefault((settings.broker, source.queue), channel.name)
        if other != channel.name:
            report.error(
                "E243",
                settings.place,
                f"queue {source.queue} belongs to channel {other} already: each message goes to"
                " one of the two",
                "one channel that tells kinds, or a queue of its own",
            )


def _check_archives(environment: EnvironmentFile, report: Report) -> None:
    """No file is put away into a folder that is watched: it would come in again, and again."""
    folders = {name: one for name, one in environment.channels.items() if one.folder}
    watched = {normpath(one.folder): name for name, one in folders.items()}
    for settings in folders.values():
        owner = watched.get(normpath(settings.archive_on("{day}")))
        if owner is not None:
            report.error(
                "E134",
                settings.place,
                f"its files are put away where channel {owner} takes its own from",
                f'archive: "{settings.folder}.done/{{day}}"',
            )
