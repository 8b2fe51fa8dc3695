"""Owns: who is exercised: each route, each flow, each operation, and how it runs.
Imports: config, core, engine, runtime.exchange, runtime.requests.
Never: makes documents.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from router.config.channels import Channel, Route
from router.config.flows import Flow
from router.config.generation.hints import hints_of, last_name
from router.config.project import Project
from router.config.steps import Enrich
from router.config.systems import Operation
from router.config.transforms.reads import nodes_of
from router.config.validation import Contract
from router.core.decision import DeadLettered
from router.core.diagnostics import Place
from router.core.document import Json
from router.core.errors import MessageError
from router.core.message import Message
from router.engine.arrival import Delivery, arrival_of
from router.engine.pipeline import run_flow, run_route
from router.infra.store.rows import Queued
from router.runtime.exchange import Exchange
from router.runtime.exercise.blame import Blame, blame_of
from router.runtime.exercise.trial import Sample, Trial, World, failed_in, tried
from router.runtime.requests import Leg, prepare, reference_of

#: every run is at this moment
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Somebody who takes documents of one contract."""

    name: str
    accept: Contract
    place: Place
    hints: Mapping[str, tuple[Json, ...]]
    #: the contracts of what it may ask, by operation
    asks: Mapping[str, Contract]
    run: Callable[[Sample], Trial]
    #: false when a document is another route's
    is_meant: Callable[[Json], bool] = lambda _: True


def subjects(
    project: Project, exchange: Exchange, stamps: Mapping[str, Mapping[str, str]]
) -> Iterator[Subject]:
    """Yield routes, then flows, then operations, each in the order of its name."""
    blame = blame_of(project.transforms.values())
    world = World(env=exchange.env, subscribers=project.subscribers, blame=blame)
    for channel in project.channels.values():
        for route in channel.routes.values():
            if isinstance(route, Route):
                yield _route(project, world, (channel, route), stamps.get(channel.name, {}))
    for flow in project.flows.values():
        stamp = next(iter(stamps.values()), {})
        yield _flow(project, world, flow, stamp)
    for operation in project.operations.values():
        for call in operation.calls:
            if call.accept is not None and not call.needs:
                yield _operation(project, exchange, call, blame)


def _route(
    project: Project, world: World, found: tuple[Channel, Route], headers: Mapping[str, str]
) -> Subject:
    channel, route = found
    # whatever its kind is told to be, the document takes this route
    alone = dataclasses.replace(channel, routes=_Always(route))
    delivery = Delivery(id="generated", headers=headers, received_at=NOW, sha256="0" * 64)
    hints = hints_of((channel.kind, route), project.tables)
    for name in _names_of_kind(channel):
        hints[name] = (route.kind, *hints.get(name, ()))
    return Subject(
        name=route.name,
        accept=route.accept,
        place=route.place,
        hints=hints,
        run=partial(_run_route, world, (alone, route), delivery),
        is_meant=partial(_is_of, channel, route, (headers, world.env)),
        asks=_asked(route.steps),
    )


def _names_of_kind(channel: Channel) -> set[str]:
    """Return the fields of the body that may say the kind."""
    if "body" not in channel.kind.reads:
        return set()
    paths = [one for one in nodes_of(channel.kind.evaluate.tree) if one["type"] == "subexpression"]
    return {last_name(one) for one in paths if one["children"][0].get("value") != "env"}


class _Always(dict[str, Any]):
    """Routes by kind, of which every kind has the same one."""

    def __init__(self, route: Route) -> None:
        super().__init__()
        self._route = route

    def get(self, _kind: str, _default: Any = None) -> Any:
        """Return the route."""
        return self._route


def _asked(steps: Any) -> dict[str, Contract]:
    """Return the contract of each answer that steps ask for, as far as it has one."""
    told = {one.call.name: one.call.file.returns for one in _enrichments(steps)}
    return {name: contract for name, contract in told.items() if contract is not None}


def _enrichments(part: Any) -> Iterator[Enrich]:
    if isinstance(part, Enrich):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from _enrichments(one)
    elif hasattr(part, "branches"):
        yield from _enrichments(tuple(part.branches.values()))
    elif hasattr(part, "cases"):
        yield from _enrichments((*(one.steps for one in part.cases), part.otherwise))


def _is_of(
    channel: Channel,
    route: Route,
    around: tuple[Mapping[str, str], Mapping[str, Json]],
    document: Json,
) -> bool:
    """Return whether a document is of the route's kind, as far as its body says."""
    if "body" not in channel.kind.reads:
        return True
    headers, env = around
    try:
        kind: Json = channel.kind({"body": document, "headers": headers, "env": env})
    except MessageError:
        return True
    return bool(kind == route.kind)


def _run_route(
    world: World, found: tuple[Channel, Route], delivery: Delivery, sample: Sample
) -> Trial:
    channel, route = found
    arrival = arrival_of(channel, delivery, sample.document, world.env)
    if isinstance(arrival.verdict, DeadLettered):
        failure = world.blame.failure(arrival.verdict)
        return Trial(word="refused" if failure is None else "failed", failure=failure)
    return tried(world, sample, partial(run_route, route, arrival.message))


def _flow(project: Project, world: World, flow: Flow, stamp: Mapping[str, str]) -> Subject:
    return Subject(
        name=flow.name,
        accept=flow.accept,
        place=flow.place,
        hints=hints_of(flow, project.tables),
        run=lambda sample: tried(
            world, sample, partial(run_flow, flow, _message(flow.accept, sample, stamp))
        ),
        asks=_asked(flow.steps),
    )


def _message(contract: Contract, sample: Sample, stamp: Mapping[str, str]) -> Message:
    return Message(
        id="0" * 32,
        correlationid="generated",
        contract=contract.ref,
        occurred_at=NOW,
        stamp=dict(stamp),
        payload=sample.document,
    )


def _operation(project: Project, exchange: Exchange, operation: Operation, blame: Blame) -> Subject:
    accept = operation.accept
    assert accept is not None, "an operation that only reads takes nothing"
    return Subject(
        name=operation.name,
        accept=accept,
        place=operation.file.place,
        hints=hints_of(operation.file.transform, project.tables),
        asks={},
        run=partial(_request, exchange, operation, blame),
    )


def _request(exchange: Exchange, operation: Operation, blame: Blame, sample: Sample) -> Trial:
    assert operation.accept is not None, "an operation that only reads takes nothing"
    message = _message(operation.accept, sample, {})
    row = Queued(lane="generated", consumer=operation.name, message=message)
    leg = Leg(row=row, command=operation, operation=operation)
    try:
        prepare(exchange, leg, reference_of(leg.key, operation))
    except MessageError as error:
        return failed_in(blame, error, operation.file.transform)
    return Trial(word="routed")
