"""Owns: a list of steps: how it is decoded, what must hold along it.
Imports: config.components, config.steps.
Never: defines a step (config.steps does); runs one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.config.components import INVALID, Context, report_wrong
from router.config.references import Value
from router.config.source import Node, Sequence, Table
from router.config.steps import (
    LAST,
    STEP,
    Apply,
    Choose,
    DeadLetter,
    Discard,
    Enrich,
    Fork,
    Produce,
    Recipients,
    Send,
    Signal,
    Split,
)
from router.config.systems import Operation
from router.config.transforms.expressions import Expression
from router.config.transforms.transform import COMMON_ROOTS
from router.config.validation import Contract
from router.core.diagnostics import Place, nearest


@dataclass(frozen=True, slots=True)
class StepList:
    """Steps in order; each sees the roots that those before it gave."""

    expects: str = "a list of steps"

    def decode(self, node: Node, context: Context) -> Any:
        if isinstance(node, Table) and node.entries:
            context.report.error(
                "E012",
                node.place,
                "a mapping where a list of steps belongs",
                "begin each step with `- `",
            )
            return INVALID
        if not isinstance(node, Sequence) or not node.items:
            return report_wrong(self, node, context)
        made: list[Any] = []
        for one in node.items:
            if made and isinstance(made[-1], Discard | DeadLetter | Fork | Choose):
                context.report.error(
                    "E040", one.place, "no message reaches this step", "move it up, or take it out"
                )
            step = STEP.decode(one, context)
            made.append(step)
            context = _supposed(one, context) if step is INVALID else _after(step, context)
        if any(step is INVALID for step in made):
            return INVALID
        if not isinstance(made[-1], LAST):
            context.report.error(
                "E041",
                made[-1].place,
                "the steps end and nothing comes of the message",
                "end with produce, send, signal, choose, fork, discard or dead_letter",
            )
            return INVALID
        return tuple(made)


def _after(step: Any, context: Context) -> Context:
    """Return the context of the next step, having checked what this one needs."""
    match step:
        case Split() | Enrich():
            if step.name in (context.roots or ()):
                context.report.error(
                    "E043",
                    step.place,
                    f"as: {step.name} hides a root of that name",
                    "choose another",
                )
            if isinstance(step, Enrich):
                check_call((step.call, step.arguments), "enrich", step.place, context)
                return context.plus_roots(step.name)
            return context.plus_roots(step.name, f"{step.name}_index")
        case Apply():
            _check_inputs(step, context)
            if step.transform.to is None:
                what = f"{step.transform.name} writes bytes, and a step gives a document"
                hint = "an operation names it: routes/systems/NAME.yaml, transform:"
                context.report.error("E168", step.place, what, hint)
                return context.plus_roots("payload").within(payload=INVALID)
            return context.plus_roots("payload").within(payload=step.transform.to)
        case Produce():
            _check_payload(step.object, step.place, context)
            _check_key(step, context)
            _check_order(step, context)
        case Recipients():
            for target in step.targets:
                _check_send(target, context)
        case Signal():
            _check_signal(step, context)
    return context


def _supposed(node: Node, context: Context) -> Context:
    """Return the context after a step with a mistake: what it would have given is not missed."""
    entries = node.entries if isinstance(node, Table) else ()
    for entry in entries:
        name = entry.node.text_of("as") if isinstance(entry.node, Table) else None
        if name is not None:
            context = context.plus_roots(name, f"{name}_index")
    if any(entry.key not in ("enrich", "filter", "split") for entry in entries):
        context = context.plus_roots("payload").within(payload=INVALID)
    return context


def _check_inputs(step: Apply, context: Context) -> None:
    missing = step.transform.inputs - (context.roots or frozenset()) - COMMON_ROOTS
    for name in sorted(missing):
        context.report.error(
            "E112",
            step.place,
            f"transform {step.transform.name} reads {name}, which is not here",
            f"give it by a step with as: {name}",
        )


def check_call(
    asked: tuple[Operation, Mapping[str, Value]], who: str, place: Place, context: Context
) -> None:
    """Report an operation that does not read, and arguments that are not its own."""
    call, arguments = asked
    if not call.is_read:
        context.report.error(
            "E044",
            place,
            f"{call.name} changes its system, {who} only reads",
            "send: {operation: ...} is for effects",
        )
        return
    wanted, given = sorted(call.arguments), sorted(arguments)
    if wanted != given:
        context.report.error(
            "E045",
            place,
            f"{call.name} is asked by {', '.join(wanted)}, not by {', '.join(given) or 'nothing'}",
            f"with: {{{', '.join(f'{one}: =...' for one in wanted)}}}",
        )


def _check_payload(wanted: Contract, place: Place, context: Context) -> None:
    have = context.around.get("payload")
    if have is INVALID:
        return
    if have is None:
        context.report.error(
            "E046", place, "there is no payload yet", "put a transform step before this one"
        )
    elif have.ref.subject != wanted.ref.subject:
        context.report.error(
            "E113",
            place,
            f"the payload keeps {have.ref}, {wanted.ref} is wanted here",
            "use a transform that gives it",
        )


def _check_key(step: Produce, context: Context) -> None:
    if not step.key and not step.object.keys:
        context.report.error(
            "E047",
            step.place,
            f"{step.object.ref} has no keys, so the object has no identity",
            "key: [=payload.field], or keys: in its contract.yaml",
        )


def _check_order(step: Produce, context: Context) -> None:
    wanted = len(step.key or step.object.keys)
    if step.after and len(step.after) != wanted:
        context.report.error(
            "E130",
            step.place,
            f"after: has {len(step.after)} parts, the key of {step.object.ref} has {wanted}",
            "write the key of the object that this one takes back",
        )
    latest = step.latest
    of = () if latest is None else latest.of
    for what, parts in (("of", of), ("after", step.after)):
        if parts and not any(isinstance(one, Expression) and one.reads for one in parts):
            _check_constant(f"{what}: names the same thing", step.place, context)
    if latest is not None and not latest.version.reads:
        _check_constant("version: is the same", latest.version.place, context)


def _check_constant(what: str, place: Place, context: Context) -> None:
    context.report.error(
        "E131",
        place,
        f"{what} for every message",
        "read a field of the message",
    )


def _check_signal(step: Signal, context: Context) -> None:
    event = step.workflow.file.events.get(step.event)
    if event is not None:
        _check_payload(event.contract, step.place, context)
        return
    what = f"{step.workflow.name} has no event {step.event}"
    hint = nearest(step.event, step.workflow.file.events)
    context.report.error("E601", step.place, what, hint)


def _check_send(target: Send, context: Context) -> None:
    if target.operation.is_read:
        context.report.error(
            "E048", target.place, f"{target.operation.name} only reads", "ask it with enrich"
        )
    elif target.operation.needs:
        context.report.error(
            "E097",
            target.place,
            f"{target.operation.name} uses a call that comes before it",
            "send to the operation whose calls: it is one of",
        )
    elif target.operation.accept is not None:
        _check_payload(target.operation.accept, target.place, context)
