"""Owns: the roots in reach of an expression, what holds there, and what is told of its type.
Imports: config.types, config.transforms.
Never: evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from router.config.transforms.expressions import Expression
from router.config.transforms.reads import path_of
from router.config.transforms.tables import Table
from router.config.types.facts import Facts, when_true
from router.config.types.infer import Inference, Tree
from router.config.types.type import UNKNOWN, Chosen, Literal, Type, narrowed, object_of, union
from router.core.diagnostics import Place, Report

#: scopes that one expression is looked at in
_MOST_SORTS = 12
#: a finding: code, the word it is about, what is wrong, what to write
Told = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Scope:
    """The types of the roots in reach, and what is known to hold."""

    roots: Mapping[str, Type]
    facts: Facts
    #: roots that a contract promises and nobody has validated yet: what makes them, worked out
    promised: Mapping[str, Callable[[], Type]] = field(default_factory=dict)
    #: whose roots they are, where that is one contract
    owner: str = ""

    def plus(self, **roots: Type) -> Scope:
        """Return a scope with more roots; what was known of their names is forgotten."""
        promised = {name: one for name, one in self.promised.items() if name not in roots}
        known = {**self.roots, **roots}
        return replace(self, roots=known, facts=self.facts.without(roots), promised=promised)

    def where(self, facts: Facts) -> Scope:
        """Return the scope where more holds."""
        return replace(self, facts=self.facts.plus(facts))

    def promising(self, name: str, held: Type, made: Callable[[], Type]) -> Scope:
        """Return the scope with a root that a contract promises and `made` gives."""
        scope = self.plus(**{name: held})
        return replace(scope, promised={**scope.promised, name: made})

    def strict(self, expression: Expression) -> Scope | None:
        """Return the scope without promises that an expression reads; None where it reads none."""
        names = expression.reads & self.promised.keys()
        if not names:
            return None
        roots = {name: self.promised[name]() for name in names}
        return replace(self, roots={**self.roots, **roots}, promised={})

    @cached_property
    def document(self) -> Type:
        """Return the type of the document of all roots."""
        held = object_of(Literal(self.roots, where=self.owner))
        return narrowed(held, self.facts.paths, self.facts.equal)


def _sorts(scope: Scope, expression: Expression) -> list[Scope]:
    """Return a scope for each way in which what is read can be of one sort."""
    points: dict[tuple[str, ...], int] = {}
    for path in _paths(expression.evaluate.tree):
        held = scope.roots.get(path[0])
        at, sorts = (0, 0) if held is None else _split(held, path[1:])
        if sorts > 1:
            points[path[:at]] = sorts
    found = [scope]
    for point, sorts in sorted(points.items()):
        if len(found) * sorts <= _MOST_SORTS:
            found = [_with_sort(one, point, number) for one in found for number in range(sorts)]
    return found


def _with_sort(scope: Scope, point: tuple[str, ...], number: int) -> Scope:
    root, *path = point
    held = _of_sort(scope.roots[root], tuple(path), number)
    return replace(scope, roots={**scope.roots, root: held})


def _paths(tree: Tree) -> set[tuple[str, ...]]:
    """Return the chains of fields that a tree reads."""
    path = path_of(tree)
    if path is not None:
        return {path}
    return {one for child in tree.get("children", ()) for one in _paths(child)}


def _split(held: Type, path: tuple[str, ...]) -> tuple[int, int]:
    """Return how far a path leads to an object of several sorts, and how many those are."""
    for at, name in enumerate((*path, "")):
        if len(held.objects) > 1:
            return at + 1, len(held.objects)
        found = held.field(name) if name and held.objects else None
        if found is None:
            break
        held = found
    return 0, 0


def _of_sort(held: Type, path: tuple[str, ...], number: int) -> Type:
    """Return a type in which the object at a path is of one sort."""
    if not path:
        return replace(held, objects=held.objects[number : number + 1])
    inner = held.field(path[0])
    if inner is None or not held.objects:
        return held
    chosen = _of_sort(inner, path[1:], number)
    return replace(held, objects=tuple(Chosen(one, path[0], chosen) for one in held.objects))


class Reader:
    """Finds the types of expressions; a report is told what cannot be right in them."""

    def __init__(self, tables: Mapping[str, Table], report: Report) -> None:
        self.tables = tables
        self._report = report

    def tell(self, code: str, place: Place, message: str, hint: str) -> None:
        """Report a finding: W... is a warning."""
        (self._report.warn if code[0] == "W" else self._report.error)(code, place, message, hint)

    def value(self, expression: Expression, scope: Scope) -> Type:
        """Return the type of an expression; tell what cannot be right in it.

        Where a root is of several sorts, each of them is looked at by itself: what one lacks
        another may have, but never both.
        """
        made, told = self._sorted(expression, scope)
        self._tell(expression, told)
        return made

    def nulls(self, expression: Expression, scope: Scope) -> Type:
        """Return the type of an expression; where a promised value may be null, what it is made of
        has the word.
        """
        made = self.value(expression, scope)
        strict = scope.strict(expression) if made.null else None
        return made if strict is None else self._sorted(expression, strict)[0]

    def shared(
        self, expression: Expression, scopes: Sequence[Scope], *, open_to_more: bool = False
    ) -> list[Type]:
        """Return the types of an expression that stands for several scopes, one each.

        What is wrong in all of them is told; a field that some of them have is null in the others.
        `open_to_more`: there are others yet, so a field that none has is wrong only where nothing
        but it is read.
        """
        if open_to_more and path_of(expression.evaluate.tree) is None:
            return [self._infer(expression, scope, lenient=True)[0] for scope in scopes]
        each = {id(scope): scope for scope in scopes}
        known = {name: self._sorted(expression, scope) for name, scope in each.items()}
        found = [known[id(scope)] for scope in scopes]
        words = [{(one[0], one[1]) for one in told} for _, told in known.values()]
        common = set.intersection(*words) if words else set()
        if common:
            self._tell(expression, [one for one in found[0][1] if (one[0], one[1]) in common])
            return [UNKNOWN] * len(scopes)
        return [
            self._infer(expression, scope, lenient=True)[0] if told else made
            for scope, (made, told) in zip(scopes, found, strict=True)
        ]

    def items(self, expression: Expression, scope: Scope) -> Type:
        """Return what an item of a list is; tell when it may be none."""
        source = self.value(expression, scope)
        if not source.unknown and (source.null or source.kinds != {"list"}):
            why = f"may be null: {source.null}" if source.null else f"is {source}{source.told}"
            self.tell(
                "E195", expression.place, f"each: takes a list, {why}", "as_list(...) makes one"
            )
        return source.items if not source.unknown and "list" in source.kinds else UNKNOWN

    def condition(self, expression: Expression, scope: Scope) -> Scope:
        """Return the scope where a condition holds; tell when it never does, or always."""
        made, told = self._sorted(expression, scope)
        self._tell(expression, told)
        sure = None if told else made.truth
        strict = scope.strict(expression) if sure else None
        if strict is not None:
            sure = self._sorted(expression, strict)[0].truth
        if sure is False:
            why = f": {made.null}" if made.is_null else made.told
            what = f"={expression.source} never holds{why}"
            self.tell("E200", expression.place, what, "mend it, or take it out")
        elif sure is True:
            plain = made.kinds == {"boolean"}
            said = made.told if plain else f": {made}{made.told} is never empty"
            hint = "compare it: > `0`" if made.kinds & {"number", "integer"} else "take it out"
            self.tell("W190", expression.place, f"={expression.source} always holds{said}", hint)
        return scope.where(when_true(expression.evaluate.tree))

    def _tell(self, expression: Expression, told: Sequence[Told]) -> None:
        for code, word, message, hint in told:
            self.tell(code, expression.place_of(word), message, hint)

    def _sorted(self, expression: Expression, scope: Scope) -> tuple[Type, list[Told]]:
        made, told = self._infer(expression, scope)
        if told or made.null:
            sorts = _sorts(scope, expression)
            if len(sorts) > 1:
                each = [self._infer(expression, one, lenient=True) for one in sorts]
                made = union([one for one, _ in each])
                told = [one for one in told if one[0] == "E190"]
                told += [finding for _, found in each for finding in found]
        return made, told

    def _infer(
        self, expression: Expression, scope: Scope, *, lenient: bool = False
    ) -> tuple[Type, list[Told]]:
        told: list[Told] = []

        def complain(*finding: str) -> None:
            told.append(finding)

        inference = Inference(tables=self.tables, complain=complain, lenient=lenient)
        return inference.of(expression.evaluate.tree, scope.document, scope.facts), told
