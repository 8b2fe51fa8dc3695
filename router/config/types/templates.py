"""Owns: the types of what a template writes, asks and walks, part by part.
Imports: config.types, config.transforms.
Never: evaluates; tells one mistake twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from router.config.transforms.expressions import Expression
from router.config.transforms.templates.parts import Branch, Loop, Name, Part, Weighed, Write
from router.config.types.facts import when_false, when_true
from router.config.types.scopes import Reader, Scope
from router.config.types.type import BOOLEAN, INTEGER, UNKNOWN, Literal, Type, object_of
from router.core.diagnostics import Report

#: what `loop` is in a loop
_LOOP = object_of(
    Literal(
        {"index": INTEGER, "index0": INTEGER, "first": BOOLEAN, "last": BOOLEAN, "length": INTEGER}
    )
)
#: what has a text of its own
_SAID = frozenset({"text", "integer"})
_HINTS = {
    "boolean": "choose(..., 'yes', 'no') says how it is written",
    "number": "number_text(...) writes it exactly",
    "list": "{% for item in list %} writes its items",
    "object": "write a field of it",
}


class TemplateTypes:
    """Checks one template over the types of its inputs."""

    def __init__(self, reader: Reader, report: Report) -> None:
        self._reader = reader
        self._report = report

    def parts(self, parts: Iterable[Part], scope: Scope) -> None:
        """Report what cannot be right in parts, whatever comes."""
        for part in parts:
            match part:
                case Write(value=value):
                    self._written(value.expression, scope)
                case Name(name=name, value=value):
                    scope = scope.plus(**{name: self._reader.value(value.expression, scope)})
                case Branch(ways=ways):
                    self._branch(ways, scope)
                case Loop():
                    self._loop(part, scope)

    def _written(self, expression: Expression, scope: Scope) -> None:
        made = self._reader.value(expression, scope)
        if made.unknown:
            return
        place = replace(expression.place, width=len(expression.source.partition("\n")[0]))
        if made.null:
            self._report.error(
                "E165",
                place,
                f"it may not be there: {made.null}",
                "{% if ... is defined %} around it, default(..., 'what stands for it')",
            )
            return
        odd = sorted(made.kinds - _SAID)
        if odd:
            word = "is" if not made.kinds & _SAID else "may be"
            what = f"what is written {word} {Type(kinds=frozenset(odd))}"
            self._report.error("E166", place, what, _HINTS[odd[0]])

    def _branch(
        self, ways: Iterable[tuple[Weighed | None, tuple[Part, ...]]], scope: Scope
    ) -> None:
        for condition, body in ways:
            if condition is None:
                self.parts(body, scope)
                continue
            expression = condition.expression
            made = self._reader.value(expression, scope)
            if not made.unknown and made.kinds & {"integer", "number"}:
                what = "a number is asked whether it holds: 0 does here, and not elsewhere"
                self._report.error("E166", expression.place, what, "compare it: ... != 0")
            known = when_true(expression.evaluate.tree)
            self.parts(body, scope.where(known))
            scope = scope.where(when_false(expression.evaluate.tree))

    def _loop(self, loop: Loop, scope: Scope) -> None:
        expression = loop.source.expression
        source = self._reader.value(expression, scope)
        if not source.unknown and (source.null or source.kinds != {"list"}):
            why = f"may be null: {source.null}" if source.null else f"is {source}"
            what = f"a loop takes a list, {why}"
            self._report.error("E195", expression.place, what, "as_list(...) makes one")
        items = source.items if not source.unknown and "list" in source.kinds else UNKNOWN
        self.parts(loop.body, scope.plus(**{loop.name: items, "loop": _LOOP}))
