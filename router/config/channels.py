"""Owns: channels: the source, how kind, identity, correlation and order are told, routes.
Imports: config.components, config.steps.
Never: decides (engine does); knows who consumes what it produces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from router.config.components import (
    Context,
    component,
    decode_component,
    knob,
    place_of,
)
from router.config.controls import Control
from router.config.filesources import FileSource, check_files
from router.config.formats import (
    MANY,
    MANY_SAYS,
    ForeignSource,
    check_format,
)
from router.config.guarantees.promise import Promise
from router.config.policies import FailurePolicy
from router.config.polls import PollSource, check_poll
from router.config.queues import AmqpSource, check_queue
from router.config.references import CONTRACT, EXPRESSION, POLICY, VALUE, Value
from router.config.schedules import ScheduleSource, check_schedule
from router.config.shapes import DURATION, SIZE, Choice, ListOf, MapOf, Name, Nested, OneKey, Text
from router.config.source import Node, Table
from router.config.steps import DEAD_LETTER, DISCARD, ENDING, STEPS, Ending, Step
from router.config.transforms.expressions import Expression
from router.config.validation import Contract
from router.config.verification import Inside, Verify, VerifyShape
from router.core.diagnostics import Place

RECORD_ROOTS = frozenset({"body", "headers", "env"})
PARTS = ListOf(VALUE, least=1)
#: functions that would make one key of two identities
_BLURRING = frozenset({"to_string", "join", "join_text", "text", "hash", "omit_empty", "replace"})


@component("http source", doc="Messages are posted to a path of the router.")
class HttpSource(ForeignSource):
    path: str = knob(Text("a path such as /in/name", r"/[a-z0-9/_-]+"), doc="where to post")
    verify: Verify = knob(VerifyShape(), doc="how a delivery proves where it comes from")
    body_limit: int = knob(SIZE, doc="larger bodies are refused", default=1024 * 1024)
    answer: str = knob(
        Text(), doc="the text that the sender wants to hear, instead of a receipt", default=""
    )
    records_limit: int = knob(MANY, doc=MANY_SAYS, default=5_000)


Source: TypeAlias = HttpSource | FileSource | PollSource | ScheduleSource | AmqpSource


@component("from", doc="Where a channel's messages come from.")
class From:
    http: HttpSource | None = knob(Nested(HttpSource), doc="webhooks", default=None)
    file: FileSource | None = knob(Nested(FileSource), doc="files in a folder", default=None)
    poll: PollSource | None = knob(Nested(PollSource), doc="a system that is asked", default=None)
    schedule: ScheduleSource | None = knob(
        Nested(ScheduleSource), doc="the clock: a message at times that are known", default=None
    )
    amqp: AmqpSource | None = knob(Nested(AmqpSource), doc="a queue of a broker", default=None)
    records: Expression | None = knob(
        EXPRESSION,
        doc="one delivery holds many messages: the list of them",
        default=None,
        roots=frozenset({"body", "headers"}),
    )
    place: Place = place_of()


@component("identity", doc="How a repeat is told from a new message. Parts are texts or integers.")
class Identity:
    delivery: tuple[Value, ...] = knob(PARTS, doc="names one delivery of the sender", default=())
    object: tuple[Value, ...] = knob(PARTS, doc="names what the message is about", default=())
    version: Expression | None = knob(EXPRESSION, doc="orders states of one object", default=None)
    compare: tuple[Expression, ...] = knob(
        ListOf(EXPRESSION), doc="what makes a repeat a conflict", default=()
    )
    keep: timedelta | None = knob(DURATION, doc="how long it is remembered", default=None)
    place: Place = place_of()


@component("route", doc="What happens to one kind of message.")
class RouteFile:
    accept: Contract = knob(CONTRACT, doc="the inbound contract")
    identity: Identity | None = knob(Nested(Identity), doc="adds to the channel's", default=None)
    correlation: tuple[Value, ...] = knob(
        PARTS, doc="names the business transaction; by default the message itself", default=()
    )
    order_by: tuple[Value, ...] = knob(
        PARTS, doc="messages with one key are handled in order, by every consumer", default=()
    )
    steps: tuple[Step, ...] = knob(STEPS, doc="what to do")
    record: str = knob(
        Choice(("none",)),
        doc="none: what goes well is on no disk here; its queue keeps it until every system has it",
        default="",
    )
    guarantee: Promise | None = knob(
        Nested(Promise), doc="what it promises; by default the channel's", default=None
    )
    on_failure: FailurePolicy | None = knob(POLICY, doc="by default the channel's", default=None)
    place: Place = place_of()


@dataclass(frozen=True, slots=True)
class RouteShape:
    """A route, or the reason why there is none."""

    expects: str = "a route, or {discard: reason}"

    def decode(self, node: Node, context: Context) -> Any:
        if (
            isinstance(node, Table)
            and len(node.entries) == 1
            and (node.entries[0].key in ("discard", "dead_letter"))
        ):
            return ENDING.decode(node, context)
        return decode_component(RouteFile, node, context)


@component("channel", doc="How one sender's messages come in and become canonical objects.")
class ChannelFile:
    channel: str = knob(Name(), doc="its name, the same as its file")
    owner: str = knob(Text(), doc="who answers for it")
    stamp: Mapping[str, Value] = knob(
        MapOf(VALUE), doc="facts that every message of it carries", default=dict, roots=RECORD_ROOTS
    )
    source: From = knob(Nested(From), key="from", doc="where its messages come from")
    kind: Expression = knob(EXPRESSION, doc="which route a message takes", roots=RECORD_ROOTS)
    identity: Identity | None = knob(
        Nested(Identity), doc="for every route", default=None, roots=RECORD_ROOTS
    )
    routes: Mapping[str, RouteFile | Ending] = knob(
        MapOf(RouteShape(), least=1), doc="by kind", roots=RECORD_ROOTS | {"stamp"}
    )
    otherwise: tuple[Ending, ...] = knob(
        ListOf(OneKey("ending", {"discard": DISCARD, "dead_letter": DEAD_LETTER}), least=1),
        doc="every kind that no route names",
    )
    guarantee: Promise | None = knob(
        Nested(Promise), doc="what each route promises that does not say it itself", default=None
    )
    on_failure: FailurePolicy = knob(POLICY, doc="when enrich fails")
    place: Place = place_of()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route ready to run. `name` is `channel:kind`."""

    name: str
    channel: str
    kind: str
    accept: Contract
    identity: Identity
    correlation: tuple[Value, ...]
    order_by: tuple[Value, ...]
    steps: tuple[Step, ...]
    policy: FailurePolicy
    #: whether its messages are on disk here before anything else happens
    recorded: bool = True
    #: what it promises, None when it promises nothing
    promise: Promise | None = None
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel ready to run."""

    name: str
    source: Source
    records: Expression | None
    #: what must be in a delivery
    control: Control | None = None
    kind: Expression
    stamp: Mapping[str, Value]
    routes: Mapping[str, Route | Ending]
    otherwise: Ending
    place: Place


def make_channel(file: ChannelFile, context: Context) -> Channel | None:
    """Return the channel of a decoded file, having checked it as a whole."""
    sources = _sources(file.source)
    if len(sources) != 1:
        context.report.error(
            "E052",
            file.source.place,
            "from: wants exactly one source",
            "http:, file:, poll:, schedule: or amqp:",
        )
        return None
    if isinstance(sources[0], ForeignSource):
        check_format(sources[0], file.source.place, context)
    _check_signed_records(file, context)
    _check_promises(file, context)
    if file.source.file is not None:
        check_files(file.source.file, file.source.records, context)
    if file.source.poll is not None:
        check_poll(file.source.poll, context)
    if file.source.schedule is not None:
        check_schedule(file.source.schedule, context)
    if file.source.amqp is not None:
        check_queue(file.source.amqp, context)
    routes: dict[str, Route | Ending] = {}
    for kind, route in file.routes.items():
        routes[kind] = _route(file, kind, route, context) if isinstance(route, RouteFile) else route
    return Channel(
        name=file.channel,
        source=sources[0],
        records=file.source.records,
        control=file.source.file.control if file.source.file is not None else None,
        kind=file.kind,
        stamp=file.stamp,
        routes=routes,
        otherwise=file.otherwise[0],
        place=file.place,
    )


def _sources(said: From) -> list[Source]:
    every = (said.http, said.file, said.poll, said.schedule, said.amqp)
    return [one for one in every if one is not None]


def _check_signed_records(file: ChannelFile, context: Context) -> None:
    """Signatures inside records are of the records that the channel takes, one for one."""
    http, records = file.source.http, file.source.records
    scheme = http.verify.signature if http is not None else None
    if not isinstance(scheme, Inside) or records is None or records.source == scheme.each.source:
        return
    context.report.error(
        "E132",
        records.place,
        f"signatures stand inside ={scheme.each.source}, records are taken from elsewhere",
        f"records: ={scheme.each.source}",
    )


def _check_promises(file: ChannelFile, context: Context) -> None:
    """Report a promise of nothing: it looks as if something were held."""
    own = [one.guarantee for one in file.routes.values() if isinstance(one, RouteFile)]
    for promise in (file.guarantee, *own):
        if promise is not None and not promise.words():
            hint = "guarantee: {loss: none, duplicates: absorbed}, or leave it out"
            context.report.error("E149", promise.place, "guarantee: promises nothing", hint)


def _identity_hint(kind: str, accept: Contract) -> str:
    """Return what to write; what knows names is loaded only where something is wrong."""
    from router.config.candidates import identity_hint  # noqa: PLC0415

    return identity_hint(kind, accept)


def _route(file: ChannelFile, kind: str, route: RouteFile, context: Context) -> Route:
    identity = _merged(file.identity, route.identity, route.place)
    if not identity.delivery and not identity.object and not route.record:
        context.report.error(
            "E042",
            route.place,
            f"route {kind} has no identity: a resend would be done twice",
            _identity_hint(kind, route.accept),
        )
    for parts in (identity.delivery, identity.object):
        if parts and not any(isinstance(one, Expression) for one in parts):
            context.report.error(
                "E042",
                identity.place,
                f"the identity of route {kind} is one for all messages: the second is dropped",
                _identity_hint(kind, route.accept),
            )
    for value in (*identity.delivery, *identity.object):
        if isinstance(value, Expression):
            for name in sorted(value.calls & _BLURRING):
                context.report.error(
                    "E049",
                    value.place,
                    f"{name}() in an identity",
                    "list the parts: the engine encodes them",
                )
    return Route(
        name=f"{file.channel}:{kind}",
        channel=file.channel,
        kind=kind,
        accept=route.accept,
        identity=identity,
        correlation=route.correlation,
        order_by=route.order_by,
        steps=route.steps,
        policy=route.on_failure or file.on_failure,
        recorded=not route.record,
        promise=route.guarantee or file.guarantee,
        place=route.place,
    )


def _merged(base: Identity | None, own: Identity | None, place: Place) -> Identity:
    """Return the route's identity with the channel's where the route says nothing."""
    none = Identity(delivery=(), object=(), version=None, compare=(), keep=None, place=place)
    said = own or base or none
    base, own = base or none, own or none
    return Identity(
        delivery=own.delivery or base.delivery,
        object=own.object or base.object,
        version=own.version or base.version,
        compare=own.compare or base.compare,
        keep=base.keep if own.keep is None else own.keep,
        place=said.place,
    )
