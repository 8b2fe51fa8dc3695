"""Owns: the guarantee of a route: along every way, over objects and flows, to each far side.
Imports: config.channels, config.steps, config.guarantees.
Never: looks at an environment, or at what happens at run time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from router.config.channels import Channel, Route
from router.config.guarantees.guarantee import Guarantee, LeftOut, Way, Weakness
from router.config.guarantees.operations import unrecorded_operation, weak_operation
from router.config.guarantees.promise import ASPECTS
from router.config.guarantees.sources import weak_source
from router.config.steps import (
    Discard,
    Ending,
    Filter,
    Produce,
    Recipients,
    Signal,
    Split,
    Step,
    steps_in,
)
from router.config.systems import AnyOperation
from router.core.diagnostics import Place
from router.core.units import duration_text

if TYPE_CHECKING:
    from router.config.project import Project

#: objects and flows that lie behind
Trail: TypeAlias = "tuple[str, ...]"


def guarantees_of(project: Project) -> tuple[Guarantee, ...]:
    """Return the guarantee of every route of a sound project, by name."""
    return tuple(
        guarantee_of(project, channel, route)
        for _, channel in sorted(project.channels.items())
        for _, route in sorted(channel.routes.items())
        if isinstance(route, Route)
    )


def guarantee_of(project: Project, channel: Channel, route: Route) -> Guarantee:
    """Return what holds of the messages of a route of a sound project."""
    walk = _Walk(project)
    walk.follow(route.steps, ())
    found = {*weak_source(channel), *walk.weakened, *_overtaken(route)}
    if not route.recorded:
        found = {one for one in found if one not in walk.blurred} | {*_unrecorded(route)}
        found |= {weak for one in walk.operations for weak in unrecorded_operation(one)}
    else:
        found |= {*_confused(route)}
        if any(len(one.by) == 0 for one in walk.ways):
            found.update(_forgotten(route))
    return Guarantee(
        route=route.name,
        place=route.place,
        weakened=tuple(sorted(found, key=_rank)),
        ways=tuple(sorted(walk.ways)),
        left_out=tuple(sorted(walk.left_out, key=lambda one: one.place)),
    )


@dataclass(slots=True)
class _Walk:
    """What is met on the ways of one route."""

    project: Project
    weakened: set[Weakness] = field(default_factory=set)
    #: those of them that lie in how objects on disk are compared
    blurred: set[Weakness] = field(default_factory=set)
    operations: list[AnyOperation] = field(default_factory=list)
    ways: set[Way] = field(default_factory=set)
    left_out: set[LeftOut] = field(default_factory=set)

    def follow(self, steps: tuple[Step, ...], trail: Trail) -> None:
        """Follow steps, and the flows of what they produce."""
        for step in steps_in(steps):
            match step:
                case Produce():
                    self._produced(step, trail)
                case Recipients(targets=targets):
                    for target in targets:
                        self._sent(target.operation, trail)
                case Signal(workflow=workflow):
                    for name in sorted(workflow.operations):
                        self._sent(self.project.operations[name], (*trail, workflow.name))
            self.left_out.update(
                LeftOut(place=one.place, reason=one.reason)
                for one in _endings(step)
                if isinstance(one, Discard)
            )

    def _sent(self, operation: AnyOperation, trail: Trail) -> None:
        self.ways.add(Way(operation=operation.name, by=trail))
        self.operations.append(operation)
        self.weakened.update(weak_operation(operation))

    def _produced(self, step: Produce, trail: Trail) -> None:
        subject = step.object.ref.subject
        flows = self.project.subscribers.get(subject, ())
        if flows and not step.compare:
            self.blurred.add(_blurred(step.place, subject))
            self.weakened |= self.blurred
        for name in flows:
            word = name.removeprefix("flow:")
            if word not in trail:
                self.follow(self.project.flows[name].steps, (*trail, subject, word))


def _endings(step: Step) -> Iterator[Ending]:
    """Yield the declared ends of a step itself, not of its branches."""
    match step:
        case Filter(otherwise=ending) | Split(empty=ending):
            yield ending
        case Discard():
            yield step


def _blurred(place: Place, subject: str) -> Weakness:
    return Weakness(
        aspect="loss",
        word="possible",
        place=place,
        why=f"a {subject} that says something else than one with its key is absorbed",
        write="compare: [=payload.FIELD], what must be equal in a repeat",
    )


def _confused(route: Route) -> Iterator[Weakness]:
    """Yield that a message may be taken for another one."""
    identity = route.identity
    if identity.object and not identity.compare and identity.version is None:
        yield Weakness(
            aspect="loss",
            word="possible",
            place=identity.place,
            why="a message that says something else of the same object is taken for a repeat",
            write="compare: [=body.FIELD], what must be equal in a repeat",
        )


def _overtaken(route: Route) -> Iterator[Weakness]:
    """Yield that messages overtake each other."""
    if not route.order_by:
        yield Weakness(
            aspect="order",
            word="none",
            place=route.place,
            why="a message that waits is overtaken",
            write="order_by: [NAME, =body.FIELD]" + (", and a record" * (not route.recorded)),
        )


def _unrecorded(route: Route) -> Iterator[Weakness]:
    """Yield that a message which comes again is not known again, without a name of its own."""
    if not route.identity.delivery:
        yield Weakness(
            aspect="duplicates",
            word="possible",
            place=route.place,
            why="a message that comes again after a crash is sent under another name",
            write='identity: {delivery: [=headers."message-id"]}',
        )


def _forgotten(route: Route) -> Iterator[Weakness]:
    """Yield that a late repeat is sent again: no object stands in between that absorbs it."""
    keep = route.identity.keep
    if keep is not None:
        yield Weakness(
            aspect="duplicates",
            word="possible",
            place=route.identity.place,
            why=f"a repeat that comes after {duration_text(keep)} is a new message, and is sent",
            write="leave keep: out, or produce an object and send in a flow",
        )


def _rank(weakness: Weakness) -> tuple[int, Place, str]:
    aspects: Mapping[str, int] = {name: number for number, name in enumerate(ASPECTS)}
    return aspects[weakness.aspect], weakness.place, weakness.why
