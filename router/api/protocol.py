"""Owns: bounding the head of a request while it comes in.
Imports: uvicorn.
Never: looks at what the head says (api.app does).
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: bytes of a head that are read at most; more than one read of the event loop (256 KiB), because a
#: body may come with its head in one read
MAX_HEAD = 512 * 1024
#: bytes of framing for which a byte of a body pays: chunks of one byte take six
FRAMING = 8
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol; a head or a trailer without an end is cut off."""

    _head = 0
    _in_head = True

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
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Know that the body comes: it has a bound of its own."""
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body off the count, with its framing."""
        self._head = max(0, self._head - FRAMING * len(body))
        super().on_body(body)
