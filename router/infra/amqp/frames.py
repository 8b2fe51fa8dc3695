"""Owns: heads of messages that cannot be read: such a message comes without one.
Imports: py-amqp, infra.amqp.parcel.
Never: lets what a stranger wrote end the connection; drops a message.

py-amqp decodes the properties of a message while it reads the wire. What it cannot decode (tables
in tables beyond its stack, texts that are no UTF-8, times after the year 9999) ends the connection,
and the message comes first again over the next one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import DecimalException
from typing import Any, TypeAlias

from amqp.exceptions import AMQPError
from amqp.method_framing import frame_handler
from amqp.serialization import decode_properties_basic

from router.infra.amqp.parcel import UNREADABLE

_HEADER = 2
#: class, weight and length of the body; the properties follow
_BEFORE = 12
#: the flags of properties: a content type, and nothing else
_TYPED = 0x8000
_TROUBLE = (
    *(ValueError, TypeError, LookupError, ArithmeticError, DecimalException, OSError),
    *(RecursionError, struct.error, AMQPError),
)
_Frame: TypeAlias = tuple[int, int, bytes]


def lenient_handler(connection: Any, callback: Callable[..., Any]) -> Callable[[_Frame], Any]:
    """Return py-amqp's own reader of frames behind a look at the heads of messages."""
    read = frame_handler(connection, callback)

    def on_frame(frame: _Frame) -> Any:
        kind, channel, buffer = frame
        return read((kind, channel, readable(buffer)) if kind == _HEADER else frame)

    return on_frame


def readable(head: bytes) -> bytes:
    """Return the head of a message, or in place of one that cannot be read one that says so."""
    try:
        decode_properties_basic(head, _BEFORE)
    except _TROUBLE:
        word = UNREADABLE.encode()
        return bytes(head[:_BEFORE]) + struct.pack(">HB", _TYPED, len(word)) + word
    return head
