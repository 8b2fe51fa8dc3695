"""Owns: what routes and flows make of what they read: each object, request and stamp.
Imports: config.lineage, config.project, config.steps.
Never: asks whether a message comes that far: conditions of steps decide about whole objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from router.config.channels import Channel, Route
from router.config.lineage.maps import mapped, plus, told
from router.config.lineage.paths import Path, Paths, Source
from router.config.lineage.reading import Reading
from router.config.lineage.value import EMPTY, Origin, Value, deciders
from router.config.project import Project
from router.config.steps import (
    Apply,
    Choose,
    Enrich,
    Fork,
    Produce,
    Recipients,
    Split,
    Step,
)
from router.config.systems import Operation
from router.config.validation import Contract
from router.core.diagnostics import Place
from router.core.message import ContractRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """A place where something is made: an object, a request, the stamp of a channel.

    `maker` is a route `channel:kind`, a flow `flow:name` or a channel; `by` are the transforms on
    the way, in order.
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
        scope = {"payload": _root(source), "stamp": _root(STAMP), "env": _root(ENV)}
        way = _Way(maker=flow.name, scope=Value(fields=scope))
        made += walk.steps(flow.steps, way)
    sources = {one.target for one in made} | walk.read
    sources |= {Source("table", name) for name in project.tables}
    sources |= {of_object(flow.accept.ref) for flow in project.flows.values()}
    ordered = sorted(sources, key=lambda one: (*one.key, str(one.contract)))
    return Landscape(walk.paths, tuple(made), tuple(ordered))


STAMP = Source("stamp", "stamp")
ENV = Source("env", "env")


def of_object(contract: ContractRef) -> Source:
    """Return the source that is a canonical object, of whichever minor version."""
    return Source("object", contract.subject, contract)


def ref_of(contract: Contract | None) -> ContractRef | None:
    """Return which contract it is, if any."""
    return contract.ref if contract is not None else None


def _root(source: Source) -> Value:
    return Value(frozenset({Origin(Path(source), Place(""))}))


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
                case _:
                    way = self._after(step, way)

    def _after(self, step: Step, way: _Way) -> _Way:
        match step:
            case Split(each=each, name=name):
                item = Reading(self.paths, each.place).items(told(each, way.scope, self.paths))
                return way.plus(**{name: item, f"{name}_index": EMPTY})
            case Enrich(call=call, arguments=arguments, name=name):
                source = Source("answer", call.name, ref_of(call.file.returns))
                self.read.add(source)
                asked = [told(one, way.scope, self.paths) for one in arguments.values()]
                return way.plus(**{name: _root(source).under(deciders(*asked))})
            case Apply(transform=transform):
                made = mapped(transform.file, way.scope, self.paths)
                return replace(way.plus(payload=made), by=(*way.by, transform.name))
        return way

    def _sent(self, step: Recipients, way: _Way) -> Iterator[Production]:
        payload = way.scope.fields.get("payload", EMPTY)
        for target in step.targets:
            for call in target.operation.calls:
                yield self._request(call, payload, way, target.place)

    def _request(self, call: Operation, payload: Value, way: _Way, place: Place) -> Production:
        transform = call.file.transform
        if transform is None:
            source = Source("request", call.name, ref_of(call.accept))
            return self._made(way, source, payload, place)
        scope = plus(
            way.scope,
            payload=payload,
            reference=_root(Source("call", "reference")),
            calls=_root(Source("call", "calls")),
        )
        made = mapped(transform.file, scope, self.paths)
        source = Source("request", call.name, ref_of(transform.to))
        return self._made(replace(way, by=(*way.by, transform.name)), source, made, place)

    def _made(self, way: _Way, target: Source, value: Value, at: Produce | Place) -> Production:
        place = at if isinstance(at, Place) else at.place
        return Production(maker=way.maker, by=way.by, target=target, value=value, place=place)

    def _scope(self, channel: Channel, contract: ContractRef) -> Value:
        roots = self._roots(channel.name, contract)
        return plus(roots, stamp=self._stamp(channel, roots))

    def _roots(self, channel: str, contract: ContractRef | None) -> Value:
        body, headers = Source("channel", channel, contract), Source("headers", channel)
        self.read |= {headers, body} if contract is not None else {headers}
        return Value(fields={"body": _root(body), "headers": _root(headers), "env": _root(ENV)})

    def _stamp(self, channel: Channel, roots: Value) -> Value:
        stamp: Mapping[str, Value] = {
            name: told(one, roots, self.paths) for name, one in channel.stamp.items()
        }
        return Value(fields=stamp)
