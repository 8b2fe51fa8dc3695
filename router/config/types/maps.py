"""Owns: the type of a map's result, held against the contract that it promises, part by part.
Imports: config.types, config.transforms.
Never: evaluates; tells one mistake twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from router.config.transforms.expressions import Expression
from router.config.transforms.maptree import Block, Builder, Constant, Items, Leaf, Record
from router.config.transforms.tables import Table
from router.config.types.facts import Facts, when_true
from router.config.types.fitting import misfit
from router.config.types.infer import Inference
from router.config.types.literals import literal
from router.config.types.type import (
    INTEGER,
    UNKNOWN,
    Literal,
    Type,
    list_of,
    narrowed,
    object_of,
    union,
)
from router.core.diagnostics import Place, Report

#: scopes that one expression is looked at in
_MOST_SORTS = 12
#: a finding: code, the word it is about, what is wrong, what to write
Told = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """The types of the roots in reach, and what is known to hold."""

    roots: Mapping[str, Type]
    facts: Facts

    def plus(self, **roots: Type) -> Scope:
        """Return a scope with more roots; what was known of their names is forgotten."""
        return Scope({**self.roots, **roots}, self.facts.without(roots))

    def where(self, facts: Facts) -> Scope:
        """Return the scope where more holds."""
        return Scope(self.roots, self.facts.plus(facts))

    @property
    def document(self) -> Type:
        """Return the type of the document of all roots."""
        return narrowed(object_of(Literal(self.roots)), self.facts.paths, self.facts.equal)


def _sorts(scope: Scope, expression: Expression) -> list[Scope]:
    """Return a scope for each way in which the roots that are read can be of one sort."""
    found = [scope]
    for name in sorted(expression.reads & scope.roots.keys()):
        held = scope.roots[name]
        if len(held.objects) > 1 and len(found) * len(held.objects) <= _MOST_SORTS:
            found = [
                Scope({**one.roots, name: replace(held, objects=(sort,))}, one.facts)
                for one in found
                for sort in held.objects
            ]
    return found


@dataclass(frozen=True, slots=True)
class Goal:
    """What a part is to fit: the type, and the words for where it stands. None = anything."""

    type: Type | None
    path: str = ""

    def field(self, name: str) -> Goal:
        """Return the goal of a field."""
        known = self.type is not None and not self.type.unknown
        found = self.type.sure().field(name) if known and self.type is not None else None
        return Goal(found, f"{self.path}.{name}" if self.path else name)

    @property
    def items(self) -> Goal:
        """Return the goal of a list's items."""
        known = self.type is not None and not self.type.unknown and "list" in self.type.kinds
        found = self.type.items if known and self.type is not None else None
        return Goal(found, f"{self.path}[]")

    @property
    def needs(self) -> bool:
        """Return whether something must stand there."""
        return self.type is not None and not self.type.unknown and not self.type.null


class MapTypes:
    """Checks one map against one contract; `promise` is the contract's name."""

    def __init__(self, tables: Mapping[str, Table], promise: str, report: Report) -> None:
        self._tables = tables
        self._promise = promise
        self._report = report

    def named(self, lets: tuple[tuple[str, Builder], ...], scope: Scope) -> Scope:
        """Return the scope with the names of a `let`."""
        for name, part in lets:
            scope = scope.plus(**{name: self.part(part, scope, Goal(None))})
        return scope

    def part(self, part: Builder, scope: Scope, goal: Goal) -> Type:
        """Return what a part gives, checked; one that may be left out may be null."""
        match part:
            case Constant():
                made = literal(part.value)
                self._fit(made, goal, part.place, "")
                return made
            case Leaf(expression=expression):
                made = self.value(expression, scope)
                self._fit(made, goal, expression.place, expression.source)
                return made
            case Record():
                return self._record(part, scope, goal)
            case Items(parts=parts):
                items = [self._spliced(one, scope, goal.items) for one in parts]
                return list_of(lambda: union(items) if items else UNKNOWN)
            case Block():
                return self._block(part, scope, goal)

    def value(self, expression: Expression, scope: Scope) -> Type:
        """Return the type of an expression; tell what cannot be right in it.

        Where a root is of several sorts, each of them is looked at by itself: what one lacks
        another may have, but never both.
        """
        made, told = self._infer(expression, scope)
        if told or made.null:
            sorts = _sorts(scope, expression)
            if len(sorts) > 1:
                each = [self._infer(expression, one, lenient=True) for one in sorts]
                made = union([one for one, _ in each])
                told = [one for one in told if one[0] == "E190"]
                told += [finding for _, found in each for finding in found]
        for code, word, message, hint in told:
            self._report.error(code, expression.place_of(word), message, hint)
        return made

    def _infer(
        self, expression: Expression, scope: Scope, *, lenient: bool = False
    ) -> tuple[Type, list[Told]]:
        told: list[Told] = []

        def complain(*finding: str) -> None:
            told.append(finding)

        inference = Inference(tables=self._tables, complain=complain, lenient=lenient)
        return inference.of(expression.evaluate.tree, scope.document, scope.facts), told

    def _record(self, record: Record, scope: Scope, goal: Goal) -> Type:
        fields = {}
        for key, part in record.parts:
            made = self.part(part, scope, goal.field(key))
            fields[key] = replace(made, absent=True) if made.null else made
        return object_of(Literal(fields))

    def _spliced(self, part: Builder, scope: Scope, goal: Goal) -> Type:
        """Return what a part of a list puts into it: an `each` its items."""
        if isinstance(part, Block) and part.each is not None:
            return self._item(part, scope, goal)
        inner = replace(goal, type=goal.type.maybe("left out")) if goal.type is not None else goal
        return self.part(part, scope, inner).sure()

    def _block(self, block: Block, scope: Scope, goal: Goal) -> Type:
        if block.each is not None:
            item = self._item(block, scope, goal.items)
            made = list_of(lambda: item)
            self._fit(list_of(lambda: UNKNOWN), goal, block.each.place, block.each.source)
            return made
        scope = self.named(block.lets, scope)
        if block.guard is None:
            return self.part(block.body, scope, goal)
        made = self.part(block.body, self._guarded(block.guard, scope), goal)
        why = f"={block.guard.source} may not hold"
        if goal.needs:
            self._missing(goal, block.guard.place, why)
        return replace(made.maybe(why), absent=True)

    def _item(self, block: Block, scope: Scope, goal: Goal) -> Type:
        assert block.each is not None, "who calls has looked"
        source = self.value(block.each, scope)
        if not source.unknown and (source.null or source.kinds != {"list"}):
            why = f"may be null: {source.null}" if source.null else f"is {source}"
            self._report.error(
                "E195", block.each.place, f"each: takes a list, {why}", "as_list(...) makes one"
            )
        items = source.items if not source.unknown and "list" in source.kinds else UNKNOWN
        inner = scope.plus(item=items, index=INTEGER, position=INTEGER)
        inner = self.named(block.lets, inner)
        if block.guard is not None:
            inner = self._guarded(block.guard, inner)
        soft = Goal(goal.type.maybe("left out") if goal.type is not None else None, goal.path)
        return self.part(block.body, inner, soft).sure()

    def _guarded(self, guard: Expression, scope: Scope) -> Scope:
        self.value(guard, scope)
        return scope.where(when_true(guard.evaluate.tree))

    def _fit(self, made: Type, goal: Goal, place: Place, source: str) -> None:
        wanted = goal.type
        if wanted is None or wanted.unknown or made.unknown:
            return
        if made.null and not wanted.null:
            self._missing(goal, place, made.null)
            return
        found = misfit(made.sure(), wanted)
        if found is None or made.is_null:
            return
        what = f"{goal.path}{found.below} {found.what}"
        where = place if not source else replace(place, width=len(source))
        self._report.error(found.code, where, f"{what} ({self._promise})", found.hint)

    def _missing(self, goal: Goal, place: Place, why: str) -> None:
        self._report.error(
            "E197",
            place,
            f"{goal.path} may be missing: {why}; {self._promise} requires it",
            "first_of(..., what stands for it), or needed(..., 'what it is')",
        )
