"""Owns: the queues of a measurement over a real broker, and a bare loop to measure beside.
Imports: kombu, py-amqp, infra.codecs.
Never: touches a queue that it did not make; used by what runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import amqp
from kombu.connection import Connection

from router.infra.codecs import decode_json, encode_json

#: messages that have come and are not acknowledged; that are published and not confirmed
PREFETCH, WINDOW = 500, 256
#: seconds without a message after which a run is given up
HANG = 60.0


class Desk:
    """The queues of a measurement: one to take from, and one for each word to publish to."""

    def __init__(
        self, connection: Connection, words: Sequence[str], arguments: dict[str, str]
    ) -> None:
        self.name = f"router.bench.{os.getpid()}"
        self._words = tuple(words)
        self._connection = connection
        self._channel = connection.channel()
        self._channel.exchange_declare(self.name, "direct", durable=True, auto_delete=False)
        for word in ("in", *self._words):
            queue = f"{self.name}.{word}"
            self._channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
            self._channel.queue_bind(queue, self.name, word)

    def fill(self, letters: Iterable[tuple[str, bytes]]) -> None:
        """Empty every queue, then put letters into the first, each with its name, confirmed."""
        for word in ("in", *self._words):
            self._channel.queue_purge(f"{self.name}.{word}")
        with self._connection.channel() as channel:
            confirms = Confirms(channel)
            for name, body in letters:
                while confirms.open >= WINDOW:
                    self._connection.drain_events(timeout=HANG)
                confirms.publish(self.name, "in", name, body)
            while confirms.open:
                self._connection.drain_events(timeout=HANG)

    def held(self) -> int:
        """Return how many messages were published."""
        return sum(
            self._channel.queue_declare(f"{self.name}.{one}", passive=True).message_count
            for one in self._words
        )

    def take(self) -> list[tuple[str, bytes]]:
        """Take everything that was published: the name and the body of each."""
        found: list[tuple[str, bytes]] = []

        def came(message: Any) -> None:
            found.append((message.properties.get("message_id", ""), _bytes(message.body)))

        wanted = self.held()
        with self._connection.channel() as channel:
            for word in self._words:
                channel.basic_consume(f"{self.name}.{word}", callback=came, no_ack=True)
            while len(found) < wanted:
                self._connection.drain_events(timeout=HANG)
        return found

    def close(self) -> None:
        """Take the queues away again."""
        for word in ("in", *self._words):
            self._channel.queue_delete(f"{self.name}.{word}")
        self._channel.exchange_delete(self.name)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


class Confirms:
    """Publishes over a channel of its own and counts what is not confirmed."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._tags: dict[int, None] = {}
        self._tag = 0
        channel.confirm_select()
        channel.events["basic_ack"].add(self._acked)

    @property
    def open(self) -> int:
        """Return how many messages are not confirmed."""
        return len(self._tags)

    def publish(self, exchange: str, key: str, name: str, body: bytes) -> int:
        """Publish a persistent message; return its tag."""
        self._tag += 1
        self._tags[self._tag] = None
        message = amqp.Message(
            body, content_type="application/json", delivery_mode=2, message_id=name
        )
        self._channel.basic_publish(message, exchange, key, mandatory=True)
        return self._tag

    def _acked(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 (py-amqp calls it so)
        tags = [one for one in self._tags if one <= tag] if multiple else [tag]
        for one in tags:
            del self._tags[one]


@contextmanager
def desk(address: str, words: Sequence[str], *, quorum: bool) -> Iterator[Desk]:
    """Make the queues of a measurement; they are gone afterwards."""
    arguments = {"x-queue-type": "quorum" if quorum else "classic"}
    with Connection(address) as connection:
        made = Desk(connection, words, arguments)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def posting(address: str, exchange: str) -> Iterator[Callable[[str, bytes], None]]:
    """Give what puts a letter into the first queue of a desk, and returns when it is confirmed."""
    with Connection(address) as connection, connection.channel() as channel:
        confirms = Confirms(channel)

        def post(name: str, body: bytes) -> None:
            confirms.publish(exchange, "in", name, body)
            while confirms.open:
                connection.drain_events(timeout=HANG)

        yield post


@contextmanager
def bare(address: str, name: str) -> Iterator[Callable[[], int]]:
    """Give what steps a bare loop once, and returns how many messages are settled."""
    with Connection(address) as connection:
        yield _Bare(connection, name).step


class _Bare:
    """Takes a micro-batch, publishes it, waits for the confirms, acknowledges it as one."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._name = connection, name
        self._taking = connection.channel()
        self._confirms = Confirms(connection.channel())
        self._came: list[Any] = []
        self._settled = 0
        self._taking.basic_qos(0, PREFETCH, False)  # noqa: FBT003 (not for all)
        self._taking.basic_consume(f"{name}.in", callback=self._came.append)

    def step(self) -> int:
        """Carry what has come; return how many messages are settled."""
        if not self._came:
            self._connection.drain_events(timeout=HANG)
        with suppress(TimeoutError):
            while len(self._came) < WINDOW:
                self._connection.drain_events(timeout=0)
        batch = self._came[:]
        self._came.clear()
        for message in batch:
            document: Any = decode_json(bytes(message.body))
            key = document["state"]
            name = message.properties["message_id"]
            self._confirms.publish(self._name, key, name, encode_json(document))
        while self._confirms.open:
            self._connection.drain_events(timeout=HANG)
        self._taking.basic_ack(batch[-1].delivery_info["delivery_tag"], multiple=True)
        self._settled += len(batch)
        return self._settled
