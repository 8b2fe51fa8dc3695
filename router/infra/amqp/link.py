"""Owns: one connection to a broker and its channel, for one thread; what wakes that thread.
Imports: kombu, py-amqp behind it, infra.amqp.address, infra.amqp.frames, infra.amqp.wire.
Never: shares a connection between threads; goes on with a channel that failed; shows a password.

A channel of py-amqp opens itself anew after an error, without its consumers and its confirms. So
nothing is repaired here: whoever sees `Broken` closes the link and opens another.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from amqp.exceptions import AMQPError, ChannelError, NotFound
from kombu.connection import Connection
from kombu.exceptions import KombuError

from router.infra.amqp import wire
from router.infra.amqp.address import address_of
from router.infra.amqp.frames import lenient_handler

#: seconds between two heartbeats, and how long each part of a conversation may take
HEARTBEAT, PATIENCE = 15, 10
#: milliseconds after which the system gives a silent peer up; py-amqp's own is one second
UNSENT_MS = 30_000
#: what any use of a connection may raise when it is not to be used any more
TROUBLE = (OSError, AMQPError, KombuError)


class Broken(Exception):
    """The connection cannot be gone on with; the text says why."""


class Wake:
    """Lets any thread wake the one that waits in `Link.wait`."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)  # noqa: FBT003
        self._writer.setblocking(False)  # noqa: FBT003

    def ring(self) -> None:
        """Wake it, now or when it waits next."""
        with contextlib.suppress(BlockingIOError, OSError):  # full: it is awake; closed: it is gone
            self._writer.send(b"x")

    def wait(self, seconds: float) -> None:
        """Wait until somebody rings."""
        select.select([self.reader], (), (), seconds)
        self.hush()

    def hush(self) -> None:
        """Forget the rings so far."""
        with contextlib.suppress(BlockingIOError):
            while self.reader.recv(4096):
                pass

    def close(self) -> None:
        """Let go of the sockets."""
        self.reader.close()
        self._writer.close()


class Link:
    """A connection with one channel. Every method is for the thread that made it."""

    def __init__(self, address: str, wake: Wake, who: str) -> None:
        """Connect. Raises Broken. `who` is how the broker's people know the connection."""
        self.name = address_of(address)
        self.blocked = ""
        self._wake = wake
        self._connection = _connection(address, who, self._stop, self._go_on)
        try:
            self._connection.ensure_connection(max_retries=0)  # who lost it paces the tries
            self.channel: Any = self._connection.channel()
        except TROUBLE as error:
            self.drop()
            raise Broken(f"{self.name}: {told(error)}") from error

    def do(self, act: Callable[[], Any]) -> Any:
        """Do something with the channel. Raises Broken."""
        try:
            return act()
        except TROUBLE as error:
            raise Broken(f"{self.name}: {told(error)}") from error

    def renew(self) -> None:
        """Take another channel in place of this one. Raises Broken."""

        def act() -> None:
            self.channel.close()
            self.channel = self._connection.channel()

        self.do(act)

    def has_exchange(self, name: str) -> bool:
        """Ask whether an exchange is there. Raises Broken."""
        return self._has(lambda channel: channel.exchange_declare(name, "direct", passive=True))

    def has_queue(self, name: str) -> bool:
        """Ask whether a queue is there. Raises Broken."""
        return self._has(lambda channel: channel.queue_declare(name, passive=True))

    def refuses(self, ask: Callable[[Any], Any]) -> ChannelError | None:
        """Ask over a channel of its own, which the broker closes when it refuses; return how it
        refused. Raises Broken.
        """

        def act() -> ChannelError | None:
            beside = self._connection.channel()
            try:
                ask(beside)
            except ChannelError as error:
                return error
            finally:
                beside.close()
            return None

        refused: ChannelError | None = self.do(act)
        return refused

    def _has(self, ask: Callable[[Any], Any]) -> bool:
        refused = self.refuses(ask)
        if refused is None or isinstance(refused, NotFound):
            return refused is None
        raise Broken(f"{self.name}: {told(refused)}")

    def wait(self, seconds: float) -> None:
        """Handle what the broker says, until nothing more is there, or wait for it. Raises Broken.

        Returns early when somebody rings. A heartbeat is sent when it is time.
        """

        def act() -> None:
            self._connection.heartbeat_check()
            real = self._connection.connection
            select.select([real.sock, self._wake.reader], (), (), seconds)
            self._wake.hush()
            wire.read_all(real, real.on_inbound_frame)

        self.do(act)

    def publish(self, letters: Sequence[wire.Written]) -> None:
        """Write letters, each mandatory and persistent, in one go. Raises Broken."""
        self.do(lambda: wire.publish(self._connection.connection, self.channel.channel_id, letters))

    def close(self) -> None:
        """Take leave of the broker."""
        if self.blocked:  # it does not listen
            self.drop()
        with contextlib.suppress(*TROUBLE):
            self._connection.release()

    def drop(self) -> None:
        """Let go of the connection without a word: who is in trouble may not answer."""
        with contextlib.suppress(*TROUBLE):
            self._connection.collect(PATIENCE)

    def _stop(self, reason: str) -> None:
        self.blocked = reason or "blocked"

    def _go_on(self) -> None:
        self.blocked = ""


def told(error: BaseException) -> str:
    """Return what went wrong in words, without an address."""
    error = error.__cause__ or error
    text = getattr(error, "reply_text", "") or getattr(error, "strerror", "") or str(error)
    return text.strip().partition("\n")[0] or type(error).__name__


def _connection(
    address: str, who: str, stop: Callable[[str], None], go_on: Callable[[], None]
) -> Connection:
    parts = urlsplit(address)
    secure = parts.scheme == "amqps"
    return Connection(
        transport="amqps" if secure else "pyamqp",
        hostname=parts.hostname,
        port=parts.port or (5671 if secure else 5672),
        userid=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        virtual_host=unquote(parts.path.removeprefix("/")) or "/",
        heartbeat=HEARTBEAT,
        connect_timeout=PATIENCE,
        ssl={"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}
        if secure
        else False,
        transport_options={
            "read_timeout": PATIENCE,
            "write_timeout": PATIENCE,
            "socket_settings": {socket.TCP_USER_TIMEOUT: UNSENT_MS},
            "client_properties": {"connection_name": who},
            "frame_handler": lenient_handler,
            "on_blocked": stop,
            "on_unblocked": go_on,
        },
    )
