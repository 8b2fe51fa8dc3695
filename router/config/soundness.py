"""Owns: what must hold of an operation as a whole, beyond each of its keys.
Imports: config.components, config.sequences.
Never: looks at other operations (config.sequences does), decodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.components import Context
from router.config.sequences import CALLS
from router.core.diagnostics import nearest
from router.core.errors import MessageError

if TYPE_CHECKING:
    from router.config.systems import OperationFile, OutcomeRule

#: answers of servers and gateways that say nothing about what was done before
AFTER_THE_COMMIT = (500, 502, 504)


def check_operation(
    operation: OperationFile, name: str, before: frozenset[str], context: Context
) -> None:
    """Report what is wrong with an operation as a whole; `before` are the calls before it."""
    report, place = context.report, operation.place
    if (operation.accept is None) == (not operation.arguments):
        report.error(
            "E062",
            place,
            f"{name} neither takes an object nor is a read, or is both",
            "accept: object@1 for an effect, arguments: [id] for a read",
        )
        return
    if operation.accept is None:
        _check_read(operation, name, context)
        return
    idempotency = operation.idempotency
    if idempotency is None:
        report.error(
            "E064",
            place,
            f"{name} does not say how a repeat is kept from doubling the effect",
            "idempotency: {kind: lookup}, {kind: key, header: ...} or {kind: none}",
        )
    elif idempotency.kind == "lookup" and operation.lookup is None:
        report.error(
            "E065", idempotency.place, f"{name} has no lookup:", "lookup: {request, found}"
        )
    elif idempotency.kind in ("key", "conflict") and not idempotency.header:
        report.error(
            "E066",
            idempotency.place,
            f"{name} does not say where the key goes",
            "header: Idempotency-Key",
        )
    else:
        _check_doubt(operation, name, context)
    _check_accepted(operation, name, context)
    _check_transform(operation, name, before, context)


def _check_read(operation: OperationFile, name: str, context: Context) -> None:
    """Report a read that does not say what it gives, or has an outcome of an effect."""
    if operation.returns is None:
        text = f"{name} reads and does not say what"
        context.report.error("E063", operation.place, text, "returns: object@1")
    for rule in operation.outcome:
        word = rule.outcome or rule.otherwise
        if word in ("accepted", "partial"):
            context.report.error(
                "E087",
                rule.place,
                f"{name} only reads: nothing can be {word}",
                "done, refused, retry or unknown",
            )


def _check_doubt(operation: OperationFile, name: str, context: Context) -> None:
    """Report a rule that sends again what may be there, where no key keeps it single."""
    assert operation.idempotency is not None, "it was looked at before"
    if operation.idempotency.header:
        return
    for status in AFTER_THE_COMMIT:
        rule = rule_for(operation, status)
        if rule is not None and "retry" in (rule.outcome, rule.otherwise):
            context.report.warn(
                "W071",
                rule.place,
                f"{name} is sent again after {status}, and may be there",
                "is: unknown, then it is looked up first"
                if operation.idempotency.kind == "lookup"
                else "is: unknown, then a person looks first",
            )
            return


def rule_for(operation: OperationFile, status: int) -> OutcomeRule | None:
    """Return the rule for an answer that holds no document, None when one cannot read it."""
    scope = {"status": status, "headers": {}, "body": None, "env": {}}
    try:
        return next(rule for rule in operation.outcome if rule.matches(scope))
    except MessageError:
        return None


def _check_accepted(operation: OperationFile, name: str, context: Context) -> None:
    for rule in operation.outcome:
        if "accepted" in (rule.outcome, rule.otherwise) and operation.lookup is None:
            context.report.error(
                "E083",
                rule.place,
                f"{name} is accepted, and nothing tells whether it was done",
                "lookup: {request, found} asks for it",
            )


def _check_transform(
    operation: OperationFile, name: str, before: frozenset[str], context: Context
) -> None:
    transform = operation.transform
    if transform is None:
        return
    given = {"payload", "reference"} | ({CALLS} if before else set())
    for root in sorted(transform.inputs - given):
        context.report.error(
            "E112",
            operation.place,
            f"transform {transform.name} reads {root}, which is not here",
            f"an operation gives {' and '.join(sorted(given))}",
        )
    for call in sorted({call for call, _ in transform.calls} - before - {""} if before else ()):
        context.report.error(
            "E098",
            operation.place,
            f"transform {transform.name} reads calls.{call}, which is not called before {name}",
            nearest(call, before),
        )
    wanted = getattr(operation.request, "contract", None)
    if wanted is not None and transform.file.text is not None:
        what = f"{transform.name} writes a text, which keeps no contract"
        context.report.error("E113", operation.place, what, f"leave out contract: {wanted.ref}")
    elif wanted is not None and transform.to is not None and wanted.ref != transform.to.ref:
        context.report.error(
            "E113",
            operation.place,
            f"{transform.name} gives {transform.to.ref}, the request of {name} keeps {wanted.ref}",
            "let both name one contract",
        )
