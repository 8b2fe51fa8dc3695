"""Owns: commands on their way over a broker: from who leads a system to hands, and the words back.
Imports: core, config.topology, infra.amqp, infra.store.
Never: decides anything of a row (the store says what became of it); keeps a command that the broker
has not confirmed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Literal

from router.config.topology import COMMANDS, DEAD_LETTERS, Queue
from router.core.errors import Retryable, Unavailable
from router.core.instants import time_of, time_text
from router.infra.amqp.declaring import declare, declare_own, take_away
from router.infra.amqp.link import Link
from router.infra.amqp.parcel import Mark, Parcel
from router.infra.amqp.publisher import LATE, Letter, Publisher, Then
from router.infra.amqp.receiver import Receiver
from router.infra.store.packing import pack_row, unpack_row
from router.infra.store.rows import Queued

#: seconds that a step waits for messages; that a letter may take; between two looks at an end
LOOK, PATIENCE, TICK = 1.0, 10.0, 0.02
#: failures of the broker itself at a queue in succession, after which that is made anew
CRASHES = 3
#: words that may be on their way to who leads here
WORDS = 512
#: bytes of a row that go over the broker; a larger one is read from the store
LARGE = 256 * 1024
#: characters of a trouble that are told
_TOLD = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a hand says of a row: it has gone from the queue; it is to be read again; its call may
    not leave before `until` (`alone`: only this one, otherwise none to the system).
    """

    row: int
    word: Literal["gone", "again", "held"]
    until: datetime | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command as it came to a hand; `again`: it was in other hands before. One that is not
    `whole` is known by its names alone.
    """

    mark: Mark
    system: str
    row: Queued
    #: the key under which the word about it is waited for
    done: str
    again: bool
    whole: bool = True


class Relay:
    """Carries commands and words over connections of one process. One thread calls `step`.

    The others are for any thread. Nothing is connected before the first step.
    """

    def __init__(
        self,
        address: str,
        name: str,
        queues: Sequence[Queue],
        prefetch: int,
        complain: Callable[[str], None],
    ) -> None:
        """`name` is that of the process; of each queue `prefetch` commands are in its hands."""
        self.name = name
        self._key = f"done.{name}"
        self._queues = tuple(queues)
        self._complain = complain
        #: gets each command that has come, and each word about a row of a system
        self.take: Callable[[Order], None] = lambda _: None
        self.hear: dict[str, Callable[[Said], None]] = {}
        self._link: Link | None = None
        self._own = ""
        self._complaints = ""
        who = f"router commands {name}"
        given = {one.name: prefetch for one in self._queues}
        self._receiver = Receiver(address, who, given, self._came, self._prepare)
        self._receiver.late = LATE
        self._publisher = Publisher(address, who)
        self._lock = threading.Lock()
        #: words that are not on the broker's side as yet
        self._saying = 0
        #: the trouble that was told last
        self._told = ""

    @property
    def systems(self) -> frozenset[str]:
        """Return the systems whose commands go over the broker."""
        return frozenset(one.key for one in self._queues)

    @property
    def trouble(self) -> str:
        """Return what keeps commands from coming, in words; empty = nothing does."""
        told = self._receiver.trouble or self._publisher.trouble or self._complaints
        return told[:_TOLD]

    def send(self, row: Queued, system: str, then: Then) -> None:
        """Publish a command; `then` is told what the broker says. It leaves at `flush`.

        Raises Retryable when the relay is closed.
        """
        body = pack_row(row)
        letter = Letter(
            exchange=COMMANDS,
            key=system,
            id=str(row.id),
            body=body if len(body) <= LARGE else b"",
            headers={
                "row": str(row.id),
                "message": row.message.id,
                "consumer": row.consumer,
                "done": self._key,
            },
        )
        self._publisher.post(letter, PATIENCE, then)

    def flush(self) -> None:
        """Let everything leave."""
        self._publisher.flush()

    def answer(self, order: Order, said: Said) -> None:
        """Settle a command and say what became of its row; who does not hear it looks."""
        headers = {"row": str(said.row), "word": said.word, "system": order.system}
        if said.until is not None:
            headers |= {"until": time_text(said.until), "alone": str(int(said.alone))}
        name = f"{order.done}/{said.row}"
        letter = Letter(exchange=COMMANDS, key=order.done, id=name, body=b"", headers=headers)
        with self._lock:
            self._saying += 1
        try:
            self._publisher.post(letter, PATIENCE, self._said)
            self._publisher.flush()
        except Retryable:
            self._said(None)
        self._receiver.settle(order.mark, "ack")

    def knows(self, mark: Mark) -> bool:
        """Return whether a command can still be settled: otherwise it comes again."""
        return self._receiver.knows(mark)

    def step(self) -> int:
        """Take what has come, or wait for it. Raises Unavailable, once, for what keeps it."""
        self._receiver.step(LOOK)
        trouble = self.trouble
        if trouble != self._told:
            self._told = trouble
            if trouble:
                raise Unavailable(f"commands: {trouble}")
            self._complain("commands: the broker is there again")
        return 1

    def ring(self) -> None:
        """Let a step that waits return."""
        self._receiver.ring()

    def close(self, seconds: float) -> None:
        """Take nothing more, wait so long for what is in hand and for the words about it.

        What is not settled by then comes to other hands. For after the last step.
        """
        self._receiver.close(seconds)
        until = monotonic() + TICK * 50
        rest = threading.Event()
        while self._saying and monotonic() < until:
            rest.wait(TICK)
        self._publisher.close()

    def _said(self, _end: object) -> None:
        with self._lock:
            self._saying -= 1

    def _prepare(self, link: Link) -> Mapping[str, int]:
        """Make what is missing of the queues, and one for words, which is this connection's."""
        self._mend(link)
        complaints = declare(link, (*self._queues, DEAD_LETTERS))
        self._complaints = "; ".join(complaints)
        if link is not self._link:
            self._link, self._own = link, f"{self._key}.{os.urandom(4).hex()}"
        declare_own(link, self._own, COMMANDS, self._key)
        return {self._own: WORDS}

    def _mend(self, link: Link) -> None:
        """Take queues away at which the broker itself fails, whoever takes from them: it has their
        name and nothing behind it, as after a crash amid a declaration. What lay there were copies.
        """
        for name in [one for one, times in self._receiver.crashed.items() if times >= CRASHES]:
            del self._receiver.crashed[name]
            link.refuses(partial(take_away, name=name))
            self._complain(f"commands: the broker failed at queue {name}: it is made anew")

    def _came(self, parcel: Parcel) -> None:
        """Give a message to whom it is for; what is none of ours goes to the broker's dead."""
        try:
            if parcel.queue == self._own:
                self._receiver.settle(parcel.mark, "ack")
                self._heard(parcel.headers)
            else:
                self.take(_order_of(parcel))
        except (LookupError, ValueError) as error:
            self._receiver.settle(parcel.mark, "reject")
            self._complain(f"queue {parcel.queue}: a message is no command: {error!r}")

    def _heard(self, headers: Mapping[str, str]) -> None:
        until, word = headers.get("until"), headers["word"]
        said = Said(
            row=int(headers["row"]),
            word="gone" if word == "gone" else "held" if until else "again",
            until=time_of(until) if until else None,
            alone=headers.get("alone") == "1",
        )
        hear = self.hear.get(headers["system"])
        if hear is not None:
            hear(said)


def _order_of(parcel: Parcel) -> Order:
    """Return a message as the command that it is. Raises LookupError or ValueError."""
    headers = parcel.headers
    number, identity = int(headers["row"]), (headers["message"], headers["consumer"])
    lane = parcel.queue  # both are called after the system
    return Order(
        mark=parcel.mark,
        system=headers["routing-key"],
        row=unpack_row(identity, lane, parcel.body, number),
        done=headers["done"],
        again=parcel.again,
        whole=bool(parcel.body),
    )
