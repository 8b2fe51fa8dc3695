"""Owns: the types of what channels and flows say: identity, keys, conditions, steps.
Imports: config.steps, config.channels, config.flows, config.types.
Never: looks into a transform: it notes what holds where one is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from router.config.channels import Channel, Identity, Route
from router.config.flows import Flow
from router.config.references import Value
from router.config.steps import (
    Apply,
    Choose,
    Enrich,
    Filter,
    Fork,
    Produce,
    Split,
    Step,
)
from router.config.transforms.expressions import Expression
from router.config.types.contracts import ANY_HEADERS, ContractTypes
from router.config.types.facts import NONE, Facts, there, when_false
from router.config.types.keys import default_key, key_part, told_part, told_version, version
from router.config.types.literals import literal
from router.config.types.scopes import Reader, Scope
from router.config.types.transforms import check_types
from router.config.types.type import INTEGER, TEXT, UNKNOWN, Literal, Type, object_of
from router.core.diagnostics import Report, nearest

_AROUND: Mapping[str, Type] = {"body": UNKNOWN, "headers": ANY_HEADERS, "env": UNKNOWN}

#: tells what is wrong with a value of a type
Tell: TypeAlias = Callable[[Expression, Type, Reader], None]


class StepTypes:
    """Checks steps. `uses` is what holds at every use of each transform, by its name."""

    def __init__(self, contracts: ContractTypes, uses: dict[str, Facts]) -> None:
        self._contracts = contracts
        self._uses = uses

    def channel(self, channel: Channel, reader: Reader) -> None:
        """Check what a channel says of each of its routes."""
        routes = [one for one in channel.routes.values() if isinstance(one, Route)]
        scopes = self._scopes(channel, routes, reader)
        _check_identities(routes, scopes, reader)
        for route, scope in zip(routes, scopes, strict=True):
            for part in route.correlation:
                key_part(part, "the correlation", scope, reader)
            for part in route.order_by:
                key_part(part, "order_by", scope, reader)
            self._steps(route.steps, scope, reader)

    def _scopes(self, channel: Channel, routes: Sequence[Route], reader: Reader) -> list[Scope]:
        """Return what each route's expressions see, having checked what tells its kind."""
        known = {one.accept.ref: self._contracts.of(one.accept, "body") for one in routes}
        made = {ref: Scope({**_AROUND, "body": body}, NONE) for ref, body in known.items()}
        scopes = [made[one.accept.ref] for one in routes]
        kinds = reader.shared(channel.kind, scopes, open_to_more=True)
        for route, kind in zip(routes, kinds, strict=True):
            _check_kind(channel.kind, route, kind, reader)
        if "body" in channel.kind.reads:  # what tells the kind tells more of the body
            scopes = [
                one.where(_is_kind(channel.kind, route.kind))
                for one, route in zip(scopes, routes, strict=True)
            ]
        return _stamped(channel, scopes, reader)

    def flow(self, flow: Flow, reader: Reader) -> None:
        """Check the steps of a flow."""
        payload = self._contracts.of(flow.accept, "payload")
        roots = {"payload": payload, "stamp": UNKNOWN, "env": UNKNOWN}
        self._steps(flow.steps, Scope(roots, NONE), reader)

    def _steps(self, steps: Iterable[Step], scope: Scope, reader: Reader) -> None:
        for step in steps:
            match step:
                case Filter(condition=condition):
                    scope = reader.condition(condition, scope)
                case Choose():
                    self._choose(step, scope, reader)
                case Fork(branches=branches):
                    for branch in branches.values():
                        self._steps(branch, scope, reader)
                case Produce():
                    _produce(step, scope, reader)
                case _:
                    scope = self._after(step, scope, reader)

    def _after(self, step: Step, scope: Scope, reader: Reader) -> Scope:
        """Return the scope after a step that gives a root."""
        match step:
            case Split(each=each, name=name):
                item = reader.items(each, scope)
                return scope.plus(**{name: item, f"{name}_index": INTEGER})
            case Enrich(call=call, name=name):
                for argument, part in step.arguments.items():
                    key_part(part, f"what {call.name} is asked by, {argument}", scope, reader)
                given = call.file.returns
                found = UNKNOWN if given is None else self._contracts.of(given, name)
                return scope.plus(**{name: found})
            case Apply(transform=transform):
                self._use(transform.name, scope.facts)
                if transform.to is None:  # a template gives a text
                    return scope.plus(payload=TEXT)
                made = partial(check_types, transform.file, scope.facts, self._contracts, Report())
                held = self._contracts.of(transform.to, "payload")
                return scope.promising("payload", held, made)
        return scope

    def _choose(self, step: Choose, scope: Scope, reader: Reader) -> None:
        for case in step.cases:
            self._steps(case.steps, reader.condition(case.condition, scope), reader)
            scope = scope.where(when_false(case.condition.evaluate.tree))
        self._steps(step.otherwise, scope, reader)

    def _use(self, name: str, facts: Facts) -> None:
        known = self._uses.get(name)
        self._uses[name] = facts if known is None else known.either(facts)


def _produce(step: Produce, scope: Scope, reader: Reader) -> None:
    subject = step.object.ref.subject
    for part in (*step.key, *step.after):
        key_part(part, f"the key of {subject}", scope, reader)
    if not step.key:
        default_key(step.object, step.place, scope, reader)
    for one in step.compare:
        reader.value(one, scope)
    if step.latest is not None:
        for part in step.latest.of:
            key_part(part, "what latest: is of", scope, reader)
        version(step.latest.version, scope, reader)


def _stamped(channel: Channel, scopes: Sequence[Scope], reader: Reader) -> list[Scope]:
    """Return the scopes with what the channel stamps on every message, checked."""
    stamps: dict[int, dict[str, Type]] = {id(scope): {} for scope in scopes}
    for name, value in channel.stamp.items():
        for scope, held in zip(scopes, _shared(value, scopes, reader), strict=True):
            stamps[id(scope)][name] = held
    where = f"the stamp of {channel.name}"
    made = {
        id(scope): scope.plus(stamp=object_of(Literal(stamps[id(scope)], where=where)))
        for scope in scopes
    }
    return [made[id(scope)] for scope in scopes]


def _check_identities(routes: Sequence[Route], scopes: Sequence[Scope], reader: Reader) -> None:
    """Check the identities of routes; what the channel says for all of them is looked at once."""
    uses: dict[int, tuple[Value, Tell, list[Scope]]] = {}
    for route, scope in zip(routes, scopes, strict=True):
        for value, tell in _wanted(route.identity):
            uses.setdefault(id(value), (value, tell, []))[2].append(scope)
    for value, tell, seen in uses.values():
        if isinstance(value, Expression):
            for found in reader.shared(value, seen):
                tell(value, found, reader)


def _wanted(identity: Identity) -> Iterator[tuple[Value, Tell]]:
    """Yield each value of an identity with what is wanted of it."""
    for part in (*identity.delivery, *identity.object):
        yield part, _told_identity
    for one in identity.compare:
        yield one, _no_more
    if identity.version is not None:
        yield identity.version, told_version


def _told_identity(value: Expression, found: Type, reader: Reader) -> None:
    told_part(value.place, found, "the identity", reader)


def _no_more(_value: Expression, _found: Type, _reader: Reader) -> None:
    """Nothing more is wanted of what is compared."""


def _shared(value: Value, scopes: Sequence[Scope], reader: Reader) -> list[Type]:
    if isinstance(value, Expression):
        return reader.shared(value, scopes)
    return [literal(value.value)] * len(scopes)


def _is_kind(expression: Expression, kind: str) -> Facts:
    """Return what holds of a message of a kind: the expression gave it."""
    tree = expression.evaluate.tree
    facts = there(tree)
    path = next((one for one in facts.paths if len(one) == max(map(len, facts.paths))), None)
    if path is None or tree["type"] not in ("field", "subexpression"):
        return facts
    return replace(facts, equal=frozenset({(path, frozenset({kind}))}))


def _check_kind(expression: Expression, route: Route, found: Type, reader: Reader) -> None:
    """Tell of a kind that no message of the route's contract is of."""
    if found.unknown or not (found.kinds or found.null):
        return
    if "text" not in found.kinds:
        what = f"kind: is {found}{found.told}, a text is wanted"
        reader.tell("E199", expression.place, what, "a field that tells the routes apart")
    elif route.kind in found.never or (found.texts is not None and route.kind not in found.texts):
        what = f"{found.origin or 'the kind'} is never {route.kind}: no message takes this route"
        reader.tell("E196", route.place, what, nearest(route.kind, found.texts or ()))
