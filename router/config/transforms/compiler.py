"""Owns: turning the tree of an expression into one function of generated code.
Imports: config.transforms.code, config.transforms.functions, jmespath (functions, equality).
Never: lets a name or a literal of an author become source: they are constants beside it.

The tree is the jmespath parser's and so is the meaning; a test holds both against each other over
the compliance suite. What is saved is the walk: a field costs no call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jmespath.functions

from router.config.transforms.code import Code
from router.config.transforms.functions.declare import MAX_TEXT, Function
from router.config.transforms.functions.kinds import Check, OfTypes
from router.core.document import Json
from router.core.errors import LimitExceeded

Tree: TypeAlias = Any
#: gives the value of an expression over what it is applied to
Compiled: TypeAlias = Callable[[Json], Json]
#: gives the function of a name, which takes the values of its arguments
FunctionOf: TypeAlias = Callable[[str], Callable[..., Json]]

#: items that a flattened list may have
MAX_MERGED = 200_000
_ORDER: Mapping[str, str] = {"lt": "<", "gt": ">", "lte": "<=", "gte": ">="}

#: JMESPath's own functions: name -> what they take
BUILTIN: Mapping[str, Any] = jmespath.functions.Functions.FUNCTION_TABLE


class Unwritable(Exception):
    """A tree that needs the document of all roots, which code over single roots does not have."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes trees into a function.

    `roots` are the variables that hold the roots, None where an expression sees one document.
    `bare`: our functions are called past their own wrapper, so that an error does not tell its
    place: for code of which a failure is evaluated once more by what tells it.
    """

    code: Code
    function_of: FunctionOf
    roots: Mapping[str, str] | None = None
    bare: bool = False

    def write(self, tree: Tree, current: str | None) -> str:
        """Write what gives a tree's value; return the name that holds it.

        `current` holds what the tree is applied to; None = the roots.
        """
        if self.code.is_deep:
            if current is None:
                raise Unwritable
            inner = self.code.constant(compile_tree(tree, self.function_of))
            return self.code.let(f"{inner}({current})")
        return _WRITERS[tree["type"]](self, tree, current)

    def document(self, current: str | None) -> str:
        """Return what holds the document that a tree is applied to. Raises Unwritable."""
        if current is None:
            raise Unwritable
        return current


def compile_tree(tree: Tree, function_of: FunctionOf) -> Compiled:
    """Return the function that a tree of the jmespath parser means."""
    code = Code("value")
    name = Writer(code=code, function_of=function_of).write(tree, "value")
    code.put(f"return {name}")
    return code.function()


def false(code: Code, name: str) -> str:
    """Return a condition: JMESPath takes what a name holds as false."""
    return f"not {name} and {code.constant(is_false)}({name})"


def is_false(value: Json) -> bool:
    """Return whether JMESPath takes a value as false: null, false, and what is empty."""
    if value is None or value is False:
        return True
    return not value and isinstance(value, str | list | dict)


def dig(value: Json, name: str) -> Json:
    """Return a field of what may be no object, null where there is none."""
    try:
        return value.get(name)
    except AttributeError:
        return None


def _current(writer: Writer, _tree: Tree, current: str | None) -> str:
    return writer.document(current)


def _literal(writer: Writer, tree: Tree, _current: str | None) -> str:
    return writer.code.constant(tree["value"])


def _field(writer: Writer, tree: Tree, current: str | None) -> str:
    code, name = writer.code, tree["value"]
    if current is None:
        assert writer.roots is not None, "no current document: there are roots"
        return writer.roots.get(name) or code.constant(None)
    key, other = code.constant(name), code.constant(dig)
    get = f"{current}.get({key}) if {current}.__class__ is dict else {other}({current}, {key})"
    return code.let(get)


def _chain(writer: Writer, tree: Tree, current: str | None) -> str:
    """Write children that are applied one after the other."""
    name = current
    for child in _flattened(tree):
        name = writer.write(child, name)
    return writer.document(name)


def _flattened(tree: Tree) -> Any:
    for child in tree["children"]:
        if child["type"] in ("subexpression", "index_expression"):
            yield from _flattened(child)
        else:
            yield child


def _index(writer: Writer, tree: Tree, current: str | None) -> str:
    name, number = writer.document(current), tree["value"]
    least = number + 1 if number >= 0 else -number
    at = writer.code.constant(number)
    enough = f"{name}.__class__ is list and len({name}) >= {writer.code.constant(least)}"
    return writer.code.let(f"{name}[{at}] if {enough} else None")


def _slice(writer: Writer, tree: Tree, current: str | None) -> str:
    name, part = writer.document(current), writer.code.constant(slice(*tree["children"]))
    return writer.code.let(f"{name}[{part}] if {name}.__class__ is list else None")


def _projection(writer: Writer, tree: Tree, current: str | None) -> str:
    base, each, *condition = tree["children"]
    code, items = writer.code, writer.write(base, current)
    made = code.let("None")
    with code.block(f"if {items}.__class__ is list:"):
        _collect(writer, items, (each, *condition), made)
    return made


def _value_projection(writer: Writer, tree: Tree, current: str | None) -> str:
    base, each = tree["children"]
    code, given = writer.code, writer.write(base, current)
    made = code.let("None")
    with code.block(f"if {given}.__class__ is dict:"):
        _collect(writer, f"{given}.values()", (each,), made)
    return made


def _collect(writer: Writer, items: str, trees: tuple[Tree, ...], made: str) -> None:
    """Write the list of what a tree gives for each item, nulls left out, if a condition holds."""
    code, item = writer.code, writer.code.variable()
    each, *condition = trees
    code.put(f"{made} = []")
    with code.block(f"for {item} in {items}:"):
        for one in condition:
            with code.block(f"if {false(code, writer.write(one, item))}:"):
                code.put("continue")
        found = writer.write(each, item)
        with code.block(f"if {found} is not None:"):
            code.put(f"{made}.append({found})")


def _flatten(writer: Writer, tree: Tree, current: str | None) -> str:
    items = writer.write(tree["children"][0], current)
    return writer.code.let(f"{writer.code.constant(_merged)}({items})")


def _merged(items: Json) -> Json:
    if not isinstance(items, list):
        return None
    merged: list[Json] = []
    for item in items:
        if isinstance(item, list):
            merged.extend(item)
        else:
            merged.append(item)
        if len(merged) > MAX_MERGED:
            raise LimitExceeded(f"[] gives more than {MAX_MERGED} items")
    return merged


def _multi_select_list(writer: Writer, tree: Tree, current: str | None) -> str:
    made = writer.code.let("None")
    with writer.code.block(_where_there_is(current)):
        writer.code.put(f"{made} = []")
        for child in tree["children"]:
            writer.code.put(f"{made}.append({writer.write(child, current)})")
    return made


def _multi_select_dict(writer: Writer, tree: Tree, current: str | None) -> str:
    code = writer.code
    made = code.let("None")
    with code.block(_where_there_is(current)):
        code.put(f"{made} = {{}}")
        for child in tree["children"]:
            value = writer.write(child["children"][0], current)
            code.put(f"{made}[{code.constant(child['value'])}] = {value}")
    return made


def _where_there_is(current: str | None) -> str:
    """Return the head of a block for what is selected of a document: of null nothing is."""
    return "if True:" if current is None else f"if {current} is not None:"


def _or(writer: Writer, tree: Tree, current: str | None) -> str:
    return _either(writer, tree, current, "if {false}:")


def _and(writer: Writer, tree: Tree, current: str | None) -> str:
    return _either(writer, tree, current, "if not ({false}):")


def _either(writer: Writer, tree: Tree, current: str | None, head: str) -> str:
    """Write the first child's value, or the second's where a condition holds of the first."""
    left, right = tree["children"]
    made = writer.code.let(writer.write(left, current))
    with writer.code.block(head.format(false=false(writer.code, made))):
        writer.code.put(f"{made} = {writer.write(right, current)}")
    return made


def _not(writer: Writer, tree: Tree, current: str | None) -> str:
    inner = writer.write(tree["children"][0], current)
    return writer.code.let(f"{writer.code.constant(is_false)}({inner})")


def _comparator(writer: Writer, tree: Tree, current: str | None) -> str:
    one, other = (writer.write(child, current) for child in tree["children"])
    word, code = tree["value"], writer.code
    if word in ("eq", "ne"):
        same = f"{one} == {other} and ({one}.__class__ is bool) is ({other}.__class__ is bool)"
        return code.let(same if word == "eq" else f"not ({same})")
    ordered = code.constant(_comparable)
    both = f"{ordered}({one}) and {ordered}({other})"
    return code.let(f"{one} {_ORDER[word]} {other} if {both} else None")


def _comparable(value: Json) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _expref(writer: Writer, tree: Tree, _current: str | None) -> str:
    inner = compile_tree(tree["children"][0], writer.function_of)
    return writer.code.constant(_Expression(inner))


def _function(writer: Writer, tree: Tree, current: str | None) -> str:
    code, call = writer.code, writer.function_of(tree["value"])
    names = [writer.write(child, current) for child in tree["children"]]
    told = f"{code.constant(call)}({', '.join(names)})"
    bare = call.bare(len(names)) if writer.bare and isinstance(call, Function) else None
    if bare is None:
        return code.let(told)
    checks = [_check(code, fits, name) for fits, name in zip(bare.checks, names, strict=True)]
    quick = f"{code.constant(bare.call)}({', '.join(names)})"
    made = code.let(f"{quick} if {' and '.join(checks)} else {told}" if checks else quick)
    if bare.may_be_long:
        with code.block(f"if {made}.__class__ is str and len({made}) > {MAX_TEXT // 4}:"):
            code.put(f"{made} = {told}")
    return made


def _check(code: Code, fits: Check, name: str) -> str:
    """Return what asks whether an argument is of its kind; of its type without a call."""
    if not isinstance(fits, OfTypes):
        return f"{code.constant(fits)}({name})"
    if len(fits.types) == 1:
        return f"{name}.__class__ is {code.constant(*fits.types)}"
    return f"{name}.__class__ in {code.constant(fits.types)}"


_WRITERS: Mapping[str, Callable[[Writer, Tree, str | None], str]] = {
    "and_expression": _and,
    "comparator": _comparator,
    "current": _current,
    "expref": _expref,
    "field": _field,
    "filter_projection": _projection,
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
