"""Owns: maps whose expressions the jmespath library walks: what generated code is measured beside.
Imports: config.transforms, jmespath (its walk).
Never: runs for a message.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from itertools import cycle
from typing import Any, TypeAlias

import jmespath.functions
import jmespath.parser
import jmespath.visitor

from router.config.transforms.compiler import BUILTIN, FunctionOf
from router.config.transforms.expressions import Expression, Late
from router.config.transforms.functions import LIBRARY
from router.config.transforms.mapcode import compile_map
from router.config.transforms.maptree import Scope, built, finished, named, rewired, rewired_lets
from router.config.transforms.transform import TransformFile
from router.core.document import Json

#: gives what the functions of expressions are instead
Wrap: TypeAlias = Callable[[FunctionOf], FunctionOf]
#: a whole map as a function of its roots
Run: TypeAlias = Callable[[Scope], Json]


class Tape:
    """What the functions of a map gave, in their order: played back, they cost no more than a call.

    JMESPath's own functions run: they are the same code on both sides.
    """

    def __init__(self) -> None:
        self.results: list[Json] = []

    def recording(self, function_of: FunctionOf) -> FunctionOf:
        """Return functions that work, and whose results are kept."""
        results = self.results

        def recorded(call: Callable[..., Json]) -> Callable[..., Json]:
            def run(*arguments: Json) -> Json:
                result = call(*arguments)
                results.append(result)
                return result

            return run

        return lambda name: recorded(function_of(name)) if _is_ours(name) else function_of(name)

    def playing(self, function_of: FunctionOf) -> FunctionOf:
        """Return functions that give what is kept, again and again from its begin."""
        following = self._following

        def stub(*_: Json) -> Json:
            return following()

        return lambda name: stub if _is_ours(name) else function_of(name)

    def play(self) -> None:
        """Begin at the begin; no result is added from now on."""
        self._following = cycle(self.results).__next__


def as_they_are(function_of: FunctionOf) -> FunctionOf:
    """Return the functions themselves."""
    return function_of


def generated(file: TransformFile, wrap: Wrap = as_they_are) -> Run:
    """Return a map as the function that runs for messages. Raises Unwritable."""

    def changed(expression: Expression) -> Expression:
        late = expression.evaluate
        return dataclasses.replace(expression, evaluate=Late(late.tree, wrap(late.function_of)))

    assert file.map is not None, "a template is no map"
    return compile_map(rewired_lets(file.let, changed), rewired(file.map, changed))


def walked(file: TransformFile, wrap: Wrap = as_they_are) -> Run:
    """Return a map part by part, each expression by the library's `search`.

    Our functions are custom functions of the library, for which it checks no type.
    """

    def changed(expression: Expression) -> Expression:
        late = Late(expression.evaluate.tree, expression.evaluate.function_of)
        parsed = jmespath.parser.ParsedResult(expression.source, late.tree)
        names = expression.calls
        options = jmespath.visitor.Options(
            custom_functions=_functions(names, wrap(late.function_of))
        )
        late.run = lambda value: parsed.search(value, options)
        return dataclasses.replace(expression, evaluate=late)

    assert file.map is not None, "a template is no map"
    lets, body = rewired_lets(file.let, changed), rewired(file.map, changed)
    return lambda scope: finished(built(body, lets, named(lets, scope)))


def _functions(names: Iterable[str], function_of: FunctionOf) -> Any:
    """Return the library's functions with ours beside them."""
    functions = jmespath.functions.Functions()
    own = {name: _custom(function_of(name)) for name in names if _is_ours(name)}
    functions.FUNCTION_TABLE = {**BUILTIN, **own}
    return functions


def _custom(call: Callable[..., Json]) -> dict[str, Any]:
    anything = {"types": [], "variadic": True}
    return {"function": lambda _, *arguments: call(*arguments), "signature": (anything,)}


def _is_ours(name: str) -> bool:
    return name in LIBRARY or name == "lookup"
