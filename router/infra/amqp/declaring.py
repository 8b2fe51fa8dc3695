"""Owns: making an exchange and queues that are to be there, over a link.
Imports: py-amqp, infra.amqp.link.
Never: changes what is there otherwise than wanted: that is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from amqp.exceptions import AccessRefused

from router.infra.amqp.link import Link, told


class Wanted(Protocol):
    """A durable queue, bound to an exchange by a key."""

    @property
    def name(self) -> str: ...  # noqa: D102 (its names say it)
    @property
    def exchange(self) -> str: ...  # noqa: D102
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def arguments(self) -> Mapping[str, Any]: ...  # noqa: D102


def declare(link: Link, queues: Sequence[Wanted]) -> list[str]:
    """Make queues and their exchanges where they are missing; return what is there otherwise.

    Who may not make anything uses what others have made. Raises Broken.
    """
    complaints = []
    for name in sorted({one.exchange for one in queues}):
        refused = link.refuses(partial(_exchange, name=name))
        if refused is not None and not isinstance(refused, AccessRefused):
            complaints.append(f"exchange {name}: {told(refused)}")
    for one in queues:
        refused = link.refuses(partial(_queue, wanted=one))
        if refused is not None and not isinstance(refused, AccessRefused):
            why = f"queue {one.name} is another one than router topology says: {told(refused)}"
            complaints.append(why)
    return complaints


def declare_own(link: Link, name: str, exchange: str, key: str) -> None:
    """Make a queue that is this connection's alone, and goes with it. Raises Broken."""

    def act() -> None:
        link.channel.queue_declare(name, durable=False, exclusive=True, auto_delete=True)
        link.channel.queue_bind(name, exchange, key)

    link.do(act)


def take_away(channel: Any, name: str) -> None:
    """Take a queue away, with all that lies in it."""
    channel.queue_delete(name)


def _exchange(channel: Any, name: str) -> None:
    channel.exchange_declare(name, "direct", durable=True, auto_delete=False)


def _queue(channel: Any, wanted: Wanted) -> None:
    channel.queue_declare(
        wanted.name, durable=True, auto_delete=False, arguments=dict(wanted.arguments)
    )
    channel.queue_bind(wanted.name, wanted.exchange, wanted.key)
