"""Owns: the channels that come in here, by the kind of their source.
Imports: config, runtime.units.
Never: opens a source (runtime.wiring does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from router.config.channels import Channel, HttpSource
from router.config.environments import ChannelSettings, EnvironmentFile
from router.config.project import Project
from router.runtime.units import source_unit

S = TypeVar("S")
#: says whether this process leads a unit
Leads: TypeAlias = Callable[[str], bool]


def channel_by_path(project: Project, environment: EnvironmentFile) -> dict[str, Channel]:
    """Return the channels with a webhook that come in here, by their path."""
    return {source.path: channel for channel, source in coming(project, environment, HttpSource)}


def coming(
    project: Project, environment: EnvironmentFile, kind: type[S]
) -> Iterator[tuple[Channel, S]]:
    """Yield the channels of an environment that have one kind of source, each with it."""
    for channel in project.channels.values():
        if isinstance(channel.source, kind) and environment.has(channel.name):
            yield channel, channel.source


@dataclass(frozen=True, slots=True)
class Coming:
    """The channels of an environment whose sources this process leads."""

    project: Project
    environment: EnvironmentFile
    leads: Leads

    def led(self, kind: type[Any]) -> Iterator[Channel]:
        """Yield those that have one kind of source."""
        for channel, _ in coming(self.project, self.environment, kind):
            if self.leads(source_unit(channel.name)):
                yield channel

    def settled(self, kind: type[Any]) -> Iterator[tuple[Channel, ChannelSettings]]:
        """Yield those that have one kind of source and settings, each with these."""
        for channel in self.led(kind):
            settings = self.environment.channels.get(channel.name)
            if settings is not None:
                yield channel, settings
