"""Owns: what must hold of single steps where they stand: inputs, payloads, keys, what is asked.
Imports: config.components, config.references.
Never: runs a step; decodes one (config.steps does).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.config.components import INVALID, Context
from router.config.references import Value
from router.config.systems import Operation
from router.config.transforms.expressions import Expression
from router.config.transforms.transform import COMMON_ROOTS
from router.config.validation import Contract
from router.core.diagnostics import Place, nearest

if TYPE_CHECKING:
    from router.config.steps import Apply, Produce, Send, Signal


def check_inputs(step: Apply, context: Context) -> None:
    """Report inputs of a transform that are not in reach."""
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


def check_payload(wanted: Contract, place: Place, context: Context) -> None:
    """Report a payload that is not there, or keeps another contract than is wanted."""
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


def check_key(step: Produce, context: Context) -> None:
    """Report an object without identity."""
    if not step.key and not step.object.keys:
        context.report.error(
            "E047",
            step.place,
            f"{step.object.ref} has no keys, so the object has no identity",
            "key: [=payload.field], or keys: in its contract.yaml",
        )


def check_order(step: Produce, context: Context) -> None:
    """Report what orders objects and does not read the message, or has too few parts."""
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
            check_constant(f"{what}: names the same thing", step.place, context)
    if latest is not None and not latest.version.reads:
        check_constant("version: is the same", latest.version.place, context)


def check_constant(what: str, place: Place, context: Context) -> None:
    """Report what is the same for every message."""
    context.report.error(
        "E131",
        place,
        f"{what} for every message",
        "read a field of the message",
    )


def check_signal(step: Signal, context: Context) -> None:
    """Report an event that a workflow does not have, or another payload than it says."""
    event = step.workflow.file.events.get(step.event)
    if event is not None:
        check_payload(event.contract, step.place, context)
        return
    what = f"{step.workflow.name} has no event {step.event}"
    hint = nearest(step.event, step.workflow.file.events)
    context.report.error("E601", step.place, what, hint)


def check_send(target: Send, context: Context) -> None:
    """Report an operation that nothing can be sent to, or another payload than it takes."""
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
        check_payload(target.operation.accept, target.place, context)
