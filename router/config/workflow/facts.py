"""Owns: what a workflow knows: facts and how they merge, events, definitions, derived lists, views.
Imports: config.components, config.references, config.transforms.maps, config.workflow.scope.
Never: merges (engine.workflow does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from router.config.components import (
    INVALID,
    Context,
    component,
    keys_of,
    knob,
    place_of,
    report_wrong,
)
from router.config.references import CONTRACT, EXPRESSION
from router.config.shapes import DURATION, Choice, ListOf, MapOf, Name, Nested
from router.config.source import Node, Scalar, Table
from router.config.transforms.compiler import BUILTIN
from router.config.transforms.expressions import Expression
from router.config.transforms.functions import LIBRARY
from router.config.transforms.maps import decode_map
from router.config.transforms.maptree import Builder
from router.config.transforms.targets import check_target
from router.config.validation import Contract
from router.config.workflow.scope import FUNCTIONS, Definition, Over, over_instance
from router.core.diagnostics import Place

#: how the name of an event is written
EVENT = r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*"
EVENT_SAYS = "a name such as order.paid"
BODY = frozenset({"body"})


@component("fact", doc="What is known of an instance, merged so that the order does not matter.")
class Fact:
    merge: str = knob(
        Choice(("first", "rev")),
        doc="first: what came first stays; rev: of each field the value of the highest revision",
        default="first",
    )
    id: str = knob(
        Name(), doc="it is a list of objects: the field that tells them apart", default=""
    )
    closed_by: str = knob(
        Name(), doc="a list: the step after which nothing new is expected in it", default=""
    )
    place: Place = place_of()


@component("definition", doc="An expression with a name, called like a function.")
class DefinitionFile:
    parameters: tuple[str, ...] = knob(
        ListOf(Name()), key="with", doc="names of what it is given", default=()
    )
    value: Expression = knob(EXPRESSION, key="is", doc="what it gives")
    place: Place = place_of()


@dataclass(frozen=True, slots=True)
class Definitions:
    """Named expressions; each may call those before it."""

    expects: str = "a mapping, each value a mapping of definition"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Table):
            return report_wrong(self, node, context)
        made: dict[str, Definition] = {}
        sound = True
        for entry in node.entries:
            if entry.key in {*LIBRARY, *BUILTIN, *FUNCTIONS, "lookup"}:
                text = f"{entry.key} is a function already"
                context.report.error("E122", entry.place, text, "choose another name")
                sound = False
                continue
            found = self._one(entry.key, entry.node, context.within(define=made))
            sound = sound and found.expression is not None
            made[entry.key] = found
        return made if sound else INVALID

    def _one(self, name: str, node: Node, context: Context) -> Definition:
        """Return a definition; one that is at fault is known all the same, without expression."""
        given = node.get("with") if isinstance(node, Table) else None
        names = ListOf(Name()).decode(given, context) if given is not None else ()
        known = () if names is INVALID else names
        file = Nested(DefinitionFile).decode(node, over_instance(context, *known))
        value = None if INVALID in (file, names) else file.value
        return Definition(name=name, parameters=known, expression=value)


@dataclass(frozen=True, slots=True)
class Starts:
    """Whether an event begins an instance."""

    expects: str = "true, false or shell"

    def decode(self, node: Node, context: Context) -> Any:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool):
            return "open" if value else ""
        return "shell" if value == "shell" else report_wrong(self, node, context)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A value as in a map, with expressions in it."""

    expects: str = "a value, a list or a mapping, with expressions in it"

    def decode(self, node: Node, context: Context) -> Any:
        return decode_map(node, context)


VALUE_OF_MAP = Mapped()


@component("orphan", doc="What becomes of an event for which there is no one instance.")
class Orphan:
    park: timedelta = knob(DURATION, doc="how long it waits for its instance")
    then: str = knob(
        Choice(("exception", "discard")), doc="what becomes of it then", default="exception"
    )


@component("event", doc="Something that happens to an instance.")
class Event:
    contract: Contract = knob(CONTRACT, doc="what it says")
    key: Expression | None = knob(
        EXPRESSION, doc="the instance that it is about", default=None, roots=BODY
    )
    find: Mapping[str, Expression] = knob(
        MapOf(EXPRESSION),
        doc="where there is no key: an alias, and what it must be",
        default=dict,
        roots=BODY,
    )
    match: Expression | None = knob(
        Over(EXPRESSION, ("body",)),
        doc="which of several instances with the alias it is about",
        default=None,
    )
    starts: str = knob(
        Starts(),
        doc="true: it begins an instance; shell: one that only keeps facts as yet",
        default="",
    )
    rev: Expression | None = knob(
        EXPRESSION, doc="number or text of its revision", default=None, roots=BODY
    )
    put: Mapping[str, Builder] = knob(
        MapOf(VALUE_OF_MAP), doc="what it adds to each fact", default=dict, roots=BODY
    )
    effect: Expression | None = knob(
        EXPRESSION, doc="it answers a send: our name for the effect", default=None, roots=BODY
    )
    reference: Expression | None = knob(
        EXPRESSION, doc="it answers a send: their name for the effect", default=None, roots=BODY
    )
    code: Expression | None = knob(
        EXPRESSION, doc="it answers a send that failed: why", default=None, roots=BODY
    )
    late: str = knob(
        Choice(("note", "exception", "reopen")),
        doc="when the instance has ended: only keep it, open an exception, or go on;"
        " by default as in defaults.event",
        default="",
    )
    orphan: Orphan | None = knob(
        Nested(Orphan), doc="by default as in defaults.event", default=None
    )
    place: Place = place_of()
    keys: Mapping[str, Place] = keys_of()


@component("derived list", doc="A list of objects with an id, made of what is known.")
class Derived:
    items: Expression = knob(
        Over(EXPRESSION), doc="the objects; of each, `id` tells it from the others"
    )
    closed_by: str = knob(
        Name(),
        doc="the step after which nothing new is expected for an id; without it a need with ? "
        "of an item that is not there waits",
        default="",
    )
    place: Place = place_of()


@dataclass(frozen=True, slots=True)
class ViewMap:
    """The map of a view, held against its contract."""

    expects: str = "a mapping of the contract's fields"

    def decode(self, node: Node, context: Context) -> Any:
        if context.around.get("define") is INVALID:
            return INVALID  # what they are at fault for was told
        builder = decode_map(node, over_instance(context, "item", "at"))
        target = context.around.get("contract")
        if isinstance(target, Contract):
            check_target(node, target, context)
        return builder


@component("view", doc="A document made of an instance, for transforms to read.")
class View:
    contract: Contract = knob(CONTRACT, doc="what it is")
    map: Builder = knob(ViewMap(), doc="its fields; expressions see item where there is one")
    place: Place = place_of()


@component("emitted event", doc="An event of the workflow for whoever subscribes to it.")
class Emitted:
    view: str = knob(Name(), doc="the view that it says")
    place: Place = place_of()
