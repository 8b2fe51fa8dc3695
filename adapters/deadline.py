"""Owns: connections that keep one deadline for a whole call, whatever comes meanwhile.
Imports: httpcore, httpx.
Never: decides what a call that ran out of time means (who calls does).

The library's time-outs are for each read: a far side that says `100 Continue` for ever, or a byte
now and then, would hold a call beyond its lease.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx


class Deadline(threading.local):
    """Until when the call of this thread may last, in seconds of the monotonic clock."""

    until: float = float("inf")
    #: whether a byte of the call may have left
    begun: bool = False

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let what this thread does in here last that long."""
        self.until, self.begun = time.monotonic() + seconds, False
        try:
            yield
        finally:
            self.until = float("inf")

    def left(self, timeout: float | None, error: type[Exception]) -> float | None:
        """Return how long the next step may wait. Raises `error` when no time is left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise error("out of time")
        return left if timeout is None else min(timeout, left)


class Transport(httpx.HTTPTransport):
    """The library's transport over connections that keep a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__(trust_env=False)
        # the library has no other way to hand connections of one's own to its transport
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Backend(deadline),
        )


class _Backend(httpcore.NetworkBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, left, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # not by the library's `write`: its time-out is for each piece that the far side takes
        out = self._inner.get_extra_info("socket")
        rest = memoryview(buffer)
        while rest:
            late = httpcore.WriteTimeout if self._deadline.begun else httpcore.ConnectTimeout
            out.settimeout(self._deadline.left(timeout, late))
            self._deadline.begun = True
            try:
                rest = rest[out.send(rest) :]
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
