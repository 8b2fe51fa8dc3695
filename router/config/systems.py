"""Owns: systems and their operations: what they accept, the request, outcomes, idempotency.
Imports: config.components, config.references, config.policies, config.sequences,
config.soundness.
Never: knows an adapter's request (the adapter's own component is decoded through the library).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from router.config.components import (
    INVALID,
    Context,
    component,
    decode_component,
    keys_of,
    knob,
    place_of,
    report_wrong,
)
from router.config.limits import LIMITS, BreakerRule, LimitRule, check_limits
from router.config.policies import FailurePolicy
from router.config.references import (
    CONTRACT,
    EXPRESSION,
    POLICY,
    TRANSFORM,
    VALUE,
    WISH,
    Named,
    Value,
)
from router.config.sequences import (
    OWN_PLACES,
    CallSequence,
    Operations,
    SequenceFile,
    calls_before,
    check_calls,
    make_sequence,
    places_before,
    places_in,
)
from router.config.shapes import DURATION, Choice, Integer, ListOf, Name, Nested, Text
from router.config.soundness import check_operation
from router.config.source import Node, Sequence
from router.config.transforms.expressions import Expression
from router.config.transforms.transform import Transform
from router.config.validation import Contract
from router.core.diagnostics import Place

#: roots of outcomes: what came back
ANSWER_ROOTS = frozenset({"status", "headers", "body", "env"})
#: roots of look-ups: what came back, and the object that was sent, to hold it against
LOOKUP_ROOTS = ANSWER_ROOTS | {"payload"}
OUTCOMES = ("done", "accepted", "refused", "partial", "retry", "unknown")

ADAPTER = Named("adapter", "E037", lambda context: context.library.adapters)


@component("outcome", doc="What an answer means; the first that matches wins.")
class OutcomeRule:
    condition: Expression | None = knob(EXPRESSION, key="if", doc="when it matches", default=None)
    outcome: str = knob(Choice(OUTCOMES), key="is", doc="what it means then", default="")
    otherwise: str = knob(Choice(OUTCOMES), doc="what everything else means", default="")
    code: Value | None = knob(VALUE, doc="the refusal's code, for search and policy", default=None)
    reference: Value | None = knob(
        VALUE, doc="done, accepted, refused, partial: the far side's name for it", default=None
    )
    left: Expression | None = knob(
        EXPRESSION, doc="partial: the names of what was not taken, for who sends it", default=None
    )
    result: Expression | None = knob(
        EXPRESSION, doc="the document that it gives to who reads; by default the body", default=None
    )
    after: Value | None = knob(
        WISH,
        doc="is retry: when it wants to be asked again, where Retry-After does not say it",
        default=None,
    )
    place: Place = place_of()

    def matches(self, scope: Mapping[str, Any]) -> bool:
        """Return whether the rule is about an answer. Raises MessageError."""
        return self.condition is None or self.condition.holds(scope)


@dataclass(frozen=True, slots=True)
class OutcomeList:
    """Outcome rules; the last one, and no other, is `otherwise`."""

    expects: str = "a list of {if: =..., is: outcome}, the last {otherwise: outcome}"

    def decode(self, node: Node, context: Context) -> Any:
        if not isinstance(node, Sequence) or not node.items:
            return report_wrong(self, node, context)
        rules = ListOf(Nested(OutcomeRule)).decode(node, context.with_roots(ANSWER_ROOTS))
        if rules is INVALID:
            return INVALID
        for rule in rules[:-1]:
            if rule.condition is None or not rule.outcome or rule.otherwise:
                context.report.error("E060", rule.place, "a rule needs if: and is:", self.expects)
                return INVALID
        fitting = [_fits(rule, context) for rule in rules]
        if not all(fitting):
            return INVALID
        if not rules[-1].otherwise or rules[-1].condition is not None:
            context.report.error(
                "E061",
                rules[-1].place,
                "the last outcome is not otherwise:",
                "- {otherwise: unknown}",
            )
            return INVALID
        return rules


def _fits(rule: OutcomeRule, context: Context) -> bool:
    """Report what a rule says that belongs to another outcome than its own."""
    word = rule.outcome or rule.otherwise
    for name, belongs, why in (
        ("after", "retry", f"says when to ask again, and {word} is not asked again"),
        ("left", "partial", f"names what was not taken, and {word} is about all of it"),
    ):
        if getattr(rule, name) is not None and word != belongs:
            hint = f"{name}: belongs to a rule that says {belongs}"
            context.report.error("E084", rule.place, f"{name}: {why}", hint)
            return False
    return True


@dataclass(frozen=True, slots=True)
class AdapterRequest:
    """The request component of the adapter of the system around."""

    expects: str = "a request as the adapter wants it"

    def decode(self, node: Node, context: Context) -> Any:
        adapter: Any = context.around.get("adapter")
        if adapter is None or adapter is INVALID:
            return INVALID
        request: Any = decode_component(adapter.Request, node, context)
        complaint = "" if request is INVALID else request.complaint()
        if complaint:
            context.report.error("E069", node.place, complaint, adapter.Request.__summary__)
            return INVALID
        return request


def _lookup_names(context: Context) -> frozenset[str]:
    return OWN_PLACES | places_before(context)


def _request_names(context: Context) -> frozenset[str]:
    arguments = context.around.get("arguments") or ()
    own = frozenset({"reference", *(arguments if arguments is not INVALID else ())})
    return own | places_before(context)


REQUEST = AdapterRequest()


@component("idempotency", doc="How the far side is kept from doing one thing twice.")
class Idempotency:
    kind: str = knob(
        Choice(("key", "conflict", "lookup", "none")),
        doc="key: it honours our key blindly; conflict: and refuses another body under it;"
        " lookup: it can be asked for our reference; none: nothing of this",
    )
    header: str = knob(
        Text(), doc="kinds key and conflict: the header that carries the key", default=""
    )
    ttl: timedelta = knob(
        DURATION, doc="kinds key and conflict: how long it keeps a key", default=timedelta(hours=24)
    )
    settles_in: timedelta = knob(
        DURATION,
        doc="kind lookup: how long after a send an effect can still appear",
        default=timedelta(0),
    )
    place: Place = place_of()
    keys: Mapping[str, Place] = keys_of()


@component("reference", doc="Our name for an effect, cut to what the far side can hold.")
class Reference:
    length: int = knob(Integer(8, 64), doc="characters, hexadecimal", default=32)


@component("lookup", doc="How to ask whether an effect exists.")
class Lookup:
    request: Any = knob(
        REQUEST,
        doc="the question; {reference} is ours, {theirs} what they gave, {call} an earlier call's",
        roots=_lookup_names,
    )
    found: Expression = knob(EXPRESSION, doc="true when the effect exists", roots=LOOKUP_ROOTS)
    refused: Expression | None = knob(
        EXPRESSION,
        doc="looked at before found: true when they took it and refused it; a person's then, as "
        "outcome refused",
        default=None,
        roots=LOOKUP_ROOTS,
    )
    partial: Expression | None = knob(
        EXPRESSION,
        doc="looked at first: true when they took a part of it; a person's then, as outcome "
        "partial",
        default=None,
        roots=LOOKUP_ROOTS,
    )
    code: Value | None = knob(
        VALUE, doc="refused, partial: the refusal's code", default=None, roots=LOOKUP_ROOTS
    )
    left: Expression | None = knob(
        EXPRESSION,
        doc="partial: the names of what was not taken, for who sends it",
        default=None,
        roots=LOOKUP_ROOTS,
    )
    missing: Expression | None = knob(
        EXPRESSION,
        doc="true when it surely does not exist; when it is left out: any other document with a "
        "status 2xx or 404, or an empty 404. What is neither found nor missing is asked again",
        default=None,
        roots=LOOKUP_ROOTS,
    )
    reference: Expression | None = knob(
        EXPRESSION, doc="the far side's name for it", default=None, roots=LOOKUP_ROOTS
    )
    result: Expression | None = knob(
        EXPRESSION, doc="the document that later calls see", default=None, roots=LOOKUP_ROOTS
    )
    place: Place = place_of()


@component("confirmation", doc="How an effect that was only accepted is followed up.")
class Confirmation:
    every: timedelta = knob(
        DURATION, doc="how often it is looked up", default=timedelta(minutes=10)
    )
    within: timedelta = knob(
        DURATION, doc="after that it needs a person", default=timedelta(days=2)
    )


@component("operation", doc="One thing that a system can be asked to do, or to tell.")
class OperationFile:
    accept: Contract | None = knob(CONTRACT, doc="the object it takes", default=None)
    arguments: tuple[str, ...] = knob(
        ListOf(Name()), doc="makes it a read operation: what it is asked by", default=()
    )
    returns: Contract | None = knob(CONTRACT, doc="a read operation's document", default=None)
    transform: Transform | None = knob(
        TRANSFORM,
        doc="object to the system's own shape; inputs payload, reference, of a later call calls",
        default=None,
    )
    request: Any = knob(REQUEST, doc="the call", roots=_request_names)
    reference: Reference = knob(
        Nested(Reference), doc="how our reference is cut", default=lambda: Reference(length=32)
    )
    idempotency: Idempotency | None = knob(
        Nested(Idempotency), doc="how a repeat is kept from doubling the effect", default=None
    )
    outcome: tuple[OutcomeRule, ...] = knob(OutcomeList(), doc="what an answer means")
    lookup: Lookup | None = knob(Nested(Lookup), doc="asks for the effect", default=None)
    confirmation: Confirmation = knob(
        Nested(Confirmation),
        doc="outcome accepted: how the result is waited for",
        default=lambda: Confirmation(every=timedelta(minutes=10), within=timedelta(days=2)),
    )
    on_failure: FailurePolicy | None = knob(POLICY, doc="by default the system's", default=None)
    place: Place = place_of()


@component("system", doc="A system with its operations; where it is stands in the environment.")
class SystemFile:
    system: str = knob(Name(), doc="its name, the same as its file")
    owner: str = knob(Text(), doc="who answers for it")
    adapter: Any = knob(ADAPTER, doc="the protocol that it speaks")
    on_failure: FailurePolicy = knob(POLICY, doc="when a call comes again")
    limits: Mapping[str, LimitRule] = knob(LIMITS, doc="by name; a call fits all", default=dict)
    breaker: BreakerRule | None = knob(Nested(BreakerRule), doc="by default none", default=None)
    operations: Mapping[str, OperationFile | SequenceFile] = knob(
        Operations(OperationFile), doc="by name"
    )
    place: Place = place_of()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation of one call, ready to run. `name` is `system.operation`."""

    name: str
    system: str
    file: OperationFile
    policy: FailurePolicy
    #: what it uses of the calls before it, as (call, field)
    reads: frozenset[tuple[str, str]] = frozenset()

    @property
    def word(self) -> str:
        """Return its name within the system: how later calls of a sequence call it."""
        return self.name.partition(".")[2]

    @property
    def is_read(self) -> bool:
        """Whether it only reads."""
        return self.file.accept is None

    @property
    def accept(self) -> Contract | None:
        """Return the contract of the object that it takes; None for a read."""
        return self.file.accept

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return what a read is asked by."""
        return self.file.arguments

    @property
    def calls(self) -> tuple[Operation, ...]:
        """Return what it calls, in order: itself."""
        return (self,)

    @property
    def needs(self) -> frozenset[str]:
        """Return the calls that must come before it; "" when its transform does not say which."""
        return frozenset(name for name, _ in self.reads)

    def uses(self, call: str, field: str) -> bool:
        """Return whether it may use the `reference` or the `result` of an earlier call."""
        return any(name in ("", call) and what in ("", field) for name, what in self.reads)


#: what can be sent to: one call, or several in a row
AnyOperation: TypeAlias = Operation | CallSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A system ready to run. `adapter` is the class that an entry point names."""

    name: str
    adapter: Any
    operations: Mapping[str, AnyOperation]
    limits: Mapping[str, LimitRule]
    breaker: BreakerRule | None
    place: Place


def make_system(file: SystemFile, context: Context) -> System:
    """Return the system of a decoded file, having checked each operation as a whole."""
    made: dict[str, Operation] = {}
    sequences = {
        name: one for name, one in file.operations.items() if isinstance(one, SequenceFile)
    }
    before = calls_before(
        {name: [one.name for one in file.calls] for name, file in sequences.items()}
    )
    for name, operation in file.operations.items():
        if isinstance(operation, SequenceFile):
            continue
        check_operation(operation, f"{file.system}.{name}", before.get(name, frozenset()), context)
        made[name] = Operation(
            name=f"{file.system}.{name}",
            system=file.system,
            file=operation,
            policy=operation.on_failure or file.on_failure,
            reads=_reads(operation) if before.get(name) else frozenset(),
        )
    found: dict[str, AnyOperation] = dict(made)
    for name, one in sequences.items():
        check_calls(one, f"{file.system}.{name}", {**made, **sequences}, context)
        found[name] = make_sequence(one, f"{file.system}.{name}", made, file.on_failure)
    check_limits(file, context)
    return System(
        name=file.system,
        adapter=file.adapter,
        operations=found,
        limits=file.limits,
        breaker=file.breaker,
        place=file.place,
    )


def _reads(operation: OperationFile) -> frozenset[tuple[str, str]]:
    """Return what an operation uses of the calls before it."""
    lookup, transform = operation.lookup, operation.transform
    requests = [operation.request] + ([lookup.request] if lookup is not None else [])
    places = {name for request in requests for name in places_in(request)}
    named = places - OWN_PLACES - {*operation.arguments}
    read = transform.calls if transform is not None else frozenset()
    return read | {(name, "reference") for name in named}
