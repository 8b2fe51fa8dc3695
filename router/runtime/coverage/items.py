"""Owns: everything of a project that a test can show: routes, flows, steps, fields, outcomes.
Imports: config, engine.pipeline (the words of steps).
Never: runs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from router.config.channels import Channel, Route
from router.config.project import Project
from router.config.sequences import CallSequence
from router.config.steps import Choose, Filter, Fork, Split, Step
from router.config.systems import Operation
from router.config.transforms.compiler import is_false
from router.config.transforms.expressions import Expression
from router.config.transforms.maptree import Block, Builder, Items, Leaf, Record
from router.config.transforms.templates.parts import Branch, Loop, Part
from router.core.diagnostics import Place
from router.core.document import Json
from router.engine.pipeline import STEP_WORDS

#: (kind, place, word): what tells one thing from all others
Key: TypeAlias = tuple[str, Place, str]
#: in the order in which they are counted
KINDS = (
    *("routes", "flows", "steps", "branches"),
    *("transforms", "fields", "operations", "outcomes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that a test can show.

    `shown_by` is another thing that shows it too. With an expression it is shown by a value of it
    for which `fits` holds.
    """

    kind: str
    name: str
    place: Place
    word: str = ""
    #: what must be shown before this can be
    within: Key | None = None
    shown_by: Key | None = None
    expression: Expression | None = None
    fits: Callable[[Json], bool] | None = None

    @property
    def key(self) -> Key:
        """Return what tells it from all others."""
        return (self.kind, self.place, self.word)


def items_of(project: Project) -> Iterator[Item]:
    """Yield everything that tests of a project can show; what holds others comes before them."""
    for _, channel in sorted(project.channels.items()):
        yield from _of_channel(channel)
    for _, flow in sorted(project.flows.items()):
        item = Item(kind="flows", name=flow.name, place=flow.place)
        yield item
        yield from _of_steps(flow.steps, flow.name, item.key)
    for name, transform in sorted(project.transforms.items()):
        item = Item(kind="transforms", name=f"transform {name}", place=transform.file.place)
        yield item
        for let, part in transform.file.let:
            yield from _of_part(part, f"{item.name} let {let}", item.key)
        if transform.file.map is not None:
            yield from _of_part(transform.file.map, f"{item.name} ", item.key)
        if transform.file.template is not None:
            yield from _of_template(transform.file.template.parts, item.name, item.key)
    for _, operation in sorted(project.operations.items()):
        yield from _of_operation(operation)


def _of_channel(channel: Channel) -> Iterator[Item]:
    for kind, route in channel.routes.items():
        name = f"route {channel.name}:{kind}"
        item = Item(kind="routes", name=name, place=route.place)
        yield item
        if isinstance(route, Route):
            yield from _of_steps(route.steps, name, item.key)
    yield Item(
        kind="routes", name=f"route {channel.name}: otherwise", place=channel.otherwise.place
    )


def _of_steps(steps: tuple[Step, ...], name: str, within: Key) -> Iterator[Item]:
    for step in steps:
        word = STEP_WORDS[type(step).__name__]
        item = Item(kind="steps", name=f"{name}: {word}", place=step.place, within=within)
        yield item
        match step:
            case Filter(condition=condition):
                yield from _two(item.name, item.key, condition, ("goes on", "stops"))
            case Split(each=each):
                yield from _two(item.name, item.key, each, ("has items", "is empty"))
            case Fork(branches=branches):
                for branch, inner in branches.items():
                    yield from _of_steps(inner, f"{name}/{branch}", item.key)
            case Choose():
                yield from _of_choose(step, name, item.key)


def _of_choose(step: Choose, name: str, within: Key) -> Iterator[Item]:
    ways = [
        (f"case {number}", case.condition.place, case.steps)
        for number, case in enumerate(step.cases, start=1)
    ]
    ways.append(("otherwise", step.otherwise[0].place, step.otherwise))
    for word, place, steps in ways:
        item = Item(
            kind="branches",
            name=f"{name}: choose",
            place=place,
            word=word,
            within=within,
            shown_by=("steps", steps[0].place, ""),
        )
        yield item
        yield from _of_steps(steps, name, item.key)


def _two(name: str, within: Key, condition: Expression, words: tuple[str, str]) -> list[Item]:
    """Return the two ways that a condition can go: it holds, it does not."""
    return [
        Item(
            kind="branches",
            name=name,
            place=condition.place,
            word=word,
            within=within,
            expression=condition,
            fits=fits,
        )
        for word, fits in zip(words, (_holds, is_false), strict=True)
    ]


def _of_part(part: Builder, name: str, within: Key) -> Iterator[Item]:
    """Yield the fields of a part of a map; a constant is shown by what holds it."""
    match part:
        case Leaf(expression=expression):
            yield Item(
                kind="fields",
                name=name,
                place=expression.place,
                within=within,
                expression=expression,
                fits=_is_there,
            )
        case Record(parts=parts):
            for key, one in parts:
                yield from _of_part(one, f"{name}{_joint(name)}{key}", within)
        case Items(parts=several):
            for number, one in enumerate(several):
                yield from _of_part(one, f"{name}[{number}]", within)
        case Block():
            yield from _of_block(part, name, within)


def _of_block(block: Block, name: str, within: Key) -> Iterator[Item]:
    if block.each is not None:
        item = Item(
            kind="branches",
            name=f"{name}: each",
            place=block.each.place,
            word="has items",
            within=within,
            expression=block.each,
            fits=_holds,
        )
        yield item
        name, within = f"{name}[]", item.key
    for let, part in block.lets:
        yield from _of_part(part, f"{name} let {let}", within)
    if block.guard is not None:
        ways = _two(f"{name}: if", within, block.guard, ("holds", "does not hold"))
        yield from ways
        within = ways[0].key
    yield from _of_part(block.body, name, within)


def _of_template(parts: Iterable[Part], name: str, within: Key) -> Iterator[Item]:
    """Yield the branches of a template; what it writes is shown by what holds it."""
    for part in parts:
        match part:
            case Branch(ways=ways):
                yield from _of_ways(ways, name, within)
            case Loop(source=source, body=body):
                item = Item(
                    kind="branches",
                    name=f"{name}: for {source.expression.source}",
                    place=source.expression.place,
                    word="has items",
                    within=within,
                    expression=source.expression,
                    fits=_holds,
                )
                yield item
                yield from _of_template(body, name, item.key)


def _of_ways(
    ways: Iterable[tuple[Any, tuple[Part, ...]]], name: str, within: Key
) -> Iterator[Item]:
    for condition, body in ways:
        inner = within
        if condition is not None:
            expression = condition.expression
            words = ("holds", "does not hold")
            both = _two(f"{name}: if {expression.source}", within, expression, words)
            yield from both
            inner, within = both[0].key, both[1].key
        yield from _of_template(body, name, inner)


def _of_operation(operation: Operation | CallSequence) -> Iterator[Item]:
    place = operation.place if isinstance(operation, CallSequence) else operation.file.place
    item = Item(kind="operations", name=f"operation {operation.name}", place=place)
    yield item
    if isinstance(operation, CallSequence):
        return
    for rule in operation.file.outcome:
        word = rule.outcome or f"otherwise {rule.otherwise}"
        yield Item(kind="outcomes", name=f"{item.name}: {word}", place=rule.place, within=item.key)
    lookup = operation.file.lookup
    if lookup is None:
        return
    missing = lookup.missing.place if lookup.missing is not None else lookup.place
    places = [("found", lookup.found.place), ("missing", missing)]
    for word, rule_of in (("refused", lookup.refused), ("partial", lookup.partial)):
        if rule_of is not None:
            places.append((word, rule_of.place))
    for word, at in places:
        name = f"{item.name}: look-up"
        yield Item(kind="outcomes", name=name, place=at, word=word, within=item.key)


def _joint(name: str) -> str:
    return "" if name.endswith(" ") else "."


def _holds(value: Json) -> bool:
    return not is_false(value)


def _is_there(value: Json) -> bool:
    return value is not None
