"""Owns: a message as it came from a queue; its head as texts within bounds.
Imports: core.
Never: decodes a body; makes a text of a table; takes for the sender's what the broker wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from router.core.errors import DecodeError, LimitExceeded, MessageError
from router.core.value import value

#: texts that strangers put into a head, and bytes of all of them
MOST_HEADERS, MOST_BYTES = 64, 16 * 1024
#: the content type of a message whose head could not be read (see `frames`)
UNREADABLE = "unreadable"
#: properties of a message that are told, by what they are called in a head
PROPERTIES = {
    name: name.replace("_", "-")
    for name in (
        *("content_type", "content_encoding", "correlation_id", "reply_to", "expiration"),
        *("message_id", "timestamp", "type", "user_id", "app_id", "priority"),
    )
}
#: how it came to the queue
ROUTE = {"exchange": "exchange", "routing_key": "routing-key"}
#: what brokers add on the way: it differs from one delivery of a message to the next
_BROKERS = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count")
_RESERVED = frozenset({*PROPERTIES.values(), *ROUTE.values()})


class Mark(NamedTuple):
    """What settles a message: good for the connection on which it came, and for no other."""

    connection: int
    tag: int


@value(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A message from a queue. `unfit` says why its head could not be taken; then it has none."""

    mark: Mark
    queue: str
    headers: Mapping[str, str]
    body: bytes
    unfit: MessageError | None = None
    #: it was given to somebody before, who did not settle it
    again: bool = False


def parcel_of(queue: str, connection: int, message: Any) -> Parcel:
    """Return a message of py-amqp as a parcel."""
    told = message.delivery_info
    headers: dict[str, str] = {}
    unfit: MessageError | None = None
    try:
        headers = head_of(message.properties, told)
    except MessageError as error:
        unfit = error
    body = message.body
    return Parcel(
        mark=Mark(connection, told["delivery_tag"]),
        queue=queue,
        headers=headers,
        body=body.encode() if isinstance(body, str) else bytes(body),
        unfit=unfit,
        again=bool(told.get("redelivered")),
    )


def head_of(properties: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, str]:
    """Return properties and headers of a message as texts by lower-case names.

    Tables and lists are left out, and what carries the name of a property. Raises DecodeError for
    what is no text, or has two values; LimitExceeded for more than `MOST_HEADERS` or `MOST_BYTES`.
    """
    if properties.get("content_type") == UNREADABLE:
        raise DecodeError("the properties or headers of the message cannot be read")
    made = {PROPERTIES[name]: _text(properties[name]) for name in PROPERTIES if name in properties}
    made |= {ROUTE[name]: _text(told[name]) for name in ROUTE}
    count = size = 0
    for name, text in _written(properties.get("application_headers") or {}):
        count, size = count + 1, size + len(name.encode()) + len(text.encode())
        if count > MOST_HEADERS or size > MOST_BYTES:
            raise LimitExceeded(f"more than {MOST_HEADERS} headers, or {MOST_BYTES} bytes of them")
        if made.setdefault(name, text) != text:
            raise DecodeError("two headers of the message have one name and say two things")
    return made


def _written(table: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the sender wrote: names in lower case, with texts."""
    for key, held in table.items():
        name = _text(key).lower()
        if name in _RESERVED or name.startswith(_BROKERS) or isinstance(held, dict | list):
            continue
        if held is not None:
            yield name, _text(held)


def _text(held: Any) -> str:
    """Return a value as text. Raises DecodeError for what no text can hold."""
    match held:
        case bool():
            return "true" if held else "false"
        case str() | int() | float() | Decimal():
            text = str(held)
        case datetime():
            text = held.isoformat()
        case _:
            text = _decoded(
                bytes(held) if isinstance(held, bytes | bytearray | memoryview) else b""
            )
    if "\0" in text or not (text.isascii() or _is_whole(text)):
        raise DecodeError("a header of the message is no text")
    return text


def _is_whole(text: str) -> bool:
    """Return whether no half of a pair stands alone."""
    return not any("\ud800" <= one <= "\udfff" for one in text)


def _decoded(held: bytes) -> str:
    try:
        return held.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("a header of the message is no text") from error
