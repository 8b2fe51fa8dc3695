"""Owns: a contract filled from samples: a tree of what was matched, and what the author must write.
Imports: config.drafts (goals, names, offers, sources).
Never: fills a required field with what it does not believe; writes text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from router.config.annotations import FILLED
from router.config.drafts import forms
from router.config.drafts.goals import Goal, Resolve, fields_of, item_of
from router.config.drafts.names import closest
from router.config.drafts.offers import Facts, Offer, offer
from router.config.drafts.sources import Leaf, Listing, Scope

#: from here a match is written: a required field asks for less
OPTIONAL, REQUIRED = 0.75, 0.5
#: below it is a guess
GUESS = 0.7
#: from here it is worth a mention
CANDIDATE = 0.25
_MENTIONED = 3
#: what stands outside the items of a list is seldom about one of them
_OUTER = 0.8
_LIST_NAME = 0.6
#: the field's own name goes before its other names
_ALIAS = 0.99
_IMPLIED = 0.95
#: the codes of a field say that it is a currency, whatever it is called
_CURRENCY, _CODE_FITS = "currency", 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A field that is filled; `text` begins with `=` or is literal."""

    text: str
    score: float = 1.0
    note: str = ""
    leaf: Leaf | None = None
    table: str = ""
    #: what it fills
    goal: Goal | None = None
    #: the column of the other side, when two columns are one amount
    column: Leaf | None = None

    @property
    def read(self) -> tuple[Leaf, ...]:
        """Return what it reads of a message."""
        return tuple(one for one in (self.leaf, self.column) if one is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """A required field that the author has to write."""

    goal: Goal
    candidates: tuple[str, ...]
    #: why it was not filled, where that does not speak for itself
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsure:
    """Optional fields that the same values would fill equally well."""

    names: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """A mapping: fields in the order of the contract, and those that are missing."""

    entries: tuple[tuple[str, Node], ...]
    missing: tuple[Todo, ...]
    #: fields that one value would fill alike, so that the author must say which
    unsure: tuple[Unsure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list: one item for each of a list of the sample, or (`each` empty) a single one."""

    each: str
    item: Fields
    listing: Listing | None = None


Node: TypeAlias = Value | Fields | Items


class Matcher:
    """Fills goals from scopes."""

    def __init__(self, resolve: Resolve, facts: Facts) -> None:
        self._resolve = resolve
        self._facts = facts

    def fields(self, goal: Goal, scope: Scope) -> Fields:
        """Return an object filled from a scope as far as it can be."""
        entries: list[tuple[str, Node]] = []
        missing: list[Todo] = []
        for one in fields_of(goal, self._resolve):
            made = self._node(one, scope)
            if made is not None:
                entries.append((one.name, made))
            elif one.required:
                missing.append(Todo(goal=one, candidates=self._candidates(one, scope)))
        goals = {one.name: one for one in fields_of(goal, self._resolve)}
        kept, unsure = _told_apart(_once(entries, goals), goals)
        return Fields(entries=kept, missing=tuple(missing), unsure=unsure)

    def best(self, goal: Goal, scope: Scope) -> Value | None:
        """Return the best filling of a field that is no object and no list."""
        found = [one for one in self._scored(goal, scope) if one[1].ready]
        score, made = max(found, key=lambda one: one[0], default=(0.0, None))
        if made is None or score < (REQUIRED if goal.required else OPTIONAL):
            return None
        return Value(
            text=f"={made.expression}",
            score=score,
            note=made.note,
            leaf=made.leaf,
            table=made.table,
            goal=goal,
            column=made.column,
        )

    def _node(self, goal: Goal, scope: Scope) -> Node | None:
        given = self._given(goal)
        if given is not None or FILLED in goal.schema:
            return given
        if goal.kind == "object":
            return self._object(goal, scope)
        if goal.kind == "list":
            return self._list(goal, scope)
        return self.best(goal, scope)

    def _given(self, goal: Goal) -> Value | None:
        """Return what is known without a sample."""
        filled = goal.schema.get(FILLED)
        if filled == "channel":
            return Value(text=self._facts.channel)
        if filled == "identity" and self._facts.identity:
            return Value(text=f"={self._facts.identity}")
        if isinstance(filled, Mapping):
            return Value(text=str(filled.get("text", "")))
        words = goal.words if goal.kind == "word" else ()
        only = goal.schema.get("const", words[0] if len(words) == 1 else None)
        return Value(text=only) if isinstance(only, str) and goal.required else None

    def _object(self, goal: Goal, scope: Scope) -> Fields | None:
        made = self.fields(goal, scope)
        read = [value for value in values_of(made) if value.leaf is not None]
        if not read or (made.missing and not goal.required):
            return None
        return made

    def _list(self, goal: Goal, scope: Scope) -> Items | None:
        item = item_of(goal, self._resolve)
        if item is None or item.kind not in ("object", "money", "quantity"):
            return None
        tried = [self._each(goal, item, listing, scope) for listing in scope.lists]
        score, made = max(tried, key=lambda one: one[0], default=(0.0, None))
        if made is not None and score >= (REQUIRED if goal.required else OPTIONAL):
            return made
        if not goal.required or item.kind != "object":
            return None
        single = self.fields(item, scope)
        return Items(each="", item=single) if single.entries and not single.missing else None

    def _each(
        self, goal: Goal, item: Goal, listing: Listing, scope: Scope
    ) -> tuple[float, Items | None]:
        """Return how well a list of the sample fills a list, by its name and by its items."""
        if item.kind != "object" or not any(isinstance(one, dict) for one in listing.items):
            return 0.0, None
        made = self.fields(item, scope.inside(listing))
        own = [one for one in values_of(made) if one.leaf is not None and not one.leaf.outer]
        if not own or (made.missing and not goal.required):
            return 0.0, None
        wanted = len(made.missing) + len(made.entries)
        inner = (wanted - len(made.missing)) / wanted
        named = closest(goal.phrases, listing.phrases)
        if named < _LIST_NAME and not goal.required:
            return 0.0, None
        path = f"as_list({listing.path})" if listing.loose or not listing.always else listing.path
        return (named + inner) / 2 + 0.2, Items(each=f"={path}", item=made, listing=listing)

    def _scored(self, goal: Goal, scope: Scope) -> Iterator[tuple[float, Offer]]:
        for leaf in scope.leaves:
            made = offer(goal, leaf, scope, self._facts)
            if made is None:
                continue
            known = replace(leaf, names=made.names) if made.names else leaf
            phrases = (*leaf.phrases, *known.phrases)
            named = max(closest(goal.phrases[:1], phrases), _ALIAS * closest(goal.phrases, phrases))
            named = max(named, _IMPLIED * closest(goal.phrases, leaf.implied))
            if forms.is_currency(leaf.values) and any(_CURRENCY in one for one in goal.phrases):
                named = max(named, _CODE_FITS)
            score = named * made.fit * (_OUTER if leaf.outer else 1.0)
            if leaf.outer and not goal.required:
                score = min(score, OPTIONAL - 0.01)
            yield round(score, 2), made

    def _candidates(self, goal: Goal, scope: Scope) -> tuple[str, ...]:
        if goal.kind == "object":
            inner = [one for one in fields_of(goal, self._resolve) if one.required]
            return tuple(text for one in inner[:1] for text in self._candidates(one, scope))
        if goal.kind == "list":
            named = [(closest(goal.phrases, one.phrases), one.path) for one in scope.lists]
        else:
            named = [
                (score, text)
                for score, made in self._scored(goal, scope)
                for text in (made.expression, made.other)
                if text
            ]
        good = sorted((one for one in named if one[0] >= CANDIDATE), key=lambda one: -one[0])
        if not good and goal.kind not in ("text", "word"):
            good = named
        return tuple(expression for _, expression in good[:_MENTIONED])


def values_of(node: Node) -> Iterator[Value]:
    """Yield every value of a tree."""
    return (value for _, value in filled_of(node))


def filled_of(node: Node, path: str = "") -> Iterator[tuple[str, Value]]:
    """Yield every value of a tree with the path of its field."""
    if isinstance(node, Value):
        yield path, node
    elif isinstance(node, Items):
        yield from filled_of(node.item, f"{path}[]")
    else:
        for name, inner in node.entries:
            yield from filled_of(inner, f"{path}.{name}" if path else name)


def todos_of(node: Node, path: str = "") -> Iterator[tuple[str, Todo]]:
    """Yield every field that the author must write, with the path of the field."""
    if isinstance(node, Items):
        yield from todos_of(node.item, f"{path}[]")
    elif isinstance(node, Fields):
        prefix = f"{path}." if path else ""
        for todo in node.missing:
            yield f"{prefix}{todo.goal.name}", todo
        for name, inner in node.entries:
            yield from todos_of(inner, f"{prefix}{name}")


def listings_of(node: Node) -> Iterator[Listing]:
    """Yield the lists of the sample that are gone through at the top."""
    if isinstance(node, Items) and node.listing is not None:
        yield node.listing
    elif isinstance(node, Fields):
        for _, inner in node.entries:
            yield from listings_of(inner)


def _once(
    entries: Sequence[tuple[str, Node]], goals: Mapping[str, Goal]
) -> tuple[tuple[str, Node], ...]:
    """Return the entries without optional ones that read a leaf which fits another one better."""
    best: dict[str, tuple[float, str]] = {}
    for name, node in entries:
        if isinstance(node, Value) and node.leaf is not None and not node.table:
            score = node.score + (1.0 if goals[name].required else 0.0)
            if node.leaf.path not in best or score > best[node.leaf.path][0]:
                best[node.leaf.path] = (score, name)
    return tuple(
        (name, node)
        for name, node in entries
        if not isinstance(node, Value)
        or node.leaf is None
        or goals[name].required
        or best.get(node.leaf.path, (0.0, name))[1] == name
    )


def _told_apart(
    entries: tuple[tuple[str, Node], ...], goals: Mapping[str, Goal]
) -> tuple[tuple[tuple[str, Node], ...], tuple[Unsure, ...]]:
    """Return the entries with one at most of optional objects that read the same, and the others.

    The one named most like what it reads stays; where none is, the author must say which.
    """
    alike: dict[tuple[str, ...], list[tuple[float, str]]] = {}
    texts: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name, node in entries:
        leaves = [one.leaf for one in values_of(node) if one.leaf is not None]
        if isinstance(node, Fields):
            key = tuple(sorted({leaf.path for leaf in leaves}))
            named = max(closest(goals[name].phrases, leaf.phrases) for leaf in leaves)
            score = 2.0 if goals[name].required else round(named, 2)
            alike.setdefault(key, []).append((score, name))
            texts[key] = tuple(one.text for one in values_of(node) if one.leaf is not None)
    dropped: set[str] = set()
    unsure: list[Unsure] = []
    for key, rivals in alike.items():
        top = max(score for score, _ in rivals)
        winners = [name for score, name in rivals if score == top]
        if goals[winners[0]].required:
            dropped |= {name for score, name in rivals if score < top}
            continue
        dropped |= {name for _, name in rivals} - (set(winners) if len(winners) == 1 else set())
        if len(winners) > 1:
            unsure.append(Unsure(names=tuple(winners), texts=texts[key]))
    return tuple(one for one in entries if one[0] not in dropped), tuple(unsure)
