"""Owns: the type of a map's result, held against the contract that it promises, part by part.
Imports: config.types, config.transforms.
Never: evaluates; tells one mistake twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from router.config.transforms.expressions import Expression
from router.config.transforms.maptree import Block, Builder, Constant, Items, Leaf, Record
from router.config.types.fitting import misfit
from router.config.types.literals import literal
from router.config.types.scopes import Reader, Scope
from router.config.types.type import (
    INTEGER,
    UNKNOWN,
    Literal,
    Type,
    list_of,
    object_of,
    union,
)
from router.core.diagnostics import Place


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

    def __init__(self, reader: Reader, promise: str) -> None:
        self._reader = reader
        self._promise = promise

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
                made = self._reader.value(expression, scope)
                self._fit(made, goal, expression.place, expression.source)
                return made
            case Record():
                return self._record(part, scope, goal)
            case Items(parts=parts):
                items = [self._spliced(one, scope, goal.items) for one in parts]
                return list_of(lambda: union(items) if items else UNKNOWN)
            case Block():
                return self._block(part, scope, goal)

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
        items = self._reader.items(block.each, scope)
        inner = scope.plus(item=items, index=INTEGER, position=INTEGER)
        inner = self.named(block.lets, inner)
        if block.guard is not None:
            inner = self._guarded(block.guard, inner)
        soft = Goal(goal.type.maybe("left out") if goal.type is not None else None, goal.path)
        return self.part(block.body, inner, soft).sure()

    def _guarded(self, guard: Expression, scope: Scope) -> Scope:
        return self._reader.condition(guard, scope)

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
        self._reader.tell(found.code, where, f"{what} ({self._promise})", found.hint)

    def _missing(self, goal: Goal, place: Place, why: str) -> None:
        self._reader.tell(
            "E197",
            place,
            f"{goal.path} may be missing: {why}; {self._promise} requires it",
            "first_of(..., what stands for it), or needed(..., 'what it is')",
        )
