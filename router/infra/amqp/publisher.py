"""Owns: publishing with confirms, many at once over one connection, from many threads.
Imports: core, infra.amqp.address, infra.amqp.link.
Never: sends a message a second time; calls a message taken that the broker has not confirmed.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal, TypeAlias

from router.core.errors import Retryable, Unknown
from router.infra.amqp.address import Nodes
from router.infra.amqp.link import Broken, Link, Wake

#: taken: confirmed, it is in a queue. unroutable: no queue takes it. refused: the broker says no
Word = Literal["taken", "unroutable", "refused"]

#: told of a letter, on the publisher's thread: it may post, and must not wait
Then: TypeAlias = "Callable[[Word | Retryable | Unknown], None]"

#: unconfirmed messages on the wire at once
WINDOW = 256
#: seconds between two looks at the connection; before another one is tried, at first and at most
LOOK, SOON, LATE = 1.0, 0.2, 5.0
#: letters that are written in one go
TOGETHER = 64
#: how a broker closes a channel over a message that is larger than it takes any
_LARGER = re.compile(r"message size \d+ is larger than configured max size (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is published. `id` is the same in every repeat: by it the far side knows one again."""

    exchange: str
    key: str
    id: str
    body: bytes
    content_type: str = "application/json"
    type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Sending:
    """A letter on its way. All but `done` belongs to who holds the publisher's lock."""

    letter: Letter
    #: how long it may take
    seconds: float
    state: Literal["waiting", "sent", "over"] = "waiting"
    returned: bool = False
    word: Word | None = None
    error: Retryable | Unknown | None = None
    #: who waits for it, or who is told
    done: threading.Event | None = None
    then: Then | None = None
    #: when who is told hears that it did not come in time, on the monotonic clock
    until: float = 0.0

    def tell(self) -> None:
        """Let who waits know that there is a word or an error. Nothing of ours is locked."""
        if self.done is not None:
            self.done.set()
        if self.then is not None:
            end = self.error or self.word
            assert end is not None, "who is told has a word or an error"
            self.then(end)


class Publisher:
    """Publishes over a connection of its own, made when the first letter comes. Safe for threads.

    Every letter is mandatory and persistent.
    """

    def __init__(self, address: str, who: str) -> None:
        """`who` names the connection. `address` can be that of several nodes, see `Nodes`.
        Raises Unavailable for an address that is none.
        """
        self._nodes, self._who = Nodes(address), who
        self.name = self._nodes.name
        self._lock = threading.Lock()
        self._waiting: deque[_Sending] = deque()
        #: sent and not confirmed, by tag
        self._flying: dict[int, _Sending] = {}
        self._tag = 0
        #: exchanges that are there, on this link
        self._known: set[str] = set()
        #: bytes of a message that the broker takes at most, where it was lost over a larger one
        self._most: int | None = None
        self._why = "it is not connected as yet"
        self._spoiled = ""
        self._next_look = 0.0
        self._renew = False
        self._wake = Wake()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._connected = threading.Event()

    @property
    def trouble(self) -> str:
        """Return why a broker that is there takes nothing; empty = it does, or is not there."""
        return self._why if self._connected.is_set() else ""

    def publish(self, letter: Letter, seconds: float) -> Word:
        """Publish a letter and wait for the broker's word.

        Raises Retryable when it did not leave in time, or is larger than the broker takes any;
        Unknown when it may have arrived.
        """
        done = threading.Event()
        sending = _Sending(letter, seconds, done=done)
        with self._lock:
            self._begin()
            self._waiting.append(sending)
        self._wake.ring()
        if not done.wait(seconds):
            self._give_up(sending)
        if sending.error is not None:
            raise sending.error
        assert sending.word is not None, "who is done has a word or an error"
        return sending.word

    def post(self, letter: Letter, seconds: float, then: Then) -> None:
        """Publish a letter and go on; `then` is told the broker's word, or the error that `publish`
        raises, some time later. It leaves with others, at `flush`. Raises Retryable when closed.
        """
        sending = _Sending(letter, seconds, then=then, until=monotonic() + seconds)
        with self._lock:
            self._begin()
            self._waiting.append(sending)
            many = len(self._waiting) % TOGETHER == 0
        if many:
            self._wake.ring()

    def flush(self) -> None:
        """Let everything leave that was posted."""
        if self._waiting:
            self._wake.ring()

    def reach(self, seconds: float) -> None:
        """Wait until there is a connection. Raises Retryable with what keeps it."""
        with self._lock:
            self._begin()
        if not self._connected.wait(seconds):
            raise Retryable(self._why)

    def close(self) -> None:
        """Let go of the connection; letters without a word are in doubt."""
        with self._lock:
            self._closed.set()
            thread = self._thread
        self._wake.ring()
        if thread is not None:
            thread.join()
        self._wake.close()

    def _begin(self) -> None:
        if self._closed.is_set():
            raise Retryable("the connection to the broker is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
            self._thread.start()

    def _give_up(self, sending: _Sending) -> None:
        with self._lock:
            if sending.state == "waiting":
                self._waiting.remove(sending)
                sending.error = Retryable(f"it did not leave in {sending.seconds:g} s: {self._why}")
            elif sending.state == "sent":
                sending.error = Unknown(f"the broker did not confirm it in {sending.seconds:g} s")
                self._spoiled = "a confirm did not come in time"
            sending.state = "over"
        self._wake.ring()

    def _give_up_late(self) -> None:
        """Give up what did not come in time and has nobody who waits: of each kind the oldest."""
        now = monotonic()
        with self._lock:
            oldest = [next(iter(self._flying.values()), None), *self._waiting]
        for one in oldest:
            if (
                one is not None
                and one.then is not None
                and one.until <= now
                and one.state != "over"
            ):
                self._give_up(one)
                one.tell()

    def _run(self) -> None:
        pause = SOON
        while not self._closed.is_set():
            link: Link | None = None
            try:
                link = Link(self._nodes.next(), self._wake, self._who)
                self._open(link)
                pause = SOON
                while not self._closed.is_set():
                    self._step(link)
            except Broken as error:
                larger = _LARGER.search(str(error))
                self._most = int(larger[1]) if larger else None
                self._lost(str(error))
                if link is not None:
                    link.drop()
                self._closed.wait(pause)
                pause = min(2 * pause, LATE)
                continue
            link.close()
        self._lost("the connection was closed")

    def _open(self, link: Link) -> None:
        """Make the link's channel one that confirms."""

        def act() -> None:
            link.channel.confirm_select()
            for name, hear in (
                ("basic_ack", self._acked),
                ("basic_nack", self._nacked),
                ("basic_return", self._returned),
            ):
                link.channel.events[name].add(hear)

        link.do(act)
        self._tag = 0
        self._known.clear()
        with self._lock:
            self._why, self._spoiled, self._renew = "", "", False
        self._connected.set()

    def _step(self, link: Link) -> None:
        if self._spoiled and not link.blocked:  # while it is, no word can come
            raise Broken(self._spoiled)
        if (
            self._renew and not self._flying
        ):  # a channel that refused may go on refusing for no reason
            link.renew()
            self._open(link)
        if not self._renew:
            self._send(link)
        if monotonic() >= self._next_look:
            self._next_look = monotonic() + LOOK
            self._give_up_late()
        link.wait(LOOK)

    def _send(self, link: Link) -> None:
        """Send what waits, as far as the window goes and the broker takes anything."""
        while not link.blocked and len(self._flying) < WINDOW:
            with self._lock:
                first = self._waiting[0] if self._waiting else None
            if first is None:
                break
            exchange, larger = first.letter.exchange, self._larger(first.letter)
            if larger is not None:
                self._end(first, larger)
                continue
            if exchange not in self._known and not link.has_exchange(exchange):
                self._refuse(exchange)
                continue
            self._known.add(exchange)
            batch = self._taken_in(WINDOW - len(self._flying))
            if batch:
                link.publish(batch)
        with self._lock:
            self._why = f"the broker takes nothing: {link.blocked}" if link.blocked else ""

    def _taken_in(self, room: int) -> list[Letter]:
        """Return what goes out together, as sent: at most `room`, nothing that is refused here."""
        batch: list[Letter] = []
        with self._lock:
            while self._waiting and len(batch) < min(room, TOGETHER):
                sending = self._waiting[0]
                if sending.letter.exchange not in self._known or self._larger(sending.letter):
                    break
                self._waiting.popleft()
                sending.state = "sent"
                self._tag += 1
                self._flying[self._tag] = sending
                batch.append(sending.letter)
        return batch

    def _larger(self, letter: Letter) -> Retryable | None:
        """Return what is to be said of a letter that the broker closes the channel over.

        It hurts all who are on their way with it, so it is not sent again as long as this broker
        has not been lost for another reason: then it may take more.
        """
        if self._most is None or len(letter.body) <= self._most:
            return None
        size = len(letter.body)
        return Retryable(f"it has {size} bytes, the broker takes messages up to {self._most}")

    def _refuse(self, exchange: str) -> None:
        """Say of the first that waits for an exchange that there is none."""
        with self._lock:
            waiting = (one for one in self._waiting if one.letter.exchange == exchange)
            sending = next(waiting, None)
        if sending is not None:
            self._end(sending, Retryable(f"the broker has no exchange {exchange}"))

    def _end(self, sending: _Sending, error: Retryable) -> None:
        with self._lock:
            if sending.state == "waiting":
                self._waiting.remove(sending)
                sending.state, sending.error = "over", error
        if sending.error is error:
            sending.tell()

    def _lost(self, why: str) -> None:
        """Say of what was sent that it may have arrived; what waits goes on waiting."""
        ended = []
        with self._lock:
            self._why = why
            self._connected.clear()
            for sending in self._flying.values():
                if sending.state == "sent":
                    unknown = Unknown(f"not confirmed: {why}")
                    sending.state = "over"
                    sending.error = self._larger(sending.letter) or unknown
                    ended.append(sending)
            self._flying.clear()
            if self._closed.is_set():
                for sending in self._waiting:
                    sending.state, sending.error = "over", Retryable(why)
                    ended.append(sending)
                self._waiting.clear()
        for sending in ended:
            sending.tell()

    def _acked(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 (py-amqp calls it so)
        for sending in self._taken_out(tag, multiple=multiple):
            self._say(sending, "unroutable" if sending.returned else "taken")

    def _nacked(self, tag: int, multiple: bool) -> None:  # noqa: FBT001
        self._renew = True
        for sending in self._taken_out(tag, multiple=multiple):
            self._say(sending, "refused")

    def _returned(self, _error: Any, _exchange: str, _key: str, message: Any) -> None:
        """Mark a letter that no queue takes: its ack follows."""
        name = message.properties.get("message_id")
        for sending in self._flying.values():
            if sending.letter.id == name and not sending.returned:
                sending.returned = True
                return

    def _taken_out(self, tag: int, *, multiple: bool) -> list[_Sending]:
        """Return what a confirm is about; a tag is resolved once."""
        tags = [one for one in self._flying if one <= tag] if multiple else [tag]
        return [self._flying.pop(one) for one in tags if one in self._flying]

    def _say(self, sending: _Sending, word: Word) -> None:
        with self._lock:
            told = sending.state == "sent"
            if told:
                sending.state, sending.word = "over", word
        if told:
            sending.tell()
