"""Owns: what carries commands over a broker, as parts of a process: the relay, dispatchers, hands.
Imports: config, infra.store, runtime.
Never: is there where an environment names no broker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router.config.environments import EnvironmentFile
from router.config.project import Project
from router.config.topology import commands_of
from router.core.ports import Secrets
from router.infra.store.store import Store
from router.runtime.exchange import Exchange
from router.runtime.tidings import Tidings
from router.runtime.worker import Worker

if TYPE_CHECKING:
    from router.runtime.carrier import Carrier
    from router.runtime.dispatch import Dispatcher
    from router.runtime.relay import Relay

Recall = Callable[[str], Project | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage:
    """Commands over a broker: every process that has hands takes those of every system."""

    relay: Relay
    carrier: Carrier
    tidings: Tidings
    slots: int
    recall: Recall = field(repr=False)

    def dispatcher(self, store: Store, exchange: Exchange, system: str) -> Dispatcher:
        """Return what gives out the commands of a system that this process leads."""
        from router.runtime.dispatch import Dispatcher  # noqa: PLC0415

        return Dispatcher((store, exchange, self.relay), system, self.slots, self.recall)

    def has(self, system: str) -> bool:
        """Return whether a system's commands go over the broker; what is not declared does not."""
        return system in self.relay.systems

    @property
    def trouble(self) -> str:
        """Return what keeps commands from coming, in words; empty = nothing does."""
        return self.relay.trouble

    def step(self) -> int:
        """Take what has come, or wait for it. Raises Unavailable, once, for what keeps it."""
        try:
            return self.relay.step()
        finally:
            self.tidings.tell(self.relay.trouble)

    def ring(self) -> None:
        """Let a step that waits return."""
        self.relay.ring()

    def close(self, seconds: float) -> None:
        """Take nothing more, and wait so long for what is in hand."""
        self.carrier.close(seconds)


def carriage_of(
    project: Project,
    environment: EnvironmentFile,
    secrets: Secrets,
    parts: tuple[Store, Exchange, Recall],
    who: tuple[str, Callable[[str], None]],
) -> Carriage:
    """Return what carries the commands of a project; nothing is connected to as yet.

    `who` is this process, and what it complains to. Raises Unavailable for an address that is none.
    """
    from router.runtime.carrier import Carrier  # noqa: PLC0415 (a library that few need)
    from router.runtime.relay import Relay  # noqa: PLC0415

    store, exchange, recall = parts
    name, complain = who
    slots = environment.workers
    address = secrets.get(environment.broker)
    relay = Relay(address, name, commands_of(project), slots, complain)
    carrier = Carrier((store.plain, exchange, relay), slots, recall, complain)
    tidings = Tidings(store.plain, exchange.clock, name)
    return Carriage(relay=relay, carrier=carrier, tidings=tidings, slots=slots, recall=recall)


def workers_of(
    systems: Iterable[str],
    carriage: Carriage | None,
    parts: tuple[Store, Exchange, Recall],
    slots: int,
) -> Iterator[Worker]:
    """Yield what gives out the commands of systems: to hands over a broker, or to its own."""
    store, exchange, recall = parts
    for one in systems:
        if carriage is not None and carriage.has(one):
            yield carriage.dispatcher(store, exchange, one)
        else:
            yield Worker(store, exchange, one, slots, recall)
