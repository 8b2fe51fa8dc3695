"""Owns: what a route that says `record: none` may not want: all that needs a row on disk.
Imports: config.channels, config.steps, config.systems.
Never: looks at routes that are recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from router.config.channels import Channel, Route
from router.config.queues import AmqpSource
from router.config.steps import Enrich, Produce, Recipients, Signal, Step, steps_in
from router.config.systems import AnyOperation, Operation
from router.core.diagnostics import Place, Report

if TYPE_CHECKING:
    from router.config.project import Project

#: what is wrong: its code, where, what it is, what to write
Wrong: TypeAlias = tuple[str, Place, str, str]
_RECORDED = "take record: none out of the route"


def check_unrecorded(project: Project, report: Report) -> None:
    """Report what a route without a record wants and cannot have, on every way to a far side.

    The project must be sound: a flow that cannot be read wants nothing.
    """
    seen: set[Wrong] = set()
    for channel in project.channels.values():
        for route in channel.routes.values():
            if isinstance(route, Route) and not route.recorded:
                for code, place, what, hint in _wrong(project, channel, route):
                    if (code, place, what, hint) not in seen:
                        seen.add((code, place, what, hint))
                        report.error(code, place, f"{what}: {route.name} has no record", hint)


def _wrong(project: Project, channel: Channel, route: Route) -> Iterator[Wrong]:
    if not isinstance(channel.source, AmqpSource):
        hint = f"from: {{amqp: {{queue: ...}}}}, or {_RECORDED}"
        yield "E216", route.place, "nothing but a queue keeps a message until it is taken", hint
    yield from _of_route(channel, route)
    for step in _ways(project, route):
        match step:
            case Enrich():
                yield "E217", step.place, "enrich waits for an answer as a row", _RECORDED
            case Signal():
                yield "E217", step.place, "signal waits for the workflow as a row", _RECORDED
            case Produce():
                yield from _of_object(step)
            case Recipients(targets=targets):
                for target in targets:
                    yield from _of_operation(project, target.operation, target.place)


def _of_route(channel: Channel, route: Route) -> Iterator[Wrong]:
    identity = route.identity
    if channel.records is not None:
        what = "records: makes several messages of one, and each has an end of its own"
        yield "E217", channel.records.place, what, _RECORDED
    if route.order_by:
        what = "order_by: lets messages wait as rows behind another"
        yield "E217", route.place, what, f"leave order_by: out, or {_RECORDED}"
    if identity.object or identity.version or identity.compare or identity.keep:
        what = "a repeat is held against what is on disk"
        hint = f'identity: {{delivery: [=headers."message-id"]}} alone, or {_RECORDED}'
        yield "E217", identity.place, what, hint


def _of_object(step: Produce) -> Iterator[Wrong]:
    for key in ("compare", "latest", "after"):
        if getattr(step, key):
            what = f"{key}: holds an object against those on disk"
            yield "E217", step.place, what, f"leave {key}: out, or {_RECORDED}"


def _of_operation(project: Project, operation: AnyOperation, place: Place) -> Iterator[Wrong]:
    system = project.systems[operation.system]
    if not isinstance(operation, Operation):
        what = f"{operation.name} is several calls, and each needs to know of those before it"
        yield "E218", place, what, _RECORDED
        return
    idempotency = operation.file.idempotency
    if idempotency is not None and idempotency.kind == "lookup":
        hint = f"idempotency: {{kind: key, header: ...}}, or {_RECORDED}"
        yield "E218", idempotency.place, f"{operation.name} is looked up by what is on disk", hint
    for rule in operation.file.outcome:
        if "accepted" in (rule.outcome, rule.otherwise):
            what = f"{operation.name} may be accepted, and is then asked for again and again"
            yield "E218", rule.place, what, _RECORDED
    if system.limits or system.breaker:
        what = f"{system.name} has limits, and a call that they hold waits as a row"
        yield "E218", system.place, what, _RECORDED
    if not hasattr(system.adapter, "begin"):
        what = f"{operation.name} is called one at a time"
        hint = f"adapter: amqp carries many at once; or {_RECORDED}"
        yield "E219", place, what, hint


def _ways(project: Project, route: Route) -> Iterator[Step]:
    """Yield the steps of a route and of every flow that its objects come to, each flow once."""
    todo, seen = [route.steps], set[str]()
    while todo:
        for step in steps_in(todo.pop()):
            yield step
            if isinstance(step, Produce):
                flows = set(project.subscribers.get(step.object.ref.subject, ())) - seen
                seen |= flows
                todo += [project.flows[name].steps for name in sorted(flows)]
