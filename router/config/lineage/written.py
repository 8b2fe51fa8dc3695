"""Owns: what the text of a template comes from.
Imports: config.lineage, config.transforms.
Never: writes it.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.config.lineage.paths import Paths
from router.config.lineage.reading import Reading
from router.config.lineage.value import EMPTY, NONE, Origins, Value, conditions, mixed
from router.config.transforms.expressions import Expression
from router.config.transforms.templates.parts import Branch, Loop, Name, Part, Write


class Text:
    """One template being read, part by part: everything that it writes goes into one text."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def of(self, parts: Iterable[Part], scope: Value) -> Value:
        """Return what parts of a template come from; `scope` holds their roots."""
        made: list[Value] = []
        for part in parts:
            match part:
                case Write(value=value):
                    made.append(self._value(value.expression, scope))
                case Name(name=name, value=value):
                    found = self._value(value.expression, scope)
                    scope = Value(fields={**scope.fields, name: found})
                case Branch():
                    made.append(self._branch(part, scope))
                case Loop():
                    made.append(self._loop(part, scope))
        return mixed(*made)

    def _value(self, expression: Expression, scope: Value) -> Value:
        return Reading(self._paths, expression.place).of(expression.evaluate.tree, scope)

    def _branch(self, branch: Branch, scope: Value) -> Value:
        asked: Origins = NONE
        made: list[Value] = []
        for condition, body in branch.ways:
            if condition is not None:
                asked |= conditions(self._value(condition.expression, scope))
            made.append(self.of(body, scope))
        return mixed(*made).under(asked)

    def _loop(self, loop: Loop, scope: Value) -> Value:
        source = self._value(loop.source.expression, scope)
        item = Reading(self._paths, loop.source.expression.place).items(source)
        inner = Value(fields={**scope.fields, loop.name: item, "loop": EMPTY})
        return self.of(loop.body, inner).under(conditions(source))
