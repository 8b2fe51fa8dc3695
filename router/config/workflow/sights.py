"""Owns: what the expressions of a workflow read of an instance, known before one is evaluated.
Imports: config.transforms, config.workflow (decisions, naming, scope, steps).
Never: looks at an instance (engine.workflow.seeing does).

A turn changes sources: a fact, the records of a step, a derived list, the instance itself. Parts
are what is made of them to be looked at; a sight is all parts that an expression reads, and the
definitions that it calls. What is made of a source is out of date when the source changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from router.config.transforms.expressions import Expression
from router.config.transforms.reads import Tree, nodes_of
from router.config.workflow.decisions import DecisionTable
from router.config.workflow.naming import expressions_in
from router.config.workflow.quick import hasten
from router.config.workflow.scope import FUNCTIONS, OF_STEPS, ROOTS
from router.config.workflow.steps import Step

if TYPE_CHECKING:
    from router.config.workflow.workflow import WorkflowFile

#: what a turn changes: facts, records and derived by name, and INSTANCE
Source: TypeAlias = tuple[str, str]
INSTANCE: Source = ("instance", "")
#: a part by its root and name
Name: TypeAlias = tuple[str, str]
#: roots of parts that are made of the records of a step and the items of its list
OF_RECORDS = frozenset({"steps", "decisions", "statuses", "ids"})
#: a field of a field
_NAMED = ["field", "field"]
#: nodes of expressions that always have a value, whatever they are applied to
_SURE = frozenset(
    {"field", "subexpression", "literal", "and_expression", "or_expression", "not_expression"}
)


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """One thing that is made of sources; one object for each.

    `root`: facts, derived, steps, decisions and instance are roots of expressions; statuses is what
    functions over steps look up; ids and index are the items of a step and of a list; list tells
    that a derived list is up to date, visit that a step is as far as it goes.
    """

    root: str
    name: str
    #: of a step with the items of a list that is not derived as yet: those with a record alone
    is_early: bool
    #: of a step: the list of its items, "" for none
    each: str


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """What is seen while some lists are not derived as yet, or when all are.

    `inner`: the parts that each definition reads then; its values hold as long as they do.
    """

    later: frozenset[str]
    #: the names of each root, in order
    names: Mapping[str, tuple[str, ...]]
    inner: dict[str, frozenset[Part]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class Sight:
    """The parts that an expression reads, of one stage; one object for equal parts."""

    parts: frozenset[Part]
    stage: Stage
    #: the roots that it reads all parts of
    entire: tuple[str, ...]


class Sights:
    """The sights of one workflow, and what is made of each source."""

    def __init__(self, file: WorkflowFile) -> None:
        self._file = file
        self._reads = _Reads(file)
        self._parts: dict[tuple[str, str, bool], Part] = {}
        #: equal parts are one object: what is known of them is known at every stage
        self._shared: dict[frozenset[Part], frozenset[Part]] = {}
        self._known: dict[tuple[Stage, frozenset[Part]], Sight] = {}
        self._by_part: dict[int, tuple[object, Sight]] = {}
        #: what is made of each source; grows when a part of the workflow is looked at first
        self.readers: dict[Source, list[object]] = {}
        #: derived lists in order, each with what tells that it is up to date, and what it reads
        self.lists = tuple(
            (name, self.part("list", name), self._early(name)) for name in file.derive
        )
        #: of each step, what tells that it is as far as it goes, and its items
        self.visits = {name: self.part("visit", name) for name in file.steps}
        self.ids = {name: self.part("ids", name) for name in file.steps}
        self.early_ids = {name: self.part("ids", name, is_early=True) for name in file.steps}
        self.index = {one.each: self.part("index", one.each) for one in file.steps.values()}
        self._stage = self._staged(frozenset())
        #: all there is
        self.whole = self._sight(self._reads.everything, self._stage)
        self._note_more()
        tables = (one.decide.rules for one in file.steps.values() if one.decide is not None)
        for one in expressions_in((file, *tables)):
            hasten(one)

    def of(self, part: object) -> Sight:
        """Return what a part of the workflow reads: an expression, a view, a table."""
        found = self._by_part.get(id(part))
        if found is None:
            sight = self._sight(self._reads.of(part), self._stage)
            found = self._by_part[id(part)] = (part, sight)  # kept: so no other has its id
        return found[1]

    def part(self, root: str, name: str, *, is_early: bool = False) -> Part:
        """Return a part."""
        found = self._parts.get((root, name, is_early))
        if found is None:
            each = self._file.steps[name].each if root in OF_RECORDS else ""
            found = self._parts[root, name, is_early] = Part(root, name, is_early, each)
        return found

    # ---- what is seen

    def _early(self, name: str) -> Sight:
        """Return what the expression of a derived list reads: nothing of it and those after it."""
        names = list(self._file.derive)
        stage = self._staged(frozenset(names[names.index(name) :]))
        return self._sight(self._reads.of(self._file.derive[name]), stage)

    def _staged(self, later: frozenset[str]) -> Stage:
        names = {**self._reads.names, "derived": [x for x in self._file.derive if x not in later]}
        stage = Stage(later, {root: tuple(ones) for root, ones in names.items()})
        for name, read in self._reads.definitions.items():
            stage.inner[name] = parts = self._parts_of(read, stage)
            for one in parts:
                self._note(parts, self._sources(one))
        return stage

    def _sight(self, read: Iterable[Name], stage: Stage) -> Sight:
        parts = self._parts_of(read, stage)
        found = self._known.get((stage, parts))
        if found is None:
            there = {(one.root, one.name) for one in parts}
            entire = tuple(
                root
                for root, names in stage.names.items()
                if names and all((root, name) in there for name in names)
            )
            found = self._known[stage, parts] = Sight(parts, stage, entire)
            for one in parts:
                self._note(one, self._sources(one))
                self._note(found, self._sources(one))
        return found

    def _parts_of(self, read: Iterable[Name], stage: Stage) -> frozenset[Part]:
        def is_early(root: str, name: str) -> bool:
            return root in OF_RECORDS and self._file.steps[name].each in stage.later

        parts = frozenset(
            self.part(root, name, is_early=is_early(root, name))
            for root, name in read
            if root != "derived" or name not in stage.later
        )
        return self._shared.setdefault(parts, parts)

    # ---- what is made of what

    def _note_more(self) -> None:
        """Note what is made of sources and no expression sees."""
        for _, part, sight in self.lists:
            for one in sight.parts:
                self._note(part, self._sources(one))
        for name, step in self._file.steps.items():
            for ids in (self.ids[name], self.early_ids[name]):
                self._note(ids, self._sources(ids))
            if step.each:
                self._note(self.part("index", step.each), self._list(step.each))
            self._note(self.visits[name], self._looked_at(step, name))

    def _sources(self, part: Part) -> tuple[Source, ...]:
        """Return what a part is made of."""
        if part.root in OF_RECORDS:
            items = () if part.is_early else self._list(part.each)
            return (("records", part.name), *items)
        return ((part.root, part.name),)

    def _list(self, each: str) -> tuple[Source, ...]:
        return (("derived" if each in self._file.derive else "facts", each),) if each else ()

    def _note(self, made: object, sources: Iterable[Source]) -> None:
        for source in sources:
            there = self.readers.setdefault(source, [])
            if not any(one is made for one in there):
                there.append(made)

    def _looked_at(self, step: Step, name: str) -> Iterator[Source]:
        """Yield what is looked at to see whether a step goes on; some of it more than once."""
        yield from self._sources(self.part("ids", name))
        for need in step.needs:
            yield from self._sources(self.part("ids", need.step))
            yield from self._closing(self._file.steps[need.step].each)
        for expression in (step.awaits, step.external):
            for root, one in self._reads.of(expression):
                yield from self._sources(self.part(root, one))

    def _closing(self, each: str, *before: str) -> Iterator[Source]:
        """Yield what says whether no more items come into a list."""
        said = self._file.derive.get(each) or self._file.facts.get(each)
        if said is not None and said.closed_by and each not in before:
            yield from self._sources(self.part("ids", said.closed_by))
            yield from self._closing(self._file.steps[said.closed_by].each, each, *before)


class _Reads:
    """Tells what expressions read; more than they do where their text leaves it open."""

    def __init__(self, file: WorkflowFile) -> None:
        judging = [name for name, one in file.steps.items() if one.decide or one.ask]
        lists = {"facts": file.facts, "derived": file.derive, "steps": file.steps}
        #: the names of each root of expressions that has some, in order
        self.names: Mapping[str, Iterable[str]] = {**lists, "decisions": judging}
        there = {**self.names, "statuses": file.steps, "instance": ("",)}
        self._all = {root: [(root, name) for name in ones] for root, ones in there.items()}
        self.everything = frozenset(one for ones in self._all.values() for one in ones)
        self.definitions: dict[str, frozenset[Name]] = {}
        for name, one in file.define.items():
            self.definitions[name] = self.of(one)

    def of(self, value: object) -> frozenset[Name]:
        """Return what the expressions of a part of a workflow read."""
        rules = value.rules if isinstance(value, DecisionTable) else value
        return frozenset(
            name
            for one in expressions_in(rules)
            for name in (self.everything if "@" in one.reads else self._tree(one.evaluate.tree))
        )

    def _tree(self, node: Tree) -> Iterator[Name]:
        kind, value = node["type"], node.get("value")
        children = [one for one in node.get("children") or () if isinstance(one, dict)]
        if kind == "subexpression" and [one["type"] for one in children[:2]] == _NAMED:
            yield from self._named(children[0]["value"], children[1]["value"])
            children = children[2:]
        elif kind == "field" and value in ROOTS:
            yield from self._all[value]
        elif kind == "function_expression":
            yield from self._called(value, children)
        for child in children:
            yield from self._tree(child)

    def _named(self, root: str, name: str) -> Iterator[Name]:
        """Yield a field of a root; of the instance itself there is one part alone."""
        found = INSTANCE if root == "instance" else (root, name)
        if root in ROOTS and found in self.everything:
            yield found

    def _called(self, name: str, arguments: list[Tree]) -> Iterator[Name]:
        step = arguments[0] if arguments else {"type": ""}
        if name in self.definitions:
            yield from self.definitions[name]
        elif name in OF_STEPS and step["type"] == "literal":
            yield from {("statuses", step["value"])} & self.everything
        elif name in FUNCTIONS:
            yield from self._all["statuses"]


def never_fails(expression: Expression) -> bool:
    """Return whether an expression has a value over every instance: it can be left out unseen."""
    return all(
        node["type"] in _SURE
        or (node["type"] == "comparator" and node["value"] in ("eq", "ne"))
        or (node["type"] == "function_expression" and _is_sure(node))
        for node in nodes_of(expression.evaluate.tree)
    )


def _is_sure(call: Tree) -> bool:
    texts = [one["type"] == "literal" and isinstance(one["value"], str) for one in call["children"]]
    return call["value"] in FUNCTIONS and all(texts)
