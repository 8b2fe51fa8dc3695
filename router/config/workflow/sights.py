"""Owns: what the expressions of a workflow read of an instance, known before one is evaluated.
Imports: config.transforms, config.workflow (naming, scope).
Never: looks at an instance (engine.workflow.sight does).

A turn changes sources: a fact, the records of a step, a derived list, the instance itself. Parts are
what is made of them to be looked at; a sight is all the parts that an expression reads, those of the
definitions that it calls among them. What is made of a source is out of date when the source changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from router.config.transforms.expressions import Expression
from router.config.transforms.reads import Tree, nodes_of
from router.config.workflow.decisions import DecisionTable
from router.config.workflow.naming import expressions_in
from router.config.workflow.scope import FUNCTIONS, OF_STEPS, ROOTS
from router.config.workflow.steps import Step

if TYPE_CHECKING:
    from router.config.workflow.workflow import WorkflowFile

#: what a turn changes: facts, records and derived by name, and INSTANCE
Source: TypeAlias = tuple[str, str]
INSTANCE: Source = ("instance", "")
#: roots of parts that are made of the records of a step and the items of its list
OF_RECORDS = frozenset({"steps", "decisions", "statuses", "ids"})
#: a field of a field
_NAMED = ["field", "field"]
#: nodes of expressions that always have a value, whatever they are applied to
_SURE = frozenset(
    {"field", "subexpression", "literal", "and_expression", "or_expression", "not_expression"}
)


class Part(NamedTuple):
    """One thing that is made of sources.

    `root`: facts, derived, steps, decisions and instance are fields of the roots of expressions;
    statuses is what functions over steps look up; ids and index are the items of a step or a list;
    list is a derived list being up to date, and visit a step being as far as it goes.
    """

    root: str
    name: str = ""
    #: of a step with the items of a list that is not derived as yet: those with a record alone
    is_early: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Sight:
    """The parts that an expression reads, in the order of the file; one object for equal parts.

    `inner`: what each definition that it calls reads.
    """

    parts: tuple[Part, ...]
    inner: Mapping[str, Sight]


class Sights:
    """The sights of one workflow, and what is made of each source."""

    def __init__(self, file: WorkflowFile) -> None:
        self._file = file
        self._reads = _Reads(file)
        self._known: dict[frozenset[Part], Sight] = {}
        self._by_part: dict[int, tuple[object, Sight]] = {}
        #: what is made of each source; grows when a part of the workflow is looked at first
        self.readers: dict[Source, list[Part | Sight]] = {}
        #: derived lists in order, each with what tells that it is up to date, and what it reads
        self.lists = tuple((name, Part("list", name), self._early(name)) for name in file.derive)
        #: of each step, what tells that it is as far as it goes
        self.visits = {name: Part("visit", name) for name in file.steps}
        self._inner = self._stage(frozenset())
        #: all there is
        self.whole = self._sight(self._reads.everything, frozenset(), self._inner)
        self._note_more()

    def of(self, part: object) -> Sight:
        """Return what a part of the workflow reads: an expression, a view, a table."""
        found = self._by_part.get(id(part))
        if found is None:
            sight = self._sight(self._reads.of(part), frozenset(), self._inner)
            found = self._by_part[id(part)] = (part, sight)  # kept: so no other has its id
        return found[1]

    # ---- what is seen

    def _early(self, name: str) -> Sight:
        """Return what the expression of a derived list reads: nothing of it and those after it."""
        names = list(self._file.derive)
        later = frozenset(names[names.index(name) :])
        return self._sight(self._reads.of(self._file.derive[name]), later, self._stage(later))

    def _stage(self, later: frozenset[str]) -> Mapping[str, Sight]:
        """Return what definitions read while some lists are not derived as yet."""
        made: dict[str, Sight] = {}
        for name, parts in self._reads.definitions.items():
            made[name] = self._sight(parts, later, made)
        return made

    def _sight(
        self, parts: Iterable[Part], later: frozenset[str], inner: Mapping[str, Sight]
    ) -> Sight:
        seen = frozenset(
            self._now(one, later) for one in parts if one.root != "derived" or one.name not in later
        )
        if seen not in self._known:
            order = self._reads.order
            sight = Sight(tuple(sorted(seen, key=lambda one: order[one.root, one.name])), inner)
            for one in sight.parts:
                self._note(one, self._sources(one))
                self._note(sight, self._sources(one))
            self._known[seen] = sight
        return self._known[seen]

    def _now(self, part: Part, later: frozenset[str]) -> Part:
        is_early = part.root in OF_RECORDS and self._file.steps[part.name].each in later
        return part._replace(is_early=True) if is_early else part

    # ---- what is made of what

    def _note_more(self) -> None:
        """Note what is made of sources and no expression sees."""
        for _, part, sight in self.lists:
            for one in sight.parts:
                self._note(part, self._sources(one))
        for name, step in self._file.steps.items():
            for part in (Part("ids", name), Part("ids", name, is_early=True)):
                self._note(part, self._sources(part))
            if step.each:
                self._note(Part("index", step.each), self._list(step.each))
            self._note(self.visits[name], self._looked_at(step, name))

    def _sources(self, part: Part) -> tuple[Source, ...]:
        """Return what a part is made of."""
        if part.root in OF_RECORDS:
            items = () if part.is_early else self._list(self._file.steps[part.name].each)
            return (("records", part.name), *items)
        return ((part.root, part.name),)

    def _list(self, each: str) -> tuple[Source, ...]:
        return (("derived" if each in self._file.derive else "facts", each),) if each else ()

    def _note(self, made: Part | Sight, sources: Iterable[Source]) -> None:
        for source in sources:
            there = self.readers.setdefault(source, [])
            if made not in there:
                there.append(made)

    def _looked_at(self, step: Step, name: str) -> Iterator[Source]:
        """Yield what is looked at to see whether a step goes on; some of it more than once."""
        yield from self._sources(Part("ids", name))
        for need in step.needs:
            yield from self._sources(Part("ids", need.step))
            yield from self._closing(self._file.steps[need.step].each)
        for expression in (step.awaits, step.external):
            for part in self._reads.of(expression):
                yield from self._sources(part)

    def _closing(self, each: str, *before: str) -> Iterator[Source]:
        """Yield what says whether no more items come into a list."""
        said = self._file.derive.get(each) or self._file.facts.get(each)
        if said is not None and said.closed_by and each not in before:
            yield from self._sources(Part("ids", said.closed_by))
            yield from self._closing(self._file.steps[said.closed_by].each, each, *before)


class _Reads:
    """Tells the parts that expressions read; more than they do where their text leaves it open."""

    def __init__(self, file: WorkflowFile) -> None:
        judging = [name for name, one in file.steps.items() if one.decide or one.ask]
        names = {"facts": file.facts, "derived": file.derive, "steps": file.steps}
        there = {**names, "decisions": judging, "statuses": file.steps, "instance": ("",)}
        self._all = {root: [Part(root, name) for name in ones] for root, ones in there.items()}
        self.everything = frozenset(part for parts in self._all.values() for part in parts)
        #: where a part stands among those of its root
        self.order = {
            part[:2]: number for parts in self._all.values() for number, part in enumerate(parts)
        }
        self.definitions: dict[str, frozenset[Part]] = {}
        for name, one in file.define.items():
            self.definitions[name] = self.of(one)

    def of(self, value: object) -> frozenset[Part]:
        """Return what the expressions of a part of a workflow read."""
        rules = value.rules if isinstance(value, DecisionTable) else value
        return frozenset(
            part
            for one in expressions_in(rules)
            for part in (self.everything if "@" in one.reads else self._tree(one.evaluate.tree))
        )

    def _tree(self, node: Tree) -> Iterator[Part]:
        children = [one for one in node.get("children") or () if isinstance(one, dict)]
        if node["type"] == "subexpression" and [one["type"] for one in children[:2]] == _NAMED:
            yield from self._named(children[0]["value"], children[1]["value"])
            children = children[2:]
        elif node["type"] == "field":
            yield from self._all.get(node["value"], ()) if node["value"] in ROOTS else ()
        elif node["type"] == "function_expression":
            yield from self._called(node["value"], children)
        for child in children:
            yield from self._tree(child)

    def _named(self, root: str, name: str) -> Iterator[Part]:
        """Yield a field of a root; of the instance itself there is one part alone."""
        if root == "instance":
            yield Part(root)
        elif root in ROOTS and (root, name) in self.order:
            yield Part(root, name)

    def _called(self, name: str, arguments: list[Tree]) -> Iterator[Part]:
        step = arguments[0].get("value") if arguments and arguments[0]["type"] == "literal" else None
        if name in self.definitions:
            yield from self.definitions[name]
        elif name in OF_STEPS and isinstance(step, str):
            yield from [Part("statuses", step)] if ("statuses", step) in self.order else ()
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
