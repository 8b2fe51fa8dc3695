"""Owns: the type of an expression over the types of its roots, and what cannot be right in it.
Imports: config.types, config.transforms.
Never: evaluates; complains of what it cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from router.config.transforms.reads import path_of
from router.config.transforms.tables import Table
from router.config.types.calls import Calls
from router.config.types.facts import NONE, Facts, key_of, when_false, when_true
from router.config.types.literals import literal
from router.config.types.type import (
    BOOLEAN,
    FALSE,
    NOTHING,
    TRUE,
    UNKNOWN,
    Literal,
    Type,
    list_of,
    narrowed,
    object_of,
    union,
)
from router.core.diagnostics import nearest

Tree = Any
#: a finding: code, the word of the expression that it is about, what is wrong, what to write
Complain = Callable[[str, str, str, str], None]

SHORTER = "the list may be shorter"


def silent(_code: str, _word: str, _message: str, _hint: str) -> None:
    """Complain to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """Finds types. `current` is what a tree is applied to; `facts` are what holds there."""

    tables: Mapping[str, Table]
    complain: Complain
    #: one sort of several is looked at: what only others have is null
    lenient: bool = False

    def of(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """Return the type of a tree's value."""
        found: Type = _RULES[tree["type"]](self, tree, current, facts)
        if not facts.keys or not (found.null or "list" in found.kinds):
            return found
        key = key_of(tree)
        if "list" in found.kinds and not found.unknown and key in facts.full:
            return replace(found.sure(), least=max(found.least, 1))
        return found.sure() if key in facts.keys else found

    def quiet(self) -> Inference:
        """Return one that complains to nobody."""
        return Inference(tables=self.tables, complain=silent, lenient=self.lenient)

    def field(self, tree: Tree, current: Type, _facts: Facts) -> Type:
        """A field of an object."""
        name = tree["value"]
        if current.unknown:
            return UNKNOWN
        if "object" not in current.kinds and current.kinds:
            self.complain(
                "E191",
                name,
                f"{current.sure()}{current.told} has no field {name}",
                f"[].{name} or [0].{name}" if "list" in current.kinds else "read another field",
            )
            return UNKNOWN
        found = current.field(name)
        if found is None and self.lenient:
            return NOTHING
        if found is None:
            what = f"there is no field {name}{current.where}"
            self.complain("E190", name, what, nearest(name, current.names()))
            return UNKNOWN
        return found

    def subexpression(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """One step after the other."""
        path: tuple[str, ...] | None = ()
        for place, child in enumerate(tree["children"]):
            current = self.of(child, current, facts if place == 0 else NONE)
            if not facts.paths:
                continue
            step = path_of(child)
            path = (*path, *step) if path is not None and step is not None else None
            if path and current.null and path in facts.paths:
                current = current.sure()
        return current

    def index_expression(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """An item of a list, or a part of it; of that item another one, and so on."""
        base, *steps = tree["children"]
        found = self.of(base, current, facts)
        for step in steps:
            found = self._picked(self.listed(found, base), step)
        return found

    def _picked(self, source: Type, step: Tree) -> Type:
        if source.unknown or "list" not in source.kinds:
            return UNKNOWN
        if step["type"] == "slice":
            return list_of(lambda: source.items).maybe(source.null)
        index = step["value"]
        enough = source.least > index if index >= 0 else source.least >= -index
        item = source.items
        item = item.maybe(source.null) if source.null else item
        return item if enough and source.kinds == {"list"} else item.maybe(SHORTER)

    def listed(self, source: Type, tree: Tree) -> Type:
        """Return what is to be a list; complain when it never is."""
        if not source.unknown and source.kinds and "list" not in source.kinds:
            path = path_of(tree)
            name = path[-1] if path else "["
            self.complain(
                "E191",
                name,
                f"{source.sure()}{source.told} where a list belongs",
                "as_list(...) makes a list",
            )
            return UNKNOWN
        return source

    def projection(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """Each item of a list that is not null."""
        base, step = tree["children"][:2]
        source = self.listed(self.of(base, current, facts), base)
        items = UNKNOWN if source.unknown else source.items
        if len(tree["children"]) > 2:
            condition = tree["children"][2]
            self.of(condition, items, NONE)
            facts = when_true(condition)
            items = narrowed(items, facts.paths, facts.equal)
        item = self.of(step, items, NONE)
        made = self._list_after(source, item)
        kept = not item.null and not item.unknown and self._is_there(tree, source)
        return replace(made, least=1) if kept else made

    def _is_there(self, tree: Tree, source: Type) -> bool:
        """Return whether a list is known to have an item that a filter lets through."""
        condition = tree["children"][2] if len(tree["children"]) > 2 else None
        if condition is None or condition["type"] != "comparator" or condition["value"] != "eq":
            return condition is None and source.least > 0
        wanted = when_true(condition).equal
        return bool(wanted) and wanted <= source.has

    def _list_after(self, source: Type, item: Type) -> Type:
        made = list_of(item.sure)
        if source.null:
            made = made.maybe(source.null)
        sure = source.kinds == {"list"} or source.unknown
        return made if sure else made.maybe("it may be no list")

    def flatten(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """The items of a list; those of a list in it, too."""
        base = tree["children"][0]
        source = self.listed(self.of(base, current, facts), base)
        if source.unknown:
            return list_of(lambda: UNKNOWN)
        made = self._list_after(source, flat(source.items))
        if "list" in source.items.kinds or source.null:
            return replace(made, least=self._least(base, current, facts))
        return replace(made, least=source.least)

    def _least(self, base: Tree, current: Type, facts: Facts) -> int:
        """Return how many items the parts of a written list have at least, when it is flattened."""
        if base["type"] != "multi_select_list":
            return 0
        parts = [self.quiet().of(child, current, facts) for child in base["children"]]
        return sum(one.least if "list" in one.kinds else not one.null for one in parts)

    def value_projection(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """The values of an object."""
        self.of(tree["children"][0], current, facts)
        return list_of(lambda: UNKNOWN).maybe("it may be no object")

    def multi_select_list(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """A list of values."""
        items = [self.of(child, current, facts) for child in tree["children"]]
        made = list_of(lambda: union(items), len(items))
        return made.maybe(current.null) if current.null else made

    def multi_select_dict(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """An object of values."""
        fields = {
            pair["value"]: self.of(pair["children"][0], current, facts) for pair in tree["children"]
        }
        made = object_of(Literal(fields))
        return made.maybe(current.null) if current.null else made

    def or_expression(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """The first when it holds, else the second."""
        left, right = tree["children"]
        first = self.of(left, current, facts)
        second = self.of(right, current, facts.plus(when_false(left)))
        if first.truth is not None:
            return first if first.truth else second
        if left["type"] in ("and_expression", "or_expression"):
            return union([self.quiet().held(left, current, facts), second])
        return union([truthy(first), second])

    def held(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """Return the type of a value that holds."""
        kind = tree["type"]
        if kind not in ("and_expression", "or_expression"):
            return truthy(self.of(tree, current, facts))
        left, right = tree["children"]
        if kind == "or_expression":
            later = facts.plus(when_false(left))
            return union([self.held(left, current, facts), self.held(right, current, later)])
        more = when_true(left)
        return self.held(right, narrowed(current, more.paths, more.equal), facts.plus(more))

    def and_expression(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """The second when the first holds, else the first."""
        left, right = tree["children"]
        first = self.of(left, current, facts)
        more = when_true(left)
        second = self.of(right, narrowed(current, more.paths, more.equal), facts.plus(more))
        if first.truth is False:
            return first
        empty = falsy(first)
        return union([empty, second]) if empty.kinds or empty.null or empty.unknown else second

    def comparator(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """Whether two values are alike, or one is more."""
        left, right = (self.of(child, current, facts) for child in tree["children"])
        if tree["value"] not in ("eq", "ne"):
            return BOOLEAN.maybe("only numbers are compared")
        alike = self._alike(tree, left, right)
        if alike is None:
            return BOOLEAN
        holds = alike is (tree["value"] == "eq")
        return replace(TRUE if holds else FALSE, origin=left.origin or right.origin)

    def _alike(self, tree: Tree, left: Type, right: Type) -> bool | None:
        """Return whether two values are always alike, or never; complain of the latter."""
        if left.unknown or right.unknown or (left.null and right.null):
            return True if left.is_null and right.is_null else None
        if left.is_null or right.is_null:
            return False
        both, one, other = left.kinds & right.kinds, left.texts, right.texts
        path = path_of(tree["children"][0]) or path_of(tree["children"][1]) or ("=",)
        if not both:
            what = f"{left.sure()}{left.told} is never {right.sure()}{right.told}"
            self.complain("E196", path[-1], what, "compare values of one kind")
            return False
        if both != {"text"} or one is None or other is None:
            return None
        if not one & other:
            few, many = sorted((one, other), key=len)
            text = ", ".join(sorted(few))
            what = left.origin or right.origin or "it"
            self.complain("E196", path[-1], f"{what} is never {text}", nearest(min(few), many))
            return False
        sure = one == other and len(one) == 1 and left.kinds == right.kinds == both
        return True if sure and not (left.null or right.null) else None

    def not_expression(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """Whether a value does not hold."""
        made = self.of(tree["children"][0], current, facts)
        truth = made.truth
        return BOOLEAN if truth is None else replace(FALSE if truth else TRUE, origin=made.origin)

    def literal(self, tree: Tree, _current: Type, _facts: Facts) -> Type:
        """A value as it is written."""
        return literal(tree["value"])

    def itself(self, _tree: Tree, current: Type, _facts: Facts) -> Type:
        """What the tree is applied to."""
        return current

    def reference(self, _tree: Tree, _current: Type, _facts: Facts) -> Type:
        """An expression that a function applies."""
        return UNKNOWN

    def call(self, tree: Tree, current: Type, facts: Facts) -> Type:
        """What a function gives."""
        return Calls(self, current, facts).of(tree)


_RULES: Mapping[str, Any] = {
    "field": Inference.field,
    "subexpression": Inference.subexpression,
    "pipe": Inference.subexpression,
    "index_expression": Inference.index_expression,
    "projection": Inference.projection,
    "filter_projection": Inference.projection,
    "flatten": Inference.flatten,
    "value_projection": Inference.value_projection,
    "multi_select_list": Inference.multi_select_list,
    "multi_select_dict": Inference.multi_select_dict,
    "or_expression": Inference.or_expression,
    "and_expression": Inference.and_expression,
    "comparator": Inference.comparator,
    "not_expression": Inference.not_expression,
    "literal": Inference.literal,
    "identity": Inference.itself,
    "current": Inference.itself,
    "expref": Inference.reference,
    "function_expression": Inference.call,
}


def flat(item: Type) -> Type:
    """Return what an item of a flattened list may be."""
    if item.unknown or "list" not in item.kinds:
        return item
    rest = item.without("list")
    return union([rest, item.items]) if rest.kinds or rest.null else item.items


def truthy(value: Type) -> Type:
    """Return what of a type may hold."""
    if value.texts is None or "" not in value.texts:
        return value.sure()
    return replace(value.sure(), texts=value.texts - {""})


def falsy(value: Type) -> Type:
    """Return what of a type does not hold: null, false, what is empty."""
    if value.unknown:
        return UNKNOWN
    kinds = value.kinds & ({"list"} if value.sure_of else {"boolean", "list"})
    if "text" in value.kinds and (value.texts is None or "" in value.texts):
        kinds |= {"text"}
    texts = frozenset({""}) if "text" in kinds else None
    return Type(kinds=kinds, null=value.null, texts=texts, item=value.item)
