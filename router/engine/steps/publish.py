"""Owns: the steps with effects: produce (publish an object), send (command an operation), signal
(tell an event to a workflow).
Imports: config.steps, engine.identity, engine.token.
Never: lets a payload out that its contract does not allow.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.config.references import Value
from router.config.steps import Produce, Recipients, Signal
from router.config.validation import Contract
from router.core.claim import Claim
from router.core.decision import Produced, Sent, Signalled
from router.core.document import Json
from router.core.message import Message
from router.engine.identity import (
    compare_digest,
    field_at,
    object_key,
    part,
    rank_of,
    version_of,
)
from router.engine.token import Context, Emit, Token


def produce(step: Produce, token: Token, context: Context) -> Emit:
    """Publish the payload as an object to the flows that subscribe at this moment.

    Raises ContractViolation when the payload breaks the contract, Unroutable when a part of a key
    is null or the version does not order.
    """
    contract = step.object
    payload = token.scope["payload"]
    contract.ensure(payload, "what the transform gives")
    words = _key_words(step, payload, token)
    subject = contract.ref.subject
    key = object_key(subject, words)
    message = token.message.derive(payload=payload, contract=contract.ref, seed=key.hex())
    effect = Produced(
        message=message,
        contract=contract.ref,
        key=key,
        compare=compare_digest(step.compare, token.scope),
        words=(contract.ref.name, *map(str, words)),
        subscribers=context.subscribers.get(subject, ()),
        rank=_rank(step, token),
        after=object_key(subject, _parts(step.after, step, token)) if step.after else b"",
    )
    return Emit(tokens=(token,), effects=(effect,))


def send(step: Recipients, token: Token, _context: Context) -> Emit:
    """Send the payload to each operation. Raises ContractViolation."""
    payload = token.scope["payload"]
    effects = []
    for target in step.targets:
        accept = target.operation.accept
        assert accept is not None, "checked at load: a send goes to no read"
        accept.ensure(payload, f"what is sent to {target.operation.name}")
        token, message = _told(token, target.operation.name, accept)
        effects.append(Sent(message=message, operation=target.operation.name))
    return Emit(tokens=(token,), effects=tuple(effects))


def signal(step: Signal, token: Token, _context: Context) -> Emit:
    """Tell the payload to a workflow as an event. Raises ContractViolation."""
    contract = step.workflow.file.events[step.event].contract
    contract.ensure(token.scope["payload"], f"the event {step.event}")
    token, message = _told(token, f"{step.workflow.name} {step.event}", contract)
    effect = Signalled(message=message, workflow=step.workflow.name, event=step.event)
    return Emit(tokens=(token,), effects=(effect,))


def _told(token: Token, name: str, contract: Contract) -> tuple[Token, Message]:
    """Return the message for a recipient, and the token as one that was sent to it.

    Two messages for one recipient are two effects: the second must not have the first's id.
    """
    again = (f"#{token.sent.count(name)}",) if name in token.sent else ()
    seed = "\x1f".join((name, *token.path, *again))
    payload = token.scope["payload"]
    message = token.message.derive(payload=payload, contract=contract.ref, seed=seed)
    return token.sent_to(name), message


def _key_words(step: Produce, payload: Json, token: Token) -> tuple[str | int, ...]:
    name = step.object.ref.subject
    if step.key:
        return _parts(step.key, step, token)
    return tuple([part(field_at(payload, path), name, step.place) for path in step.object.keys])


def _rank(step: Produce, token: Token) -> Claim | None:
    """Return what orders the object among those of the same thing."""
    latest = step.latest
    if latest is None:
        return None
    words = _parts(latest.of, step, token)
    return rank_of(step.object.ref.subject, words, version_of(latest.version, token.scope))


def _parts(values: Sequence[Value], step: Produce, token: Token) -> tuple[str | int, ...]:
    name = step.object.ref.subject
    return tuple(
        [part(one(token.scope), name, getattr(one, "place", step.place)) for one in values]
    )
