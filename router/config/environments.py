"""Owns: environments: the where of a landscape: store, addresses, folders, settings of adapters.
Imports: config.components, config.library, config.channels.
Never: holds a secret (only references); changes what a route does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from router.config.channels import Channel
from router.config.components import (
    INVALID,
    Context,
    component,
    decode_component,
    knob,
    place_of,
    report_wrong,
)
from router.config.references import CHANNEL
from router.config.retention import RetentionSettings, check_retention
from router.config.shapes import (
    DURATION,
    PERCENT,
    Document,
    Integer,
    ListOf,
    MapOf,
    Name,
    Nested,
    Text,
)
from router.config.source import Node, Table
from router.config.templates import TEMPLATE, Template
from router.config.verification import SECRET
from router.core.diagnostics import Place, nearest


@component("store", doc="Where messages, claims and journal are kept.")
class StoreSettings:
    sqlite: str = knob(
        Text("a path"), doc="a database file, relative to the project: no server", default=""
    )
    postgresql: str = knob(
        SECRET,
        doc="a server: the reference of its address, `postgresql://user:password@host:port/name`",
        default="",
    )
    place: Place = place_of()


@component("redis", doc="Where several processes agree about limits, breakers and answers.")
class RedisSettings:
    url: str = knob(
        SECRET, doc="the reference of its address, `rediss://user:password@host:6379/0`"
    )
    share: int = knob(
        PERCENT,
        doc="how much of each limit this process uses while Redis is away: with four processes 25%",
        default=25,
    )
    name: str = knob(
        Text("letters, digits, dashes", r"[A-Za-z0-9_-]{1,64}"),
        doc="what tells landscapes on one server apart; by default the environment",
        default="",
    )
    events: int = knob(
        Integer(0, 1_000_000),
        doc="lines of the journal kept on a stream, for who looks on, without contents; 0 = none",
        default=0,
    )
    timeout: timedelta = knob(
        DURATION,
        doc="how long an answer of it is waited for",
        default=timedelta(milliseconds=250),
    )
    place: Place = place_of()


@component("http", doc="Where the router listens for webhooks.")
class HttpSettings:
    host: str = knob(Text(), doc="the interface", default="127.0.0.1")
    port: int = knob(Integer(0, 65535), doc="the port; 0 takes a free one", default=8321)


@component("metrics", doc="Where operations ask: `/metrics`, `/healthz`, `/readyz`.")
class MetricsSettings:
    host: str = knob(Text(), doc="the interface", default="127.0.0.1")
    port: int = knob(Integer(0, 65535), doc="the port; 0 takes a free one", default=9321)


@component("channel settings", doc="Where a channel's files appear, or its broker is.")
class ChannelSettings:
    folder: str = knob(Text("a path"), doc="files: relative to the project", default="")
    archive: Template | None = knob(
        TEMPLATE,
        doc="files: where they go when they are done, {day} is the day they came on (UTC), such as"
        " 2026-11-26; by default the folder with .done",
        default=None,
        roots=frozenset({"day"}),
    )
    every: timedelta = knob(
        DURATION, doc="files: how often it is looked at", default=timedelta(seconds=1)
    )
    broker: str = knob(
        SECRET,
        doc="a queue: the reference of the address of its broker,"
        " `amqps://user:password@host:5671/vhost`",
        default="",
    )
    place: Place = place_of()

    def archive_on(self, day: str) -> str:
        """Return the folder for the files of a day, relative to the project."""
        return f"{self.folder}.done" if self.archive is None else self.archive.fill({"day": day})


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """The settings of each system's adapter, by system."""

    expects: str = "a mapping of system to its adapter's settings"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Table):
            return report_wrong(self, node, context)
        systems = context.library.systems
        made: dict[str, Any] = {}
        for entry in node.entries:
            system = systems.get(entry.key)
            if system is None and entry.key in context.library.broken:
                continue
            if system is None:
                hint = nearest(entry.key, systems)
                context.report.error("E039", entry.place, f"unknown system {entry.key}", hint)
                made[entry.key] = INVALID
                continue
            made[entry.key] = decode_component(system.adapter.Settings, entry.node, context)
        return INVALID if any(one is INVALID for one in made.values()) else made


@component("environment", doc="The where of a landscape.")
class EnvironmentFile:
    environment: str = knob(Name(), doc="its name, the same as its file")
    store: StoreSettings = knob(Nested(StoreSettings), doc="where state is kept")
    redis: RedisSettings | None = knob(
        Nested(RedisSettings),
        doc="shared limits; without it this process has all of each limit",
        default=None,
    )
    broker: str = knob(
        SECRET,
        doc="where several processes call each system: the reference of the address of a RabbitMQ"
        " that carries commands to them, `amqps://user:password@host:5671/vhost`; without it each"
        " system is called from one process",
        default="",
    )
    http: HttpSettings = knob(
        Nested(HttpSettings),
        doc="webhooks",
        default=lambda: HttpSettings(host="127.0.0.1", port=8321),
    )
    metrics: MetricsSettings | None = knob(
        Nested(MetricsSettings),
        doc="for a Prometheus server, apart from where senders come in; without it nobody can ask",
        default=None,
    )
    retention: RetentionSettings | None = knob(
        Nested(RetentionSettings),
        doc="how long what has ended is kept; without it, for ever",
        default=None,
    )
    values: Mapping[str, Any] = knob(Document(), doc="what expressions see as env", default=dict)
    systems: Mapping[str, Any] = knob(AdapterSettings(), doc="by system", default=dict)
    channels: Mapping[str, ChannelSettings] = knob(
        MapOf(Nested(ChannelSettings)), doc="by channel with a file source or a queue", default=dict
    )
    takes: tuple[Channel, ...] = knob(
        ListOf(CHANNEL, least=1),
        doc="channels that come in here, where not all of them do: the others are not to be had",
        default=(),
    )
    partitions: int = knob(
        Integer(1, 64),
        doc="on a shared broker: queues of a channel whose messages are handled in order; another"
        " number sends a key elsewhere, so drain the channel first",
        default=4,
    )
    workers: int = knob(
        Integer(1, 256),
        doc="calls at once to each system; of one that takes messages and has no limits, 128",
        default=8,
    )
    place: Place = place_of()

    def has(self, channel: str) -> bool:
        """Return whether a channel comes in here."""
        return not self.takes or any(one.name == channel for one in self.takes)


def make_environment(file: EnvironmentFile, context: Context) -> EnvironmentFile | None:
    """Return an environment, having checked it as a whole."""
    if bool(file.store.sqlite) == bool(file.store.postgresql):
        context.report.error(
            "E058", file.store.place, "store: wants exactly one place", "sqlite: or postgresql:"
        )
        return None
    redis = file.redis
    if redis is not None and not (redis.share and redis.timeout):
        context.report.error(
            "E235",
            redis.place,
            "without Redis nothing would be called, or it is waited for no time",
            "share: 25%, timeout: 250ms",
        )
    if file.retention is not None:
        check_retention(file.retention, context)
    return file
