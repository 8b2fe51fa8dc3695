"""Owns: what routes and flows make of what they read: each object, request, address and stamp.
Imports: config.lineage, config.project, config.steps.
Never: asks whether a message comes that far: conditions of steps decide about whole objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from router.config.channels import Channel, Route
from router.config.lineage.calls import (
    REFERENCE,
    RESULT,
    addressed,
    answer_of,
    body_of,
    gave,
    made_anew,
)
from router.config.lineage.maps import mapped, plus, told
from router.config.lineage.paths import ENV, STAMP, Paths, Source, of_event, of_object, ref_of
from router.config.lineage.reading import Reading
from router.config.lineage.value import EMPTY, Value, deciders, whole
from router.config.polls import PollSource
from router.config.project import Project
from router.config.references import Value as Written
from router.config.sequences import CALLS
from router.config.steps import (
    Apply,
    Choose,
    Enrich,
    Fork,
    Produce,
    Recipients,
    Send,
    Signal,
    Split,
    Step,
)
from router.config.systems import AnyOperation, Operation
from router.core.diagnostics import Place
from router.core.message import ContractRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """A place where something is made: an object, a request or its address, what an operation takes
    out of an answer, the stamp of a channel.

    `maker` is a route `channel:kind`, a flow `flow:name`, an operation or a channel; `by` are the
    transforms on the way, in order.
    """

    maker: str
    by: tuple[str, ...]
    target: Source
    value: Value
    place: Place


@dataclass(frozen=True, slots=True)
class Landscape:
    """All that is made in a project, and all whose fields can be asked for."""

    paths: Paths
    productions: tuple[Production, ...]
    sources: tuple[Source, ...]


def landscape_of(project: Project) -> Landscape:
    """Return what is made in a sound project, in the order of its files."""
    walk = _Walk(Paths.of(project.contracts))
    made: list[Production] = []
    for channel in project.channels.values():
        made += walk.channel(channel)
    for flow in project.flows.values():
        source = of_object(flow.accept.ref)
        scope = {"payload": whole(source), "stamp": whole(STAMP), "env": whole(ENV)}
        way = _Way(maker=flow.name, scope=Value(fields=scope))
        made += walk.steps(flow.steps, way)
    for operation in project.operations.values():
        made += walk.answer(operation)
    sources = {one.target for one in made} | walk.read
    sources |= {Source("table", name) for name in project.tables}
    sources |= {of_object(flow.accept.ref) for flow in project.flows.values()}
    ordered = sorted(sources, key=lambda one: (*one.key, str(one.contract)))
    return Landscape(walk.paths, tuple(made), tuple(ordered))


#: our name for an effect
OURS = Source("call", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A message on its way through steps."""

    maker: str
    scope: Value
    by: tuple[str, ...] = ()

    def plus(self, **named: Value) -> _Way:
        return replace(self, scope=plus(self.scope, **named))


class _Walk:
    """Goes through routes and flows; `read` is what they read."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.read: set[Source] = set()

    def channel(self, channel: Channel) -> Iterator[Production]:
        """Yield what a channel makes."""
        for route in channel.routes.values():
            if isinstance(route, Route):
                scope = self._scope(channel, route.accept.ref)
                yield from self.steps(route.steps, _Way(maker=route.name, scope=scope))
        stamp = self._stamp(channel, self._roots(channel.name, None))
        yield Production(maker=channel.name, by=(), target=STAMP, value=stamp, place=channel.place)
        if isinstance(channel.source, PollSource):
            yield from self._asked(channel.source, channel.name)

    def answer(self, operation: AnyOperation) -> Iterator[Production]:
        """Yield what a read operation takes out of what the far side says."""
        if isinstance(operation, Operation) and operation.is_read and made_anew(operation):
            self.read |= {body_of(operation)}
            yield Production(
                maker=operation.name,
                by=(),
                target=answer_of(operation),
                value=gave(operation, self.paths).fields[RESULT],
                place=operation.file.place,
            )

    def _asked(self, source: PollSource, maker: str) -> Iterator[Production]:
        """Yield the address by which a page is asked for: the page before has a part in it."""
        self.read |= {body_of(source.call)}
        page = {"body": whole(body_of(source.call)), "env": whole(ENV)}
        page |= {"headers": whole(Source("headers", source.call.name))}
        after = Value(fields=page)
        position = told(source.cursor.value, after, self.paths) if source.cursor else EMPTY
        scope = {"cursor": position, "reached": position, "env": whole(ENV)}
        scope["next"] = told(source.next, after, self.paths) if source.next else EMPTY
        way = _Way(maker=maker, scope=Value(fields=scope))
        yield from self._read_at(source.call, source.arguments, way, source.place)

    def _read_at(
        self, call: AnyOperation, arguments: Mapping[str, Written], way: _Way, place: Place
    ) -> Iterator[Production]:
        """Yield the address of a read."""
        assert isinstance(call, Operation), "a sequence reads nothing"
        places = {name: told(one, way.scope, self.paths) for name, one in arguments.items()}
        yield from self._address(call, addressed(call.file.request, places), way, place)

    def _address(
        self, call: Operation, value: Value, way: _Way, place: Place
    ) -> Iterator[Production]:
        if not value.is_empty:
            yield self._made(way, Source("address", call.name), value, place)

    def steps(self, steps: Iterable[Step], way: _Way) -> Iterator[Production]:
        """Yield what steps make, those of branches too."""
        for step in steps:
            match step:
                case Choose(cases=cases, otherwise=otherwise):
                    for branch in (*(one.steps for one in cases), otherwise):
                        yield from self.steps(branch, way)
                case Fork(branches=branches):
                    for branch in branches.values():
                        yield from self.steps(branch, way)
                case Produce():
                    target = of_object(step.object.ref)
                    yield self._made(way, target, way.scope.fields.get("payload", EMPTY), step)
                case Recipients():
                    yield from self._sent(step, way)
                case Signal():
                    event = step.workflow.file.events[step.event]
                    target = of_event(step.workflow.name, step.event, event.contract.ref)
                    yield self._made(way, target, way.scope.fields.get("payload", EMPTY), step)
                case Enrich(call=call, arguments=arguments, place=place):
                    yield from self._read_at(call, arguments, way, place)
                    way = self._after(step, way)
                case _:
                    way = self._after(step, way)

    def _after(self, step: Step, way: _Way) -> _Way:
        match step:
            case Split(each=each, name=name):
                item = Reading(self.paths, each.place).items(told(each, way.scope, self.paths))
                return way.plus(**{name: item, f"{name}_index": EMPTY})
            case Enrich(call=call, arguments=arguments, name=name):
                source = answer_of(call)
                self.read.add(source)
                asked = [told(one, way.scope, self.paths) for one in arguments.values()]
                return way.plus(**{name: whole(source).under(deciders(*asked))})
            case Apply(transform=transform):
                made = mapped(transform.file, way.scope, self.paths)
                return replace(way.plus(payload=made), by=(*way.by, transform.name))
        return way

    def _sent(self, step: Recipients, way: _Way) -> Iterator[Production]:
        payload = way.scope.fields.get("payload", EMPTY)
        for target in step.targets:
            before: dict[str, Value] = {}
            for call in target.operation.calls:
                yield self._request(call, plus(way.scope, payload=payload), before, (way, target))
                yield from self._sent_to(call, before, way, target.place)
                before[call.word] = gave(call, self.paths)

    def _request(
        self, call: Operation, scope: Value, before: Mapping[str, Value], at: tuple[_Way, Send]
    ) -> Production:
        way, target = at
        transform = call.file.transform
        if transform is None:
            source = Source("request", call.name, ref_of(call.accept))
            return self._made(way, source, scope.fields["payload"], target.place)
        self.read |= {answer_of(one) for one in target.operation.calls if one.word in before}
        ours = {REFERENCE: whole(OURS), CALLS: Value(fields=dict(before))}
        made = mapped(transform.file, plus(scope, **ours), self.paths)
        source = Source("request", call.name, ref_of(transform.to))
        return self._made(replace(way, by=(*way.by, transform.name)), source, made, target.place)

    def _sent_to(
        self, call: Operation, before: Mapping[str, Value], way: _Way, place: Place
    ) -> Iterator[Production]:
        """Yield the address of an effect, and that of its look-up."""
        places = {name: one.fields[REFERENCE] for name, one in before.items()}
        places[REFERENCE] = whole(OURS)
        value = addressed(call.file.request, places)
        if call.file.lookup is not None:
            places["theirs"] = gave(call, self.paths).fields[REFERENCE]
            asked = addressed(call.file.lookup.request, places)
            value = value if asked.is_empty else plus(value, **{"look-up": asked})
        yield from self._address(call, value, way, place)

    def _made(
        self, way: _Way, target: Source, value: Value, at: Produce | Signal | Place
    ) -> Production:
        place = at if isinstance(at, Place) else at.place
        return Production(maker=way.maker, by=way.by, target=target, value=value, place=place)

    def _scope(self, channel: Channel, contract: ContractRef) -> Value:
        roots = self._roots(channel.name, contract)
        return plus(roots, stamp=self._stamp(channel, roots))

    def _roots(self, channel: str, contract: ContractRef | None) -> Value:
        body, headers = Source("channel", channel, contract), Source("headers", channel)
        self.read |= {headers, body} if contract is not None else {headers}
        return Value(fields={"body": whole(body), "headers": whole(headers), "env": whole(ENV)})

    def _stamp(self, channel: Channel, roots: Value) -> Value:
        stamp: Mapping[str, Value] = {
            name: told(one, roots, self.paths) for name, one in channel.stamp.items()
        }
        return Value(fields=stamp)
