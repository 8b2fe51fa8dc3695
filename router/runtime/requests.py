"""Owns: the exact request of a call: which call of a command it is, its name, what it may see.
Imports: core, config, infra.store.rows, runtime.exchange.
Never: makes a call, reads the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from router.config.sequences import CALLS
from router.config.systems import AnyOperation, Operation
from router.config.validation import Contract
from router.core.document import Json, Written
from router.core.message import derived_id
from router.core.ports import Prepared
from router.infra.codecs import Limits, decode_xml, shape_by
from router.infra.store.rows import Queued
from router.runtime.exchange import Exchange

#: of XML that a template wrote, which has bounds of its own
_LIMITS = Limits(body=8 * 1024 * 1024, nodes=500_000)


@dataclass(frozen=True, slots=True)
class Gave:
    """What a call gave to those after it: the far side's name for its effect, its document."""

    reference: str | None = None
    result: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One call of a command: a plain operation has one leg, a sequence one for each call."""

    row: Queued
    command: AnyOperation
    operation: Operation
    #: what the calls before it gave, by name
    before: Mapping[str, Gave] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether the command is this call and no other."""
        return self.command is self.operation

    @property
    def is_last(self) -> bool:
        """Whether the command is done when this call is."""
        return self.operation is self.command.calls[-1]

    @property
    def key(self) -> str:
        """Return the name of its effect, which another call put before it does not change."""
        return effect_key(self.row, self.command, self.operation)

    @property
    def references(self) -> dict[str, Json]:
        """Return the far side's names for the effects before, by the name of the call."""
        return {name: gave.reference for name, gave in self.before.items()}

    def told(self, text: str) -> str:
        """Return a text for people that says which call of a sequence it is about."""
        return text if self.is_plain else f"{self.operation.name} {text}"


def effect_key(row: Queued, command: AnyOperation, operation: Operation) -> str:
    """Return the name of the effect of one call of a command."""
    message = row.message.id
    return message if operation is command else effect_of_call(message, operation.word)


def effect_of_call(message_id: str, call: str) -> str:
    """Return the name of the effect of one of several calls."""
    return derived_id(message_id, call)


def header_of(effect: str, operation: Operation) -> dict[str, str]:
    """Return the header that carries the name of an effect, where the far side honours one."""
    idempotency = operation.file.idempotency
    name = idempotency.header if idempotency is not None else ""
    return {name: effect} if name else {}


def reference_of(effect: str, operation: Operation) -> str:
    """Return our name for an effect, as long as the far side can hold."""
    return hashlib.sha256(effect.encode()).hexdigest()[: operation.file.reference.length]


def prepare(exchange: Exchange, leg: Leg, reference: str) -> Prepared:
    """Return the exact request of a call. Raises MessageError."""
    operation, message = leg.operation, leg.row.message
    document = message.payload
    transform = operation.file.transform
    if transform is not None:
        calls = {
            name: {"reference": one.reference, "result": one.result}
            for name, one in leg.before.items()
        }
        scope = {
            "payload": message.payload,
            "reference": reference,
            CALLS: calls,
            "stamp": message.stamp,
            "env": exchange.env,
            "headers": {},
        }
        document = transform(scope)
    request = operation.file.request
    if request.contract is not None:
        request.contract.ensure(
            _as_read(document, request.contract), f"the request of {operation.name}"
        )
    values = {**leg.references, "reference": reference}
    return exchange.adapter(operation).prepare(request, values, document)


def _as_read(document: Json | Written, contract: Contract) -> Json:
    """Return a document as who receives it reads it: XML by the rule by which we read it."""
    if not isinstance(document, Written):
        return document
    raw = decode_xml(document.data, limits=_LIMITS)
    return shape_by(raw, contract.schema, lambda urn: contract.resolve(urn) or {})
