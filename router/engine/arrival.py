"""Owns: what a decoded delivery becomes: one message a record, with kind, identity, correlation.
Imports: core, config.channels, engine.identity.
Never: decodes bytes, stores, raises for a bad record (it arrives as a failure).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from urllib.parse import quote

from router.config.channels import Channel, Route
from router.config.references import Value
from router.config.transforms.expressions import Expression
from router.core.claim import Claim
from router.core.decision import DeadLettered, Discarded
from router.core.document import Decoded, Json, type_name
from router.core.errors import MessageError, TransformError
from router.core.message import Message, RawRef, derived_id, digest_of
from router.core.value import value
from router.engine.control import CONTROL, Content, complaint
from router.engine.identity import claims_of, part, searchable, words_of
from router.engine.steps.ending import stop_of

#: the step at which one record cannot be read, while others of its delivery can
RECORD = "record"
#: a header that intake writes, and takes away from what senders send: the positions of records
#: whose own signature does not fit, while that of others does; it is kept with the delivery
UNPROVED = "router-unproved"
#: bytes of a claim's key that say which it is: as many as an id has
NAMED = 16
#: characters of a correlation, of an order key
LONGEST = 256


@value(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was delivered: one request or one file. `headers` are in lower case.

    `beside` is the document of a file that lay beside it; `released`: it need not add up, for a
    person lets it go on.
    """

    id: str
    headers: Mapping[str, str]
    received_at: datetime
    sha256: str
    beside: Json = None
    released: bool = False


@value(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One record of a delivery. `verdict` is set when no route has to be run for it.

    `references` are the words by which it can be found: correlation and identity parts.
    """

    message: Message
    claims: tuple[Claim, ...] = ()
    references: tuple[str, ...] = ()
    verdict: Discarded | DeadLettered | None = None


def arrivals_of(
    channel: Channel,
    delivery: Delivery,
    decoded: Decoded,
    env: Mapping[str, Json],
    shaped: Callable[[Json], Json],
) -> tuple[Arrival, ...]:
    """Return one arrival a record; a delivery whose records cannot be told apart is one failure.

    `shaped` gives a record the shape that the source declares. Each record that cannot be read is
    a failure of its own; where the body is one message, it is that message's.
    """
    body = decoded.document
    if channel.records is None:
        if decoded.bad:
            return (failed_arrival(channel, delivery, decoded.bad[0].error, "decode"),)
        return (arrival_of(channel, delivery, shaped(body), env),)
    try:
        records = channel.records({"body": body, "headers": delivery.headers})
        if not isinstance(records, list):
            raise TransformError(
                f"records: ={channel.records.source} is {type_name(records)}, not a list",
                place=channel.records.place,
            )
    except MessageError as error:
        failed = failed_arrival(channel, delivery, error, "records")
        return (failed, *_unreadable(channel, delivery, decoded, placed=False))
    held = _held(channel, delivery, decoded, (records, shaped))
    if held is not None:
        return (held,)
    places = _places(decoded, records)
    numbers = range(len(records)) if places is None else places
    unproved = frozenset(delivery.headers.get(UNPROVED, "").split(","))
    good = tuple(
        _unproved(channel, delivery, record, number)
        if str(position) in unproved
        else arrival_of(channel, delivery, shaped(record), env, number)
        for position, (number, record) in enumerate(zip(numbers, records, strict=True))
    )
    return good + _unreadable(channel, delivery, decoded, placed=places is not None)


def _held(
    channel: Channel,
    delivery: Delivery,
    decoded: Decoded,
    read: tuple[Sequence[Json], Callable[[Json], Json]],
) -> Arrival | None:
    """Return the failure of a delivery that has no records, or others than it says it has."""
    records, shaped = read
    if channel.control is not None and not delivery.released:
        content = Content(
            scope={
                "body": decoded.document,
                "headers": delivery.headers,
                "beside": delivery.beside,
            },
            records=[shaped(one) for one in records],
            bad=len(decoded.bad),
        )
        why = complaint(channel.control, content)
        if why is not None:
            return failed_arrival(channel, delivery, why, CONTROL)
    if records or decoded.bad:
        return None
    return failed_arrival(channel, delivery, MessageError("no records", code="empty"), "records")


def _places(decoded: Decoded, records: Sequence[Json]) -> Sequence[int] | None:
    """Return where records stand in the body; None when `records:` makes others of them.

    The place numbers a record, read or not: it keeps its id when another one of the same bytes
    becomes readable, or is read itself.
    """
    if len(decoded.places) != len(decoded.document):
        return None
    known = {id(one): at for one, at in zip(decoded.document, decoded.places, strict=True)}
    found = [known[id(one)] for one in records if id(one) in known]
    return found if len(found) == len(records) == len(set(found)) else None


def _unproved(channel: Channel, delivery: Delivery, record: Json, number: int) -> Arrival:
    """Return the failure of a record that came among genuine ones."""
    why = MessageError("its own signature fits no live secret", code="unproved")
    named = (derived_id(delivery.id, str(number)), "", record)
    return failed_arrival(channel, delivery, why, "verify", record=named)


def _unreadable(
    channel: Channel, delivery: Delivery, decoded: Decoded, *, placed: bool
) -> tuple[Arrival, ...]:
    """Return the failure of each record that cannot be read."""
    made = []
    for one in decoded.bad:
        number = (str(one.at),) if placed else ("bad", str(one.at))
        body = {"record": one.name, "text": one.text}
        named = (derived_id(delivery.id, *number), "", body)
        made.append(failed_arrival(channel, delivery, one.error, RECORD, record=named))
    return tuple(made)


def arrival_of(
    channel: Channel, delivery: Delivery, body: Json, env: Mapping[str, Json], index: int = 0
) -> Arrival:
    """Return the arrival of one record."""
    scope: dict[str, Json] = {"body": body, "headers": delivery.headers, "env": env}
    message_id = derived_id(delivery.id, str(index))
    kind = ""
    try:
        kind = _kind(channel, scope)
        stamp = {
            name: _stamped(name, value)
            for name, expression in channel.stamp.items()
            if (value := expression(scope)) is not None
        }
        scope["stamp"] = stamp
        route = channel.routes.get(kind, channel.otherwise)
        if not isinstance(route, Route):
            verdict = stop_of(route)
            dead = isinstance(verdict, DeadLettered)
            return Arrival(
                message=_message(channel, delivery, body, (message_id, kind)),
                references=_readable(channel, kind, scope) if dead else (),
                verdict=verdict,
            )
        return _routed(route, delivery, scope, (message_id, stamp))
    except MessageError as error:
        return failed_arrival(channel, delivery, error, "accept", record=(message_id, kind, body))


def failed_arrival(
    channel: Channel,
    delivery: Delivery,
    error: MessageError,
    step: str,
    record: tuple[str, str, Json] | None = None,
) -> Arrival:
    """Return the arrival of what cannot be read: it goes to the dead letters with its bytes."""
    message_id, kind, body = record or (derived_id(delivery.id, "0"), "", None)
    scope: dict[str, Json] = {"body": body, "headers": delivery.headers}
    return Arrival(
        message=_message(channel, delivery, body, (message_id, kind)),
        references=_readable(channel, kind, scope),
        verdict=DeadLettered(
            reason=error.code, detail=str(error), step=step, place=str(error.place or "")
        ),
    )


def _routed(
    route: Route, delivery: Delivery, scope: Mapping[str, Json], made: tuple[str, dict[str, str]]
) -> Arrival:
    message_id, stamp = made
    body = scope["body"]
    claims = claims_of(route, scope)
    if claims and not route.recorded:  # nothing is known of it when it comes again: its ids tell it
        message_id = claims[0].key[-NAMED:].hex()
    words = words_of(route.correlation, scope, route.name) if route.correlation else ()
    order = words_of(route.order_by, scope, route.name) if route.order_by else ()
    references = dict.fromkeys(searchable(route.correlation, words))
    for claim in claims:
        references |= dict.fromkeys(claim.words)
    message = Message(
        id=message_id,
        correlationid=joined(words) or message_id,
        channel=route.channel,
        kind=route.kind,
        occurred_at=delivery.received_at,
        headers=delivery.headers,
        stamp=stamp,
        payload=body,
        raw=RawRef(delivery.id, delivery.sha256),
        order_key=joined(order),
    )
    return Arrival(message=message, claims=claims, references=tuple(references))


def _readable(channel: Channel, kind: str, scope: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the words by which a record is found that has no identity: what can be read of it.

    Where no route is known, that is what any route takes for the sender's name of a delivery.
    """
    known = channel.routes.get(kind)
    if isinstance(known, Route):
        values = (*known.correlation, *known.identity.delivery, *known.identity.object)
        return _words_in(values, scope)
    routes = [one for one in channel.routes.values() if isinstance(one, Route)]
    return _words_in([value for one in routes for value in one.identity.delivery], scope)


def _words_in(values: Iterable[Value], scope: Mapping[str, Json]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for one in values:
        if isinstance(one, Expression):
            with suppress(MessageError):
                found[str(part(one(scope), "", one.place))] = None
    return tuple(found)


def _message(channel: Channel, delivery: Delivery, body: Json, made: tuple[str, str]) -> Message:
    message_id, kind = made
    return Message(
        id=message_id,
        correlationid=message_id,
        channel=channel.name,
        kind=kind,
        occurred_at=delivery.received_at,
        headers=delivery.headers,
        payload=body,
        raw=RawRef(delivery.id, delivery.sha256),
    )


def joined(words: tuple[str, ...]) -> str:
    """Return key words as one readable text in which no two keys look alike.

    It is an entry of an index: of more than `LONGEST` characters the end is a digest.
    """
    text = "/".join(
        [word if word.isascii() and word.isalnum() else quote(word, safe="") for word in words]
    )
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 33]}~{digest_of(text)}"


def _stamped(name: str, value: Json) -> str:
    """Return a stamp as JSON writes it. Raises TransformError for a structure."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TransformError(f"stamp: {name} is {type_name(value)}, a text is wanted")


def _kind(channel: Channel, scope: Mapping[str, Json]) -> str:
    kind = channel.kind(scope)
    if kind is None:
        return ""
    if not isinstance(kind, str):
        raise TransformError(f"kind: is {type_name(kind)}, not a text", place=channel.kind.place)
    return kind
