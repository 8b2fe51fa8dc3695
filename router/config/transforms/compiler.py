"""Owns: turning the tree of an expression into nested functions, once, at load.
Imports: config.transforms.functions, jmespath (its functions and its rules of equality).
Never: generates code from text: no name or literal of an author becomes source.

The tree is the jmespath parser's and so is the meaning; a test holds both against each other over
the compliance suite. What is saved is the walk: a node costs one call, a chain of fields one loop.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jmespath.functions

from router.core.document import Json
from router.core.errors import TransformError

Tree: TypeAlias = Any
#: gives the value of an expression over what it is applied to
Compiled: TypeAlias = Callable[[Json], Json]
#: gives the function of a name, which takes the values of its arguments
FunctionOf: TypeAlias = Callable[[str], Callable[..., Json]]

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt, "gt": operator.gt, "lte": operator.le, "gte": operator.ge,
}  # fmt: skip


class _Expression:
    """What `&expression` gives. JMESPath's functions know it by its name and call `visit`."""

    __slots__ = ("expression",)

    def __init__(self, expression: Compiled) -> None:
        self.expression = expression

    @staticmethod
    def visit(expression: Compiled, value: Json) -> Json:
        """Return the expression's value, as JMESPath's functions ask for it."""
        return expression(value)


class Builtins:
    """JMESPath's own functions, each as a function of its arguments."""

    def __init__(self) -> None:
        self._functions = jmespath.functions.Functions()

    def __call__(self, name: str) -> Callable[..., Json]:
        """Return a function; it raises JMESPath's errors."""
        functions = self._functions

        def call(*arguments: Json) -> Json:
            return functions.call_function(name, list(arguments))

        return call


def compile_tree(tree: Tree, function_of: FunctionOf) -> Compiled:
    """Return the function that a tree of the jmespath parser means."""
    maker = _MAKERS[tree["type"]]
    return maker(tree, function_of)


def is_false(value: Json) -> bool:
    """Return whether JMESPath takes a value as false: null, false, and what is empty."""
    if value is None or value is False:
        return True
    return not value and isinstance(value, str | list | dict)


def _current(_tree: Tree, _function_of: FunctionOf) -> Compiled:
    return lambda value: value


def _literal(tree: Tree, _function_of: FunctionOf) -> Compiled:
    literal = tree["value"]
    return lambda _value: literal


def _field(tree: Tree, _function_of: FunctionOf) -> Compiled:
    name = tree["value"]

    def field(value: Json) -> Json:
        try:
            return value.get(name)
        except AttributeError:
            return None

    return field


def _chain(tree: Tree, function_of: FunctionOf) -> Compiled:
    """Compile children that are applied one after the other; runs of fields become one loop."""
    flat = list(_flattened(tree))
    parts: list[Compiled] = []
    names: list[str] = []
    for node in flat:
        if node["type"] == "field":
            names.append(node["value"])
            continue
        if names:
            parts.append(_path(tuple(names)))
            names = []
        parts.append(compile_tree(node, function_of))
    if names:
        parts.append(_path(tuple(names)))
    return _composed(parts)


def _flattened(tree: Tree) -> Any:
    for child in tree["children"]:
        if child["type"] in ("subexpression", "index_expression"):
            yield from _flattened(child)
        else:
            yield child


def _path(names: tuple[str, ...]) -> Compiled:
    if len(names) == 1:
        return _field({"value": names[0]}, lambda _name: lambda *_: None)
    if len(names) == 2:
        first, second = names

        def two(value: Json) -> Json:
            try:
                return value.get(first).get(second)
            except AttributeError:
                return None

        return two

    def path(value: Json) -> Json:
        try:
            for name in names:
                value = value.get(name)
        except AttributeError:
            return None
        return value

    return path


def _composed(parts: list[Compiled]) -> Compiled:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda value: second(first(value))

    def composed(value: Json) -> Json:
        for part in parts:
            value = part(value)
        return value

    return composed


def _index(tree: Tree, _function_of: FunctionOf) -> Compiled:
    number = tree["value"]

    def index(value: Json) -> Json:
        if not isinstance(value, list):
            return None
        try:
            return value[number]
        except IndexError:
            return None

    return index


def _slice(tree: Tree, _function_of: FunctionOf) -> Compiled:
    start, stop, step = tree["children"]
    if step == 0:
        raise TransformError("a slice's step is 0")
    part = slice(start, stop, step)
    return lambda value: value[part] if isinstance(value, list) else None


def _projection(tree: Tree, function_of: FunctionOf) -> Compiled:
    base, each = (compile_tree(child, function_of) for child in tree["children"])
    identity = tree["children"][1]["type"] == "identity"

    def projection(value: Json) -> Json:
        items = base(value)
        if not isinstance(items, list):
            return None
        if identity:
            return [item for item in items if item is not None]
        return [made for item in items if (made := each(item)) is not None]

    return projection


def _value_projection(tree: Tree, function_of: FunctionOf) -> Compiled:
    base, each = (compile_tree(child, function_of) for child in tree["children"])

    def projection(value: Json) -> Json:
        try:
            items = base(value).values()
        except AttributeError:
            return None
        return [made for item in items if (made := each(item)) is not None]

    return projection


def _filter_projection(tree: Tree, function_of: FunctionOf) -> Compiled:
    base, each, keep = (compile_tree(child, function_of) for child in tree["children"])

    def projection(value: Json) -> Json:
        items = base(value)
        if not isinstance(items, list):
            return None
        return [
            made for item in items if not is_false(keep(item)) and (made := each(item)) is not None
        ]

    return projection


def _flatten(tree: Tree, function_of: FunctionOf) -> Compiled:
    base = compile_tree(tree["children"][0], function_of)

    def flatten(value: Json) -> Json:
        items = base(value)
        if not isinstance(items, list):
            return None
        merged: list[Json] = []
        for item in items:
            if isinstance(item, list):
                merged.extend(item)
            else:
                merged.append(item)
        return merged

    return flatten


def _multi_select_list(tree: Tree, function_of: FunctionOf) -> Compiled:
    parts = [compile_tree(child, function_of) for child in tree["children"]]
    return lambda value: None if value is None else [part(value) for part in parts]


def _multi_select_dict(tree: Tree, function_of: FunctionOf) -> Compiled:
    parts = [
        (child["value"], compile_tree(child["children"][0], function_of))
        for child in tree["children"]
    ]
    return lambda value: None if value is None else {key: part(value) for key, part in parts}


def _or(tree: Tree, function_of: FunctionOf) -> Compiled:
    left, right = (compile_tree(child, function_of) for child in tree["children"])

    def either(value: Json) -> Json:
        found = left(value)
        return right(value) if is_false(found) else found

    return either


def _and(tree: Tree, function_of: FunctionOf) -> Compiled:
    left, right = (compile_tree(child, function_of) for child in tree["children"])

    def both(value: Json) -> Json:
        found = left(value)
        return found if is_false(found) else right(value)

    return both


def _not(tree: Tree, function_of: FunctionOf) -> Compiled:
    inner = compile_tree(tree["children"][0], function_of)
    return lambda value: is_false(inner(value))


def _comparator(tree: Tree, function_of: FunctionOf) -> Compiled:
    left, right = (compile_tree(child, function_of) for child in tree["children"])
    word = tree["value"]
    if word in ("eq", "ne"):
        wanted = word == "eq"

        def equal(value: Json) -> Json:
            one, other = left(value), right(value)
            return (one == other and isinstance(one, bool) is isinstance(other, bool)) is wanted

        return equal
    compare = _ORDER[word]

    def ordered(value: Json) -> Json:
        one, other = left(value), right(value)
        if not (_comparable(one) and _comparable(other)):
            return None
        return compare(one, other)

    return ordered


def _comparable(value: Json) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _expref(tree: Tree, function_of: FunctionOf) -> Compiled:
    expression = _Expression(compile_tree(tree["children"][0], function_of))
    return lambda _value: expression


def _function(tree: Tree, function_of: FunctionOf) -> Compiled:
    call = function_of(tree["value"])
    arguments = [compile_tree(child, function_of) for child in tree["children"]]
    if len(arguments) == 1:
        only = arguments[0]
        return lambda value: call(only(value))
    if len(arguments) == 2:
        first, second = arguments
        return lambda value: call(first(value), second(value))
    return lambda value: call(*[argument(value) for argument in arguments])


_MAKERS: Mapping[str, Callable[[Tree, FunctionOf], Compiled]] = {
    "and_expression": _and,
    "comparator": _comparator,
    "current": _current,
    "expref": _expref,
    "field": _field,
    "filter_projection": _filter_projection,
    "flatten": _flatten,
    "function_expression": _function,
    "identity": _current,
    "index": _index,
    "index_expression": _chain,
    "literal": _literal,
    "multi_select_dict": _multi_select_dict,
    "multi_select_list": _multi_select_list,
    "not_expression": _not,
    "or_expression": _or,
    "pipe": _chain,
    "projection": _projection,
    "slice": _slice,
    "subexpression": _chain,
    "value_projection": _value_projection,
}
