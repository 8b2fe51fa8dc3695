"""Owns: bounding the head of a request while it comes in.
Imports: uvicorn.
Never: looks at what the head says (api.app does).
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: bytes of a head that are read at most; more than one read of the event loop (256 KiB), because a
#: body may come with its head in one read
MAX_HEAD = 512 * 1024
#: seconds for a head, from the connection or its first byte to its end
HEAD_SECONDS = 20.0
#: bytes of framing for which a byte of a body pays: chunks of one byte take six
FRAMING = 8
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol; a head or a trailer without an end is cut off."""

    _head = 0
    _in_head = True
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first head its time."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time that a head had."""
        self._no_longer_late()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, as long as what is no body does not grow beyond its bound."""
        self._head += len(data)
        if self._head > MAX_HEAD:
            if self._in_head:
                self.transport.write(_REFUSAL)
            self.transport.close()
            return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Count anew for each request of a connection."""
        self._head, self._in_head = 0, True
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Know that the body comes: it has a bound of its own."""
        self._in_head = False
        self._no_longer_late()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body off the count, with its framing."""
        self._head = max(0, self._head - FRAMING * len(body))
        super().on_body(body)

    def _await_head(self) -> None:
        self._no_longer_late()
        self._late = self.loop.call_later(HEAD_SECONDS, self._cut)

    def _no_longer_late(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _cut(self) -> None:
        """Close a connection whose head has not come to its end in time."""
        if self._in_head and not self.transport.is_closing():
            self.transport.close()
