"""Owns: the shapes of things that are looked up while decoding: expressions, contracts, policies,
transforms, operations, objects.
Imports: config.components, config.transforms.expressions.
Never: lets a name survive: a reference decodes to the thing itself or to a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from router.config.components import INVALID, Context, Shape, report_wrong
from router.config.source import Node, Scalar
from router.config.transforms.checks import Vocabulary
from router.config.transforms.expressions import Expression, compile_expression
from router.core.diagnostics import nearest
from router.core.units import duration


@dataclass(frozen=True, slots=True)
class ExpressionShape:
    """An expression; it must begin with `=`."""

    expects: str = "an expression such as =body.id"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return report_wrong(self, node, context)
        if not node.value.startswith("="):
            context.report.error(
                "E108", node.place, f"{node.value} is literal here", f"did you mean ={node.value}?"
            )
            return INVALID
        start = node.place.moved(1 if node.plain else 2, len(node.value) - 1)
        vocabulary = Vocabulary(
            roots=context.roots, tables=context.library.tables, functions=context.functions
        )
        expression, found = compile_expression(node.value[1:], start, vocabulary)
        context.report.extend(found)
        return INVALID if expression is None else expression


EXPRESSION = ExpressionShape()


@dataclass(frozen=True, slots=True)
class ValueShape:
    """A literal text or number, or an expression; decoded to a function of the scope."""

    expects: str = "a text, a number, or an expression beginning with ="

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value[:1] == "=":
            return EXPRESSION.decode(node, context)
        if isinstance(node, Scalar) and node.value is not None:
            return Literal(node.value)
        return report_wrong(self, node, context)


VALUE = ValueShape()


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that does not depend on the message; callable like an expression."""

    value: str | int | float | bool
    #: nothing can be wrong with it
    place: ClassVar[None] = None

    def __call__(self, scope: Mapping[str, Any]) -> Any:
        """Return the literal."""
        return self.value


#: What a value decodes to.
Value = Expression | Literal


@dataclass(frozen=True, slots=True)
class WishShape:
    """When to ask again: literal seconds, a literal duration, or an expression."""

    expects: str = "seconds, a duration such as 30s, or an expression beginning with ="

    def decode(self, node: Node, context: Context) -> Any:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, str) and value[:1] == "=":
            return EXPRESSION.decode(node, context)
        if isinstance(value, str) and duration(value) is not None:
            return Literal(value)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return Literal(value)
        return report_wrong(self, node, context)


WISH = WishShape()


@dataclass(frozen=True, slots=True)
class ContractShape:
    """`object@major[.minor[.patch]]`, resolved to a contract version."""

    expects: str = "a contract such as name@1"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return report_wrong(self, node, context)
        found, complaint = context.library.contracts.resolve(node.value)
        if found is None:
            code, message, hint = complaint
            if code:
                context.report.error(code, node.place, message, hint)
            return INVALID
        return found


CONTRACT = ContractShape()


@dataclass(frozen=True, slots=True)
class Named:
    """The name of something loaded before, resolved to it."""

    noun: str
    code: str
    known: Callable[[Context], Mapping[str, Any]]

    @property
    def expects(self) -> str:
        return f"the name of {'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return report_wrong(self, node, context)
        known = self.known(context)
        if node.value not in known:
            broken = context.library.broken
            if node.value in broken or node.value.partition(".")[0] in broken:
                return INVALID
            hint = nearest(node.value, known)
            context.report.error(self.code, node.place, f"unknown {self.noun} {node.value}", hint)
            return INVALID
        return known[node.value]


POLICY: Shape = Named("failure policy", "E033", lambda context: context.library.policies)
TRANSFORM: Shape = Named("transform", "E034", lambda context: context.library.transforms)
WORKFLOW: Shape = Named("workflow", "E601", lambda context: context.library.workflows)
CHANNEL: Shape = Named("channel", "E039", lambda context: context.library.channels)
OPERATION: Shape = Named("operation", "E035", lambda context: context.library.operations)
