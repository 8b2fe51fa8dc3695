"""Owns: what a shared broker must hold for a landscape: exchanges, queues, bindings.
Imports: config.project, config.environments.
Never: speaks to a broker; knows which broker beyond the words of AMQP and of quorum queues.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router.config.channels import Channel, Route
from router.config.environments import EnvironmentFile
from router.config.queues import AmqpSource
from router.config.systems import System

if TYPE_CHECKING:
    from router.config.project import Project

#: exchanges by what is published to them; the routing key is the name of who takes it
INBOUND, OBJECTS, COMMANDS, DEAD = "in", "obj", "sys", "dead"
#: deliveries after which the broker itself lets go of a message: it keeps its place in the queue
#: until then, and who kills its process is found by the router long before
DELIVERY_LIMIT = 10_000
#: dead letters have nowhere to go on to: as good as never (the largest that every version takes)
NEVER = 2**31 - 1
_KEPT: Mapping[str, Any] = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
#: what dies goes to `dead`, and leaves its queue when it has arrived there
_MORTAL: Mapping[str, Any] = {
    "x-delivery-limit": DELIVERY_LIMIT,
    "x-dead-letter-exchange": DEAD,
    "x-dead-letter-routing-key": DEAD,
    "x-dead-letter-strategy": "at-least-once",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A durable quorum queue, bound to `exchange` by `key`. `taker` is whom it is for."""

    name: str
    exchange: str
    key: str
    taker: str
    #: one consumer at a time, the next one when it goes
    single: bool
    arguments: Mapping[str, Any]


#: where all that dies arrives
DEAD_LETTERS = Queue(
    name=DEAD,
    exchange=DEAD,
    key=DEAD,
    taker="dead letters",
    single=False,
    arguments={**_KEPT, "x-delivery-limit": NEVER},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A queue of somebody else that a channel takes from: it must be there, and is not declared.

    `broker` is the reference of its broker's address.
    """

    name: str
    taker: str
    broker: str


@dataclass(frozen=True, slots=True)
class Topology:
    """What must be declared, in the order in which it can be: exchanges, then queues.

    `foreign` is what others declare, at brokers of their own or at this one.
    """

    exchanges: tuple[str, ...]
    queues: tuple[Queue, ...]
    foreign: tuple[Foreign, ...] = ()


def topology_of(project: Project, environment: EnvironmentFile) -> Topology:
    """Return what a broker must hold where an environment's channels come in.

    A channel with `order_by` has as many queues as `partitions:` says, each with one consumer at a
    time. A system that is only asked has none: questions do not wait in queues.
    """
    taken = [one for one in project.channels.values() if environment.has(one.name)]
    queues = [queue for one in taken for queue in _inbound(one, environment.partitions)]
    queues += [_queue(OBJECTS, name.removeprefix("flow:"), name) for name in project.flows]
    queues += commands_of(project)
    foreign = tuple(_foreign(taken, environment))
    return Topology((INBOUND, OBJECTS, COMMANDS, DEAD), (*queues, DEAD_LETTERS), foreign)


def commands_of(project: Project) -> list[Queue]:
    """Return the queues of commands, one for each system that something can be sent to."""
    return [_queue(COMMANDS, one.name, f"system:{one.name}") for one in _acting(project)]


def definitions(topology: Topology, vhost: str) -> dict[str, Any]:
    """Return a topology as RabbitMQ imports it; users and permissions are not touched."""
    exchange = {"vhost": vhost, "type": "direct", "durable": True, "auto_delete": False}
    queue = {"vhost": vhost, "durable": True, "auto_delete": False}
    return {
        "vhosts": [{"name": vhost}],
        "exchanges": [
            {"name": name, **exchange, "internal": False, "arguments": {}}
            for name in topology.exchanges
        ],
        "queues": [
            {"name": one.name, **queue, "arguments": dict(one.arguments)} for one in topology.queues
        ],
        "bindings": [
            {
                "source": one.exchange,
                "vhost": vhost,
                "destination": one.name,
                "destination_type": "queue",
                "routing_key": one.key,
                "arguments": {},
            }
            for one in topology.queues
        ],
    }


def is_ordered(channel: Channel) -> bool:
    """Return whether messages of a channel are handled in order, of one route at least."""
    routes = channel.routes.values()
    return any(isinstance(one, Route) and bool(one.order_by) for one in routes)


def _foreign(channels: Iterable[Channel], environment: EnvironmentFile) -> Iterator[Foreign]:
    for one in channels:
        settings = environment.channels.get(one.name)
        if isinstance(one.source, AmqpSource) and settings is not None:
            yield Foreign(
                name=one.source.queue, taker=f"channel:{one.name}", broker=settings.broker
            )


def _inbound(channel: Channel, partitions: int) -> Iterator[Queue]:
    taker = f"channel:{channel.name}"
    if not is_ordered(channel):
        yield _queue(INBOUND, channel.name, taker)
        return
    for number in range(partitions):
        yield _queue(INBOUND, f"{channel.name}.{number}", taker, single=True)


def _acting(project: Project) -> Iterator[System]:
    """Yield the systems that something can be sent to."""
    for system in project.systems.values():
        if any(not operation.is_read for operation in system.operations.values()):
            yield system


def _queue(exchange: str, key: str, taker: str, *, single: bool = False) -> Queue:
    alone = {"x-single-active-consumer": True} if single else {}
    return Queue(
        name=f"{exchange}.{key}",
        exchange=exchange,
        key=key,
        taker=taker,
        single=single,
        arguments={**_KEPT, **_MORTAL, **alone},
    )
