"""Owns: what an operation of a system takes from the guarantee of the routes that lead to it.
Imports: config.systems, config.soundness, config.guarantees.guarantee.
Never: knows who sends to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.config.guarantees.guarantee import Weakness
from router.config.soundness import AFTER_THE_COMMIT, rule_for
from router.config.systems import AnyOperation, Idempotency, Operation

#: answers that never say that something was done
_NEVER_DONE = (401, 403, 429, *AFTER_THE_COMMIT, 503)


def weak_operation(command: AnyOperation) -> Iterator[Weakness]:
    """Yield what weakens every route that leads to an operation: of a sequence, of each call."""
    for call in command.calls:
        if call.file.idempotency is not None:
            yield from _repeats(call, call.file.idempotency)
            yield from _doubt(call, call.file.idempotency)
        yield from _losses(call)


def unrecorded_operation(command: AnyOperation) -> Iterator[Weakness]:
    """Yield what weakens a route without a record besides: what was sent is on no disk here."""
    for call in command.calls:
        idempotency = call.file.idempotency
        if idempotency is not None and not idempotency.header:
            yield Weakness(
                aspect="duplicates",
                word="possible",
                place=idempotency.place,
                why=f"{call.name} is sent again when its message comes again after a crash",
                write="idempotency: {kind: key, header: message-id}, where who reads drops repeats",
            )


def _repeats(call: Operation, idempotency: Idempotency) -> Iterator[Weakness]:
    """Yield how far a repeat of what may have arrived goes."""
    word, why, write = "absorbed", "", ""
    match idempotency.kind:
        case "key" | "conflict":
            why = f"{call.name} may be sent twice under one key, and its system makes one effect"
        case "lookup" if "settles_in" in idempotency.keys:
            why = (
                f"{call.name} is sent again when it is looked up and not there; a process that"
                " stands still between the two sends it twice"
            )
        case "lookup":
            word = "possible"
            why = f"an effect of {call.name} that shows after it was looked up is there twice"
            write = "settles_in: 2s, how long it takes to show, or 0s where it shows at once"
        case _:
            return  # nothing that may have arrived is sent again
    yield Weakness(aspect="duplicates", word=word, place=idempotency.place, why=why, write=write)


def _doubt(call: Operation, idempotency: Idempotency) -> Iterator[Weakness]:
    """Yield a rule by which what may be there is sent again, unasked and without a key."""
    if idempotency.header:
        return
    for status in AFTER_THE_COMMIT:
        rule = rule_for(call.file, status)
        if rule is not None and "retry" in (rule.outcome, rule.otherwise):
            yield Weakness(
                aspect="duplicates",
                word="possible",
                place=rule.place,
                why=f"{call.name} is sent again after {status}, and may be there",
                write="is: unknown",
            )
            return


def _losses(call: Operation) -> Iterator[Weakness]:
    """Yield a rule by which what the far side did not take counts as done."""
    for status in _NEVER_DONE:
        rule = rule_for(call.file, status)
        if rule is not None and "done" in (rule.outcome, rule.otherwise):
            yield Weakness(
                aspect="loss",
                word="possible",
                place=rule.place,
                why=f"{call.name} counts as done after {status}",
                write="is: retry where nothing happened, is: unknown where something may have",
            )
            return
