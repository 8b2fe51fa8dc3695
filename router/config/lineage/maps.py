"""Owns: what each field of a map comes from, given what its inputs come from.
Imports: config.lineage, config.transforms.
Never: builds a document.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.config.lineage.paths import Paths
from router.config.lineage.reading import Reading
from router.config.lineage.value import EMPTY, NONE, Value, conditions, union
from router.config.lineage.written import Text
from router.config.references import Literal
from router.config.references import Value as Written
from router.config.transforms.expressions import Expression
from router.config.transforms.maptree import Block, Builder, Constant, Items, Leaf, Record
from router.config.transforms.transform import TransformFile
from router.core.diagnostics import Place


def mapped(file: TransformFile, scope: Value, paths: Paths) -> Value:
    """Return what the result of a transform comes from; `scope` holds its roots."""
    scope = _Map(paths).named(file.let, scope)
    if file.template is not None:
        return Text(paths).of(file.template.parts, scope)
    assert file.map is not None, "checked at load: a map or a template"
    return _Map(paths).part(file.map, scope)


def told(value: Written, scope: Value, paths: Paths) -> Value:
    """Return what a value of a channel or a step comes from."""
    if isinstance(value, Literal):
        return Reading(paths, Place("")).constant(value.value)
    return _Map(paths).expression(value, scope)


class _Map:
    """One map being read, part by part."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def part(self, part: Builder, scope: Value) -> Value:
        """Return what a part comes from."""
        match part:
            case Constant(value=value, place=place):
                return Reading(self.paths, place).constant(value)
            case Leaf(expression=expression):
                return self.expression(expression, scope)
            case Record(parts=parts):
                return Value(fields={name: self.part(inner, scope) for name, inner in parts})
            case Items(parts=parts):
                return Value(items=union([self._spliced(inner, scope) for inner in parts]))
            case Block():
                item = self._one(part, scope)
                return item if part.each is None else Value(items=item)

    def named(self, lets: Iterable[tuple[str, Builder]], scope: Value) -> Value:
        """Return the scope with the names of a `let` in it."""
        for name, part in lets:
            scope = plus(scope, **{name: self.part(part, scope)})
        return scope

    def expression(self, expression: Expression, scope: Value) -> Value:
        """Return what an expression's value comes from."""
        return Reading(self.paths, expression.place).of(expression.evaluate.tree, scope)

    def _spliced(self, part: Builder, scope: Value) -> Value:
        """Return an item of a list around: what an `each` gives is spliced."""
        if isinstance(part, Block) and part.each is not None:
            return self._one(part, scope)
        return self.part(part, scope)

    def _one(self, block: Block, scope: Value) -> Value:
        """Return what a block gives, of an `each` for one item: it decides how many there are."""
        decided = NONE
        if block.each is not None:
            source = self.expression(block.each, scope)
            item = Reading(self.paths, block.each.place).items(source)
            decided = source.decided | item.decided
            scope = plus(scope, item=item, index=EMPTY, position=EMPTY)
        scope = self.named(block.lets, scope)
        if block.guard is not None:
            decided |= conditions(self.expression(block.guard, scope))
        return self.part(block.body, scope).under(decided)


def plus(scope: Value, **named: Value) -> Value:
    """Return a scope with more names."""
    return Value(fields={**scope.fields, **named})
