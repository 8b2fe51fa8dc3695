"""Owns: publishing a message for each effect to an exchange of a broker, confirmed.
Imports: what router exports.
Never: declares anything at the broker; publishes to the default exchange.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from router import (
    CONTRACT,
    DURATION,
    SECRET,
    TEMPLATE,
    Answer,
    Contract,
    Health,
    MapOf,
    Prepared,
    Retryable,
    Secrets,
    Template,
    Text,
    TransformError,
    Unknown,
    component,
    encode_json,
    knob,
    place_of,
)

if TYPE_CHECKING:
    from router import Letter, Publisher

#: what the broker's word is as a status, so that outcomes read like everywhere
STATUS = {"taken": 200, "unroutable": 404, "refused": 503}
#: bytes of a routing key, of a name of an exchange, of a type
SHORT = 255
MESSAGE_ID = "message-id"


@component("amqp request", doc="One message: its exchange, its routing key and its headers.")
class AmqpRequest:
    """What an operation of a broker publishes."""

    publish: Template = knob(TEMPLATE, doc="the routing key")
    exchange: str = knob(Text(), doc="the exchange; it must be there")
    type: str = knob(Text(), doc="the message's type, for who takes it", default="")
    headers: Mapping[str, Template] = knob(MapOf(TEMPLATE), doc="further headers", default=dict)
    contract: Contract | None = knob(CONTRACT, doc="what the body keeps", default=None)
    answer: Contract | None = knob(CONTRACT, doc="brokers give no document", default=None)
    place: Any = place_of()

    def complaint(self) -> str:
        """Return what is wrong with the request as a whole, or an empty text."""
        for name in ("exchange", "type"):
            if len(getattr(self, name).encode()) > SHORT:
                return f"{name}: is longer than {SHORT} bytes"
        return ""


@component("amqp settings", doc="The broker of a system that takes messages.")
class AmqpSettings:
    """The environment's part of a system behind a broker."""

    broker: str = knob(
        SECRET, doc="the reference of its address: `amqps://user:password@host:5671/vhost`"
    )
    timeout: timedelta = knob(
        DURATION, doc="how long a confirm may take", default=timedelta(seconds=10)
    )


class AmqpAdapter:
    """Publishes persistent JSON messages, each mandatory and confirmed. Safe for many threads.

    Status 200 = it is in a queue, 404 = no queue takes it, 503 = the broker refuses it. The message
    id is our reference, in every repeat the same, unless a header `message-id` carries the key.
    """

    Request = AmqpRequest
    Settings = AmqpSettings

    def __init__(self, settings: AmqpSettings, secrets: Secrets) -> None:
        self.timeout = settings.timeout
        self._settings = settings
        self._secrets = secrets
        self._publisher: Publisher | None = None
        self._opening = threading.Lock()

    def prepare(self, request: AmqpRequest, values: Mapping[str, Any], document: Any) -> Prepared:
        """Return the message. Raises TransformError for a routing key that cannot be."""
        key = request.publish.fill(values)
        if not key or len(key.encode()) > SHORT:
            raise TransformError(f"the routing key is empty or longer than {SHORT} bytes")
        head = {
            "verb": "publish",
            "target": f"{request.exchange}/{key}",
            "exchange": request.exchange,
            "key": key,
            "id": str(values.get("reference", "")),
            "type": request.type,
            "headers": {name: one.fill(values) for name, one in request.headers.items()},
        }
        return Prepared(head=head, body=encode_json(document))

    def call(self, prepared: Prepared, key: Mapping[str, str]) -> Answer:
        """Publish and wait for the confirm. Raises Retryable or Unknown (see the port)."""
        return Answer(
            status=STATUS[
                self._open().publish(_letter(prepared, key), self.timeout.total_seconds())
            ]
        )

    def begin(
        self,
        prepared: Prepared,
        key: Mapping[str, str],
        then: Callable[[Answer | Retryable | Unknown], None],
    ) -> None:
        """Publish and go on; `then` is told the answer, or what `call` raises. Raises Retryable.

        It leaves with others, at `flush`.
        """
        self._open().post(
            _letter(prepared, key),
            self.timeout.total_seconds(),
            lambda end: then(Answer(status=STATUS[end]) if isinstance(end, str) else end),
        )

    def flush(self) -> None:
        """Let everything leave that was begun."""
        if self._publisher is not None:
            self._publisher.flush()

    def check(self) -> Health:
        """Connect, and ask the broker nothing further."""
        try:
            self._open().reach(self.timeout.total_seconds())
        except (Retryable, Unknown, LookupError) as error:
            return Health(ok=False, text=str(error))
        return Health(ok=True, text=self._open().name)

    def close(self) -> None:
        """Let go of the connection."""
        if self._publisher is not None:
            self._publisher.close()

    def _open(self) -> Publisher:
        if self._publisher is not None:
            return self._publisher
        from router import Publisher, Unavailable  # noqa: PLC0415 (a library that few need)

        with self._opening:
            if self._publisher is None:
                try:
                    self._publisher = Publisher(self._secrets.get(self._settings.broker), "router")
                except Unavailable as error:
                    raise Retryable(str(error)) from error
            return self._publisher


def _letter(prepared: Prepared, key: Mapping[str, str]) -> Letter:
    from router import Letter  # noqa: PLC0415

    head = prepared.head
    headers = {**head["headers"], **key}
    name = headers.pop(MESSAGE_ID, head["id"])
    return Letter(
        exchange=head["exchange"],
        key=head["key"],
        id=name,
        body=prepared.body,
        type=head["type"],
        headers=headers,
    )
