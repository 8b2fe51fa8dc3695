"""Owns: taking a delivery in: bytes to records on disk, before anything is answered.
Imports: core, config, engine.arrival, infra.codecs, infra.store.
Never: verifies signatures (api.guard does), runs a route.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from router.config.channels import Channel
from router.config.contracts import Contracts
from router.core.decision import DeadLettered, Discarded
from router.core.document import Json
from router.core.errors import Draining, MessageError
from router.core.ports import Clock
from router.core.value import value
from router.engine.arrival import Arrival, Delivery, arrivals_of, failed_arrival
from router.engine.control import CONTROL
from router.infra.codecs import encode_json
from router.infra.store.pending import Pending
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.bodies import BESIDE, decode_beside, decode_body, shaper
from router.runtime.caution import killer
from router.runtime.failpoints import reach
from router.runtime.fresh import fresh_id

#: what wants the loop's attention
LOOP_LANE = "loop"


@value(frozen=True, slots=True)
class Receipt:
    """What a sender is told: the delivery, and each record's message and transaction."""

    delivery: str
    messages: tuple[tuple[str, str], ...]


class Ingress:
    """Stores deliveries. Safe for many threads."""

    def __init__(
        self, store: Store, clock: Clock, env: Mapping[str, Json], contracts: Contracts
    ) -> None:
        self._store = store
        self._clock = clock
        self._env = env
        self._contracts = contracts
        self._closed: frozenset[str] = frozenset()
        #: held while a delivery is submitted: what was taken before a door closed is written before
        #: what is written after it has closed
        self._door = threading.Lock()

    def close_to(self, channels: frozenset[str]) -> None:
        """Take nothing for these channels from now on, and for every other one."""
        with self._door:
            self._closed = channels

    def takes(self, channel: str) -> bool:
        """Return whether deliveries for a channel are taken."""
        return channel not in self._closed

    def receive(
        self,
        channel: Channel,
        headers: Mapping[str, str],
        body: bytes,
        also: Callable[[Transaction, str], None] | None = None,
    ) -> Pending[Receipt]:
        """Store a delivery and its records in one transaction; done = on disk.

        `also` may write more into that transaction; it gets the delivery's id. Raises Draining.
        """
        delivery = self._delivery(headers, body)
        return self._keep(channel, delivery, body, self.decode(channel, delivery, body), also)

    def refuse(
        self,
        channel: Channel,
        headers: Mapping[str, str],
        body: bytes,
        also: Callable[[Transaction, str], None],
        why: MessageError | None = None,
    ) -> Pending[Receipt]:
        """Store a delivery as a dead letter, without looking into it; by default one that ends the
        process. Raises Draining.
        """
        delivery = self._delivery(headers, body)
        why = why or MessageError(killer("decode").detail, code="killer")
        failed = failed_arrival(channel, delivery, why, "decode")
        return self._keep(channel, delivery, body, (failed,), also)

    def keep(
        self, channel: Channel, delivery: Delivery, body: bytes, rows: list[Queued]
    ) -> Pending[Receipt]:
        """Store a delivery with commands that came of it already. Raises Draining."""

        def also(transaction: Transaction, _delivery: str) -> None:
            transaction.enqueue(rows)

        return self._keep(channel, delivery, body, (), also)

    def _delivery(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        now = self._clock.now()
        return Delivery(
            id=fresh_id(now),
            headers=headers,
            received_at=now,
            sha256=hashlib.sha256(body).hexdigest(),
        )

    def _keep(
        self,
        channel: Channel,
        delivery: Delivery,
        body: bytes,
        records: Sequence[Arrival],
        also: Callable[[Transaction, str], None] | None,
    ) -> Pending[Receipt]:
        def job(transaction: Transaction) -> Receipt:
            content = (encode_json(dict(delivery.headers)).decode(), delivery.sha256, body)
            transaction.deliver(delivery.id, channel.name, delivery.received_at, content)
            transaction.enqueue([_queued(channel, one) for one in records])
            if also is not None:
                also(transaction, delivery.id)
            known = [(one.message.id, one.message.correlationid) for one in records]
            return Receipt(delivery.id, tuple(known))

        reach("ingress.before_commit")
        with self._door:
            if channel.name in self._closed:
                raise Draining(f"channel {channel.name} is drained: it takes nothing new")
            return self._store.submit(job)

    def decode(self, channel: Channel, delivery: Delivery, body: bytes) -> Sequence[Arrival]:
        """Return the records of a delivery; what does not decode arrives as a failure."""
        return arrivals(channel, delivery, body, (self._contracts, self._env))


def arrivals(
    channel: Channel,
    delivery: Delivery,
    body: bytes,
    by: tuple[Contracts, Mapping[str, Json]],
) -> Sequence[Arrival]:
    """Return the records of a delivery by the contracts and values of an environment."""
    contracts, env = by
    try:
        decoded = decode_body(channel, body)
        delivery = with_beside(channel, delivery)
    except MessageError as error:
        step = CONTROL if error.code == CONTROL else "decode"
        return (failed_arrival(channel, delivery, error, step),)
    return arrivals_of(channel, delivery, decoded, env, shaper(channel, contracts))


def with_beside(channel: Channel, delivery: Delivery) -> Delivery:
    """Return a delivery with the document of the file beside it, and without that file's bytes.

    They stay with the delivery; each record would carry them. Raises MessageError.
    """
    if channel.control is None and BESIDE not in delivery.headers:
        return delivery
    headers = {name: one for name, one in delivery.headers.items() if name != BESIDE}
    beside = None if delivery.released else decode_beside(channel, delivery.headers)
    return replace(delivery, headers=headers, beside=beside)


def consumer_of(channel: Channel, kind: str) -> str:
    """Return the name under which a kind is counted; what nobody declared shares one name."""
    return f"{channel.name}:{kind}" if kind in channel.routes else f"{channel.name}:?"


def arrival_extra(arrival: Arrival) -> dict[str, Any]:
    """Return what travels with a record to the loop beside the message."""
    extra: dict[str, Any] = {
        "claims": arrival.claims,
        "references": list(arrival.references),
    }
    if arrival.verdict is not None:
        extra["verdict"] = pack_verdict(arrival.verdict)
    return extra


def pack_verdict(verdict: Discarded | DeadLettered | None) -> list[str] | None:
    """Return a verdict as a list of texts."""
    match verdict:
        case Discarded(reason=reason):
            return ["discarded", reason]
        case DeadLettered():
            return ["dead", verdict.reason, verdict.detail, verdict.step, verdict.place]
    return None


def unpack_verdict(document: Sequence[str] | None) -> Discarded | DeadLettered | None:
    """Return the verdict that `pack_verdict` wrote."""
    if document is None:
        return None
    word, reason, *rest = document
    if word == "discarded":
        return Discarded(reason=reason)
    detail, step, place = rest
    return DeadLettered(reason=reason, detail=detail, step=step, place=place)


def _queued(channel: Channel, arrival: Arrival) -> Queued:
    return Queued(
        lane=LOOP_LANE,
        consumer=consumer_of(channel, arrival.message.kind),
        message=arrival.message,
        extra=arrival_extra(arrival),
    )
