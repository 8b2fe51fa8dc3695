"""Owns: operations that are several calls in a row: how they are written, what a call may see.
Imports: config.components, config.references, config.shapes.
Never: knows how one call is written (config.systems does); lets a call be a sequence itself.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router.config.components import INVALID, Context, component, knob, knobs_of, place_of
from router.config.policies import FailurePolicy
from router.config.references import CONTRACT, POLICY
from router.config.shapes import NAME_SAYS, ListOf, MapOf, Name, Nested
from router.config.source import Node, Scalar, Sequence, Table
from router.config.templates import Template
from router.config.validation import Contract
from router.core.diagnostics import Place, nearest

if TYPE_CHECKING:
    from router.config.systems import Operation

#: names of places that every request has: no call can be told by them
OWN_PLACES = frozenset({"reference", "theirs"})
#: the root under which a transform sees the calls before
CALLS = "calls"
_READ = re.compile(r"(?<![.\w])calls\b(?:\.([a-z][a-z0-9_]*)(?:\.([a-z]+))?)?")


@dataclass(frozen=True, slots=True)
class Called:
    """The name of an operation where it is called."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class CalledShape:
    """The name of another operation of the system."""

    expects: str = "the name of an operation of this system"

    def decode(self, node: Node, context: Context) -> Any:
        name = Name(self.expects).decode(node, context)
        return INVALID if name is INVALID else Called(name, node.place)


@component("sequence", doc="One thing that takes several calls in a row, each an operation.")
class SequenceFile:
    accept: Contract = knob(CONTRACT, doc="the object it takes; each call takes the same")
    calls: tuple[Called, ...] = knob(
        ListOf(CalledShape(), least=1), doc="operations of this system, in order"
    )
    on_failure: FailurePolicy | None = knob(
        POLICY, doc="times the whole sequence; by default the system's", default=None
    )
    place: Place = place_of()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSequence:
    """Several calls in a row, ready to run. `name` is `system.operation`."""

    name: str
    system: str
    accept: Contract
    policy: FailurePolicy
    calls: tuple[Operation, ...]
    place: Place

    @property
    def is_read(self) -> bool:
        """Whether it only reads: never."""
        return False

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return what a read is asked by: nothing."""
        return ()

    @property
    def needs(self) -> frozenset[str]:
        """Return the calls that must come before it: none."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class Operations:
    """Operations by name; one that is called in a sequence knows which calls come before it."""

    single: type[Any]
    expects: str = "a mapping of operations by name"

    @property
    def by_name(self) -> MapOf:
        """Return the shape of the mapping, without what the calls know of each other."""
        return MapOf(
            Either(self.single),
            key="[a-z][a-z0-9_]*",
            key_says=NAME_SAYS,
            least=1,
            told_as="operation",
        )

    def decode(self, node: Node, context: Context) -> Any:
        return self.by_name.decode(node, context.within(before=calls_before(_written(node))))


@dataclass(frozen=True, slots=True)
class Either:
    """One call, or with `calls:` a sequence of others."""

    single: type[Any]
    expects: str = "a mapping of operation or of sequence"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Table) or node.get("calls") is None:
            return Nested(self.single).decode(node, context)
        own = {one.key for one in knobs_of(SequenceFile)}
        foreign = {one.key for one in knobs_of(self.single)} - own
        beside = [entry for entry in node.entries if entry.key in foreign]
        for entry in beside:
            context.report.error(
                "E094", entry.place, f"{entry.key}: beside calls:", "each call says its own"
            )
        return INVALID if beside else Nested(SequenceFile).decode(node, context)


def places_before(context: Context) -> frozenset[str]:
    """Return the calls whose references an operation that is being decoded may name."""
    before = context.around.get("before", {})
    found: frozenset[str] = before.get(context.around.get("operation", ""), frozenset())
    return found


def places_in(request: Any) -> Iterator[str]:
    """Yield the name of each place in the texts of an adapter's request."""
    for field in dataclasses.fields(request):
        value = getattr(request, field.name)
        for one in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(one, Template):
                yield from one.parts[1::2]


def calls_read(node: Node) -> frozenset[tuple[str, str]]:
    """Return what the expressions of a transform read of earlier calls, as (call, field).

    A field or call that is not spelled out is "": it may be any.
    """
    found: set[tuple[str, str]] = set()
    for text in _texts(node):
        if text.startswith("="):
            found.update((call or "", field or "") for call, field in _READ.findall(text))
    return frozenset(found)


def make_sequence(
    file: SequenceFile, name: str, operations: Mapping[str, Any], policy: FailurePolicy
) -> CallSequence:
    """Return the sequence of a decoded file with those of its calls that can be made."""
    system = name.partition(".")[0]
    calls = [operations.get(one.name) for one in file.calls]
    return CallSequence(
        name=name,
        system=system,
        accept=file.accept,
        policy=file.on_failure or policy,
        calls=tuple(one for one in calls if one is not None and not isinstance(one, SequenceFile)),
        place=file.place,
    )


def check_calls(
    file: SequenceFile, name: str, operations: Mapping[str, Any], context: Context
) -> None:
    """Report calls that cannot stand in a sequence. `operations` are those of the system."""
    report, seen = context.report, set(OWN_PLACES)
    for one in file.calls:
        found = operations.get(one.name)
        if one.name in seen:
            hint = "an effect has the name of its call: give it another operation"
            report.error("E095", one.place, f"{one.name} cannot be told from another", hint)
        elif found is None:
            hint = nearest(one.name, operations)
            report.error("E035", one.place, f"unknown operation {one.name}", hint)
        elif isinstance(found, SequenceFile):
            hint = "name the calls themselves"
            report.error("E091", one.place, f"{one.name} is several calls itself", hint)
        elif found.is_read:
            hint = "read before, with enrich, or in the look-up of a call"
            report.error("E093", one.place, f"{one.name} only reads", hint)
        elif found.accept.ref != file.accept.ref:
            report.error(
                "E092",
                one.place,
                f"{one.name} takes {found.accept.ref}, {name} takes {file.accept.ref}",
                "all calls of a sequence take the same object",
            )
        seen.add(one.name)
    _check_given(file, operations, context)


def _check_given(file: SequenceFile, operations: Mapping[str, Any], context: Context) -> None:
    """Report a call of which a later one uses what it does not always give."""
    found = [operations.get(one.name) for one in file.calls]
    calls = [one for one in found if one is not None and not isinstance(one, SequenceFile)]
    for index, call in enumerate(calls):
        for field in ("reference", "result"):
            readers = [one.word for one in calls[index + 1 :] if one.uses(call.word, field)]
            if readers and not call.is_read:
                _check_source(call, field, readers[0], context)


def _check_source(call: Operation, field: str, reader: str, context: Context) -> None:
    """Report each way in which a call ends as done without what is read of it."""
    report, lookup = context.report, call.file.lookup
    for rule in call.file.outcome:
        done = "done" in (rule.outcome, rule.otherwise)
        if field == "reference" and done and rule.reference is None:
            report.error(
                "E096",
                rule.place,
                f"{reader} uses the {field} of {call.word}, and here it has none",
                "reference: =body.id, where the answer names the effect",
            )
    if lookup is not None and getattr(lookup, field) is None:
        report.error(
            "E096",
            lookup.place,
            f"{reader} uses the {field} of {call.word}, and its look-up gives none",
            f"{field}: =body..., what the look-up finds is used as well",
        )


def calls_before(sequences: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    """Return for each call the calls that come before it in every sequence that has it."""
    found: dict[str, frozenset[str]] = {}
    for names in sequences.values():
        for index, name in enumerate(names):
            earlier = frozenset(names[:index]) - OWN_PLACES
            found[name] = found[name] & earlier if name in found else earlier
    return found


def _written(node: Node) -> dict[str, list[str]]:
    """Return the names that stand in each `calls:`, as far as they are names."""
    found = {}
    for entry in node.entries if isinstance(node, Table) else ():
        calls = entry.node.get("calls") if isinstance(entry.node, Table) else None
        items = calls.items if isinstance(calls, Sequence) else ()
        found[entry.key] = [str(one.value) for one in items if isinstance(one, Scalar)]
    return found


def _texts(node: Node) -> Iterator[str]:
    match node:
        case Table():
            for entry in node.entries:
                yield from _texts(entry.node)
        case Sequence():
            for one in node.items:
                yield from _texts(one)
        case Scalar() if isinstance(node.value, str):
            yield node.value
