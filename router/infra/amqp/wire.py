"""Owns: frames of AMQP 0-9-1 in bulk: many messages in one write, all that has come in one read.
Imports: py-amqp; core.
Never: speaks for a connection that py-amqp has not opened; waits.

py-amqp reads each frame with three calls of the system, and looks for a word of the broker before
each message that it writes: that is half of what a small message costs.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from socket import MSG_DONTWAIT
from typing import Any, Protocol

from amqp.serialization import dumps
from amqp.transport import TCPTransport

#: what a frame is, and its last byte
METHOD, HEADER, BODY, END = 1, 2, 3, 0xCE
#: bytes around the payload of a frame
AROUND = 8
#: basic.publish, and the class it belongs to
_BASIC, _PUBLISH, _MANDATORY = 60, 40, 1
#: flags of the properties that a letter has
_TYPED, _HEADED, _MODED, _NAMED, _SORTED = 1 << 15, 1 << 13, 1 << 12, 1 << 7, 1 << 5
PERSISTENT = b"\x02"
#: bytes that are read at once
CHUNK = 64 * 1024
_HEAD = struct.Struct(">BHI")


class Written(Protocol):
    """What is written of a letter."""

    @property
    def exchange(self) -> str: ...  # noqa: D102 (its names say it)
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def body(self) -> bytes: ...  # noqa: D102
    @property
    def content_type(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102


def publish(connection: Any, channel: int, letters: Iterable[Written]) -> None:
    """Write letters to a channel, each mandatory and persistent. Raises OSError."""
    most = connection.frame_max - AROUND
    data = b"".join(part for one in letters for part in _frames(channel, one, most))
    connection.transport.write(data)
    connection.bytes_sent += 1  # by it heartbeats are known to be needless


def read_all(connection: Any, handle: Callable[[tuple[int, int, bytes]], Any]) -> None:
    """Handle every frame that has come, without waiting. Raises OSError when the peer has gone."""
    transport = connection.transport
    if not isinstance(transport, TCPTransport):  # what is encrypted cannot be read so
        with suppress(TimeoutError):
            while True:
                connection.drain_events(timeout=0)
        return
    more = True
    while more:
        try:
            came = transport.sock.recv(CHUNK, MSG_DONTWAIT)
        except BlockingIOError:
            return
        if not came:
            raise OSError("Server unexpectedly closed connection")
        more = len(came) == CHUNK
        frames, transport._read_buffer = split(transport._read_buffer + came)  # noqa: SLF001
        for frame in frames:
            handle(frame)


def split(data: bytes) -> tuple[list[tuple[int, int, bytes]], bytes]:
    """Return whole frames as (kind, channel, payload), and the bytes of one that is not whole.

    Raises OSError when something else is there than frames.
    """
    frames = []
    at, size = 0, len(data)
    while at + AROUND <= size:
        kind, channel, length = _HEAD.unpack_from(data, at)
        end = at + AROUND + length
        if end > size:
            break
        if data[end - 1] != END:
            raise OSError("the broker sent what is no frame")
        frames.append((kind, channel, data[at + AROUND - 1 : end - 1]))
        at = end
    return frames, data[at:]


def _frames(channel: int, letter: Written, most: int) -> Iterator[bytes]:
    """Yield the frames of a letter; `most` are the bytes of a payload."""
    yield _method(channel, letter.exchange, letter.key)
    body = letter.body
    head = struct.pack(">HHQ", _BASIC, 0, len(body)) + _properties(letter)
    yield _frame(HEADER, channel, head)
    for at in range(0, len(body), most):
        yield _frame(BODY, channel, body[at : at + most])


@lru_cache(1024)  # few exchanges and keys, mostly
def _method(channel: int, exchange: str, key: str) -> bytes:
    start = struct.pack(">HHH", _BASIC, _PUBLISH, 0)
    return _frame(METHOD, channel, start + _short(exchange) + _short(key) + bytes([_MANDATORY]))


def _properties(letter: Written) -> bytes:
    flags = _TYPED | _MODED | _NAMED
    headers = sort = b""
    if letter.headers:
        flags, headers = flags | _HEADED, dumps("F", [dict(letter.headers)])
    if letter.type:
        flags, sort = flags | _SORTED, _short(letter.type)
    made = (_short(letter.content_type), headers, PERSISTENT, _short(letter.id), sort)
    return struct.pack(">H", flags) + b"".join(made)


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return b"%b%b\xce" % (_HEAD.pack(kind, channel, len(payload)), payload)


def _short(text: str) -> bytes:
    """Return a short text. Raises OSError for one that AMQP cannot carry: it was not checked."""
    raw = text.encode()
    if len(raw) > 255:
        raise OSError("a text is longer than 255 bytes")
    return bytes([len(raw)]) + raw
