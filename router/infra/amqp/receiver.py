"""Owns: taking messages from queues over one connection, and settling them, from many threads.
Imports: core, py-amqp, infra.amqp.address, infra.amqp.link, infra.amqp.parcel.
Never: declares a queue by itself; settles what came over another connection; lets go of a message
that nobody has settled.

Whatever is wrong with the connection, it is dropped and another one is made: what was in hand comes
again, and its marks are good for nothing any more.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, TypeAlias

from amqp.exceptions import InternalError

from router.core.errors import Unavailable
from router.infra.amqp.address import Nodes
from router.infra.amqp.link import Broken, Link, Wake
from router.infra.amqp.parcel import Mark, Parcel, parcel_of

#: ack: it is safe here. requeue: it goes back to its place. reject: the broker's dead letter
Word = Literal["ack", "requeue", "reject"]

#: makes what is to be there over a connection, and returns which queues are that connection's own,
#: each with its prefetch. Raises Broken
Prepare: TypeAlias = "Callable[[Link], Mapping[str, int]]"

#: seconds before another connection is tried, at first and at most; a fifth of them is jitter
SOON, LATE = 0.2, 30.0
JITTER = 0.2
#: seconds between two looks whether a queue is there that was not
LOOK = 5.0
#: seconds between two looks at what is in hand, when all is to end
TICK = 0.05


class Receiver:
    """Takes from queues what they hold, each with a prefetch of its own. One thread calls `step`.

    `settle` and `ring` are for any thread. Nothing is connected before the first step.
    """

    #: seconds before another connection is tried, at most
    late = LATE

    def __init__(
        self,
        address: str,
        who: str,
        queues: Mapping[str, int],
        take: Callable[[Parcel], None],
        prepare: Prepare = lambda _: {},
    ) -> None:
        """`take` gets each message, on the thread that steps; `queues` holds the prefetch.

        `address` can be that of several nodes, see `Nodes`. `prepare` is called again whenever a
        queue is looked for.
        """
        self._nodes, self._who = Nodes(address), who
        self._given = queues
        self._prepare = prepare
        self._queues = dict(queues)
        self._take = take
        self._wake = Wake()
        self._link: Link | None = None
        #: of the link; one that is lost is never counted again
        self._connection = 0
        #: tags that came over it and are not settled at the broker, in their order, with the word
        self._hand: dict[int, Word | None] = {}
        self._lock = threading.Lock()
        self._words: list[tuple[Mark, Word]] = []
        #: the tag of the consumer of each queue that is consumed
        self._consumers: dict[str, str] = {}
        self._held = False
        self._tries = 0
        self._next_try = self._next_look = 0.0
        self._missing: frozenset[str] = frozenset()
        self._broken = ""
        #: how often the broker itself has failed at each queue, since it was taken from last
        self.crashed: Counter[str] = Counter()

    @property
    def trouble(self) -> str:
        """Return what keeps messages from coming, in words; empty = nothing does."""
        if self._broken or not self._missing:
            return self._broken
        return f"the broker has no queue {', '.join(sorted(self._missing))}: waiting for it"

    @property
    def in_hand(self) -> int:
        """Return how many messages have come that are not settled."""
        return len(self._hand)

    def knows(self, mark: Mark) -> bool:
        """Return whether a message can still be settled: otherwise it comes again."""
        return mark.connection == self._connection and self._link is not None

    def settle(self, mark: Mark, word: Word) -> None:
        """Say what is to become of a message; a mark of a lost connection is passed over."""
        with self._lock:
            idle = not self._words
            self._words.append((mark, word))
        if idle:  # otherwise it was rung for those before, and all are told together
            self._wake.ring()

    def ring(self) -> None:
        """Let a step that waits return."""
        self._wake.ring()

    def hold(self, held: bool) -> None:  # noqa: FBT001 (what it is set to)
        """Take nothing new from the next step on, or go on."""
        self._held = held

    def step(self, seconds: float) -> None:
        """Settle what was said, take what has come, or wait so long for it."""
        if self._link is None and not self._connected():
            self._wake.wait(min(seconds, max(0.0, self._next_try - time.monotonic())))
            return
        link = self._link
        assert link is not None, "it is connected"
        try:
            self._flush(link)
            self._tend(link)
            link.wait(seconds)
            self._flush(link)
        except Broken as error:
            self._lose(str(error))

    def close(self, seconds: float) -> None:
        """Take nothing more, wait so long for what is in hand, settle it, let go of the broker.

        What is not settled by then comes to somebody again. For after the last step.
        """
        self._held = True
        until = time.monotonic() + seconds
        try:
            while self._link is not None:
                self._flush(self._link)
                self._tend(self._link)
                if not self._hand or time.monotonic() >= until:
                    break
                self._link.wait(TICK)
            if self._link is not None:
                self._link.close()
        except Broken as error:
            self._lose(str(error))
        self._link = None
        self._wake.close()

    def _connected(self) -> bool:
        """Connect when it is time; say whether there is a connection now."""
        if time.monotonic() < self._next_try:
            return False
        try:
            self._link = Link(self._nodes.next(), self._wake, self._who)
        except (Broken, Unavailable) as error:
            self._lose(str(error))
            return False
        self._connection += 1
        self._tries, self._broken, self._next_look = 0, "", 0.0
        return True

    def _lose(self, why: str) -> None:
        """Forget the connection and all that came over it, and wait longer than the last time."""
        if self._link is not None:
            self._link.drop()
        self._link = None
        self._hand.clear()
        self._consumers.clear()
        self._queues = dict(self._given)
        self._broken = why
        pause = min(SOON * 2**self._tries, self.late)
        share = zlib.crc32(f"{self._who}/{os.getpid()}/{self._tries}".encode()) / 2**32
        self._tries = min(self._tries + 1, 16)
        self._next_try = time.monotonic() + pause * (1 - JITTER * share)

    def _tend(self, link: Link) -> None:
        """Consume what is there and is to be consumed, and nothing else. Raises Broken."""
        if self._held:
            for tag in self._consumers.values():
                link.do(partial(link.channel.basic_cancel, tag))
            self._consumers.clear()
            self._next_look = 0.0
            return
        away = [one for one in self._queues if one not in self._consumers]
        if not away or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK
        self._queues.update(self._prepare(link))
        away = [one for one in self._queues if one not in self._consumers]
        self._missing = frozenset(one for one in away if not link.has_queue(one))
        for queue in away:
            if queue not in self._missing:
                self._consumers[queue] = self._consume(link, queue)

    def _consume(self, link: Link, queue: str) -> str:
        """Begin to consume a queue; the prefetch is this consumer's alone. Raises Broken."""

        def cancelled(_tag: str) -> None:
            self._consumers.pop(queue, None)  # deleted, or its leader is gone: it is looked for
            self._next_look = 0.0

        def act() -> Any:
            link.channel.basic_qos(0, self._queues[queue], False)  # noqa: FBT003 (not for all)
            return link.channel.basic_consume(
                queue, callback=partial(self._came, queue), on_cancel=cancelled
            )

        try:
            tag = str(link.do(act))
        except Broken as error:
            if not isinstance(error.__cause__, InternalError):
                raise
            self.crashed[queue] += 1
            raise Broken(f"{error}: the broker itself fails at queue {queue}") from error
        del self.crashed[queue]
        return tag

    def _came(self, queue: str, message: Any) -> None:
        parcel = parcel_of(queue, self._connection, message)
        self._hand[parcel.mark.tag] = None
        self._take(parcel)

    def _flush(self, link: Link) -> None:
        """Tell the broker what was said of messages that came over this connection. Raises Broken.

        One word for many goes as far as everything before it is settled.
        """
        with self._lock:
            said, self._words = self._words, []
        for mark, word in said:
            if mark.connection == self._connection and self._hand.get(mark.tag, word) is None:
                self._hand[mark.tag] = word
        channel, hand = link.channel, self._hand
        for tag in [one for one, word in hand.items() if word in ("requeue", "reject")]:
            requeue = hand.pop(tag) == "requeue"
            link.do(partial(channel.basic_reject, tag, requeue))
        settled = [tag for tag, word in hand.items() if word is not None]
        first = next((tag for tag, word in hand.items() if word is None), None)
        together = [tag for tag in settled if first is None or tag < first]
        if together:
            link.do(partial(channel.basic_ack, together[-1], multiple=len(together) > 1))
        for tag in settled[len(together) :]:
            link.do(partial(channel.basic_ack, tag))
        for tag in settled:
            with contextlib.suppress(KeyError):
                del hand[tag]
