"""Owns: which names the expressions of a workflow use, and where.
Imports: config.transforms, config.workflow.scope.
Never: knows which names there are (config.workflow.names does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from router.config.transforms.expressions import Expression
from router.config.transforms.reads import nodes_of
from router.config.validation import Contract
from router.config.workflow.scope import OF_STEPS, ROOTS

#: roots whose fields are names of the workflow, and what those name
NAMED = {"facts": "fact", "derived": "derived list", "steps": "step", "decisions": "step"}


#: nodes whose later children see the items of what the first gives
_OF_ITEMS = frozenset({"projection", "value_projection", "filter_projection"})


@dataclass(frozen=True, slots=True)
class Use:
    """A name that an expression uses: what it names, in which expression."""

    noun: str
    name: str
    expression: Expression


def expressions_in(value: Any) -> Iterator[Expression]:
    """Yield each expression of a part of a workflow, not those of other files."""
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, Mapping):
        yield from (found for one in value.values() for found in expressions_in(one))
    elif isinstance(value, tuple):
        yield from (found for one in value for found in expressions_in(one))
    elif _is_own(value):
        fields = value.__dataclass_fields__
        yield from (found for one in fields for found in expressions_in(getattr(value, one)))


def _is_own(value: Any) -> bool:
    if isinstance(value, Contract) or not hasattr(value, "__dataclass_fields__"):
        return False
    is_map = type(value).__module__.endswith("maptree")
    return is_map or not (hasattr(value, "policy") or _is_elsewhere(value))


def _is_elsewhere(value: Any) -> bool:
    """Return whether it is an operation or a transform: a file of its own."""
    return hasattr(value, "file") or hasattr(value, "calls")


def uses_of(expression: Expression) -> Iterator[Use]:
    """Yield the names that an expression uses."""
    for node in nodes_of(expression.evaluate.tree):
        if node["type"] == "subexpression":
            first, second = node["children"][:2]
            if first["type"] == "field" and first["value"] in NAMED and second["type"] == "field":
                yield Use(NAMED[first["value"]], second["value"], expression)
        elif node["type"] == "function_expression" and node["value"] in OF_STEPS:
            yield from _arguments(node, expression)


def nested_roots(expression: Expression) -> Iterator[str]:
    """Yield the roots that an expression names where it sees an item of a list: null there."""
    waiting = [(expression.evaluate.tree, False)]
    while waiting:
        node, is_nested = waiting.pop()
        children = [one for one in node.get("children") or () if isinstance(one, dict)]
        if is_nested and node["type"] == "subexpression" and _names_root(children[0]):
            yield children[0]["value"]
        for number, child in enumerate(children):
            inner = is_nested or (node["type"] in _OF_ITEMS and number > 0)
            waiting.append((child, inner or node["type"] == "expref"))


def _names_root(node: Any) -> bool:
    return bool(node["type"] == "field" and node["value"] in ROOTS)


def _arguments(node: Any, expression: Expression) -> Iterator[Use]:
    step, *others = node["children"] or [{}]
    if step.get("type") == "literal" and isinstance(step["value"], str):
        yield Use("step", step["value"], expression)
    if node["value"] == "any_with":
        for one in others:
            if one.get("type") == "literal" and isinstance(one["value"], str):
                yield Use("status", one["value"], expression)
