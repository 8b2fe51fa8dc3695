"""Owns: what expressions of a workflow see: roots, functions over steps, the author's definitions.
Imports: config.components, config.transforms.
Never: keeps an instance: its scope is in reach only while one expression is evaluated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from router.config.components import INVALID, Context, Shape
from router.config.source import Node
from router.config.transforms.compiler import is_false
from router.config.transforms.expressions import Expression
from router.config.transforms.functions.declare import Function, Parameter, function
from router.core.document import Json

#: what every expression over an instance sees; where there are items, `item` as well
ROOTS = frozenset({"facts", "derived", "steps", "decisions", "instance"})
#: statuses in which a step asks for nothing more
SETTLED = frozenset({"done", "skipped", "refused", "undone"})


@dataclass(slots=True)
class Seen:
    """What an expression sees of an instance: its roots, and what functions over steps look up."""

    roots: dict[str, Any]
    #: by step and the id of the item
    statuses: Mapping[str, Mapping[str, str]]
    #: what each definition reads, and by that the values of definitions as long as it stays
    inner: Mapping[str, Hashable]
    known: dict[Any, Any]

    def plus(self, **more: Json) -> Seen:
        """Return the same with more roots."""
        return Seen({**self.roots, **more}, self.statuses, self.inner, self.known)


#: what expressions of a workflow are evaluated over
Scope: TypeAlias = Mapping[str, Json] | Seen

#: the instance whose expression is being evaluated: functions of one scope call each other
_SEEN: ContextVar[Seen] = ContextVar("seen")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A named expression with parameters, which other expressions call like a function."""

    name: str
    parameters: tuple[str, ...]
    #: None: it is at fault, and its workflow is never run
    expression: Expression | None

    def __call__(self, *arguments: Json) -> Json:
        """Return its value over the instance whose expression calls it."""
        assert self.expression is not None, "a project with mistakes is not run"
        named = dict(zip(self.parameters, arguments, strict=True))
        return self.expression({**_SEEN.get().roots, **named})

    @cached_property
    def function(self) -> Function:
        """Return it as a function of the expression language."""
        return Defined(
            name=self.name,
            parameters=tuple(Parameter(name=name, kind="any") for name in self.parameters),
            returns="any",
            doc=f"What {self.name} gives.",
            call=self,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined(Function):
    """A definition as a function of the expression language.

    Its value for texts is kept as long as nothing changes that the definition reads.
    """

    def bare(self, _given: int) -> None:
        """Return that only the function itself knows: what is kept of it."""

    def __call__(self, *arguments: Json) -> Json:
        """Return the value for the arguments, as every function does."""
        for one in arguments:
            if one.__class__ is not str and one is not None:
                return Function.__call__(self, *arguments)
        seen, key = _SEEN.get(), (self.name, *arguments)
        known = seen.known.setdefault(seen.inner.get(self.name), {})
        if key not in known:
            known[key] = Function.__call__(self, *arguments)
        value: Json = known[key]
        return value


def evaluate(part: Callable[[Mapping[str, Json]], T], scope: Scope) -> T:
    """Return the value of an expression or a map over an instance, or of what evaluates several.

    Raises TransformError or LimitExceeded with its place.
    """
    seen = scope if isinstance(scope, Seen) else _seen(scope)
    token = _SEEN.set(seen)
    try:
        return part(seen.roots)
    finally:
        _SEEN.reset(token)


def _seen(roots: Mapping[str, Any]) -> Seen:
    """Return what is seen where all roots are at hand."""
    entries = {
        step: entry if isinstance(entry, list) else [entry]
        for step, entry in roots.get("steps", {}).items()
    }
    statuses = {
        step: {one["id"]: one["status"] for one in reversed(shown)}
        for step, shown in entries.items()
    }
    return Seen(dict(roots), statuses, {}, {})


def holds(expression: Expression, scope: Scope) -> bool:
    """Return whether a condition holds over an instance. Raises as `evaluate` does."""
    return not is_false(evaluate(expression, scope))


@dataclass(frozen=True, slots=True)
class Over:
    """A shape whose expressions see an instance; `more` are roots beside it."""

    shape: Shape
    more: tuple[str, ...] = ()

    @property
    def expects(self) -> str:
        return self.shape.expects

    def decode(self, node: Node, context: Context) -> Any:
        if context.around.get("define") is INVALID:
            return INVALID  # what the definitions are at fault for was told
        return self.shape.decode(node, over_instance(context, *self.more))


def over_instance(context: Context, *more: str) -> Context:
    """Return the context of an expression over an instance."""
    defined = context.around.get("define")
    known = defined if isinstance(defined, Mapping) else {}
    functions = {**FUNCTIONS, **{name: one.function for name, one in known.items()}}
    return dataclasses.replace(context, functions=functions, roots=ROOTS | frozenset(more))


@function("step: text", "id?: text", returns="text|null")
def status(step: str, item: str = "") -> Json:
    """Give the status of a step, for a step of many items that of the item with this id."""
    return _statuses(step).get(item)


@function("step: text", returns="boolean")
def is_done(step: str) -> Json:
    """Tell whether a step is done: all its items are settled, and one of them at least is done."""
    found = _statuses(step).values()
    return "done" in found and SETTLED.issuperset(found)


@function("step: text", returns="boolean")
def is_settled(step: str) -> Json:
    """Tell whether a step asks for nothing more: so does one that has no items as yet."""
    return SETTLED.issuperset(_statuses(step).values())


@function("step: text", "status: text", "...more: text", returns="boolean")
def any_with(step: str, *statuses: str) -> Json:
    """Tell whether a step, or one of its items, has one of these statuses."""
    return any(one in statuses for one in _statuses(step).values())


@function(returns="boolean")
def all_settled() -> Json:
    """Tell whether no step asks for anything more."""
    return all(SETTLED.issuperset(one.values()) for one in _SEEN.get().statuses.values())


def _statuses(step: str) -> Mapping[str, str]:
    return _SEEN.get().statuses.get(step, {})


#: functions over the steps of an instance, by name
FUNCTIONS: Mapping[str, Function] = {
    one.name: one for one in (status, is_done, is_settled, any_with, all_settled)
}
#: functions whose first argument names a step
OF_STEPS = frozenset({"status", "is_done", "is_settled", "any_with"})
