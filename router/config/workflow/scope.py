"""Owns: what expressions of a workflow see: roots, functions over steps, the author's definitions.
Imports: config.components, config.transforms.
Never: keeps an instance: its scope is in reach only while one expression is evaluated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

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

#: the instance whose expression is being evaluated: functions of one scope call each other
_SCOPE: ContextVar[Mapping[str, Json]] = ContextVar("scope")


@dataclass(frozen=True, slots=True, kw_only=True)
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
        return self.expression({**_SCOPE.get(), **named})


def evaluate(part: Callable[[Mapping[str, Json]], Json], scope: Mapping[str, Json]) -> Json:
    """Return the value of an expression or a map over an instance.

    Raises TransformError or LimitExceeded with its place.
    """
    token = _SCOPE.set(scope)
    try:
        return part(scope)
    finally:
        _SCOPE.reset(token)


def holds(expression: Expression, scope: Mapping[str, Json]) -> bool:
    """Return whether a condition holds over an instance. Raises as `evaluate` does."""
    return not is_false(evaluate(expression, scope))


def function_of(definition: Definition) -> Function:
    """Return a definition as a function of the expression language."""
    parameters = tuple(Parameter(name=name, kind="any") for name in definition.parameters)
    return Function(
        name=definition.name,
        parameters=parameters,
        returns="any",
        doc=f"What {definition.name} gives.",
        call=definition,
    )


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
    functions = {**FUNCTIONS, **{name: function_of(one) for name, one in known.items()}}
    return dataclasses.replace(context, functions=functions, roots=ROOTS | frozenset(more))


@function("step: text", "id?: text", returns="text|null")
def status(step: str, item: str = "") -> Json:
    """Give the status of a step, for a step of many items that of the item with this id."""
    return next((one["status"] for one in _entries(step) if one.get("id", "") == item), None)


@function("step: text", returns="boolean")
def is_done(step: str) -> Json:
    """Tell whether a step is done: all its items are settled, and one of them at least is done."""
    found = [one["status"] for one in _entries(step)]
    return "done" in found and all(one in SETTLED for one in found)


@function("step: text", returns="boolean")
def is_settled(step: str) -> Json:
    """Tell whether a step asks for nothing more: so does one that has no items as yet."""
    return all(one["status"] in SETTLED for one in _entries(step))


@function("step: text", "status: text", "...more: text", returns="boolean")
def any_with(step: str, *statuses: str) -> Json:
    """Tell whether a step, or one of its items, has one of these statuses."""
    return any(one["status"] in statuses for one in _entries(step))


@function(returns="boolean")
def all_settled() -> Json:
    """Tell whether no step asks for anything more."""
    return all(is_settled.call(step) for step in _steps())


def _steps() -> Mapping[str, Any]:
    found: Any = _SCOPE.get()["steps"]
    return found  # type: ignore[no-any-return]


def _entries(step: str) -> Iterator[Mapping[str, Any]]:
    entry = _steps().get(step)
    yield from () if entry is None else entry if isinstance(entry, list) else [entry]


#: functions over the steps of an instance, by name
FUNCTIONS: Mapping[str, Function] = {
    one.name: one for one in (status, is_done, is_settled, any_with, all_settled)
}
#: functions whose first argument names a step
OF_STEPS = frozenset({"status", "is_done", "is_settled", "any_with"})
