"""Owns: validation of documents against one contract version, and the text of violations.
Imports: core, jsonschema_rs (the engine of the hot path).
Never: shows a value; fetches a reference (the registry is closed); uses `jsonschema` (that is the
reference engine, for tests of contracts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from router.config.demands import PATTERNS
from router.config.transforms.expressions import Expression
from router.core.diagnostics import Place
from router.core.document import Json, type_name
from router.core.errors import ContractViolation, TransformError
from router.core.message import ContractRef

#: violations told at once; more are counted
MAX_TOLD = 10
#: questions for which all violations are collected, half a second's work: the engine tells them
#: all or one
MAX_QUESTIONS = 25_000
#: the formats that are asserted, in both engines alike
FORMATS = frozenset({"date-time", "date", "time", "uuid", "email", "uri"})


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One broken rule: where in the document, which keyword or invariant, what it asks."""

    pointer: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'} {self.text} ({self.rule})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A truth about a whole document that JSON Schema cannot say."""

    id: str
    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One version of a contract, ready to validate. `keys` is the business identity."""

    ref: ContractRef
    schema: Mapping[str, Any]
    place: Place
    keys: tuple[str, ...]
    unconsumed: str
    invariants: tuple[Invariant, ...]
    validator: Any
    #: where `keys` are written
    keys_at: Place = field(default=Place(""), repr=False, compare=False)
    #: the most that one value can cost who tells what is wrong with it
    weight: int = 1
    #: the schema that a reference in it names, None where there is none
    resolve: Callable[[str], Mapping[str, Any] | None] = field(
        default=lambda _: None, repr=False, compare=False
    )

    def violations(self, document: Json) -> list[Violation]:
        """Return what the document breaks, schema first; invariants only when the schema holds.

        Of a document that is too large to tell all, the first.
        """
        if not self.validator.is_valid(document):
            return sorted(set(_told(self._errors(document))))
        return [found for one in self.invariants if (found := _broken(one, document))]

    def _errors(self, document: Json) -> Iterable[Any]:
        if not has_more(document, MAX_QUESTIONS // self.weight):
            errors: Iterable[Any] = self.validator.iter_errors(document)
            return errors
        try:
            self.validator.validate(document)
        except jsonschema_rs.ValidationError as error:
            return (error,)
        return ()

    def ensure(self, document: Json, what: str) -> None:
        """Raise ContractViolation when the document breaks this contract; `what` names it."""
        if not self.invariants and self.validator.is_valid(document):
            return
        found = self.violations(document)
        if found:
            told = "; ".join(str(one) for one in found[:MAX_TOLD])
            more = f"; and {len(found) - MAX_TOLD} more" if len(found) > MAX_TOLD else ""
            raise ContractViolation(f"{what} breaks {self.ref}: {told}{more}")


def has_more(document: Json, values: int) -> bool:
    """Return whether a document has more values than this many."""
    waiting = [document]
    while waiting and values >= 0:
        one = waiting.pop()
        values -= 1
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
    return values < 0


def registry_of(resources: Sequence[tuple[str, Any]]) -> Any:
    """Return a closed registry of schemas by id."""
    return jsonschema_rs.Registry(list(resources), draft=jsonschema_rs.Draft202012)


def validator_over(schema: Any, registry: Any) -> Any:
    """Return a validator. Raises ValueError when the schema cannot be compiled."""
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            registry=registry,
            validate_formats=True,
            offline=True,
            pattern_options=PATTERNS,
        )
    except jsonschema_rs.ValidationError as error:
        raise ValueError(str(error.message)) from error


def schema_mistakes(schema: Any) -> list[tuple[str, str]]:
    """Return (pointer, text) for each way in which a schema breaks the meta-schema."""
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        return [(pointer_of(error.instance_path), str(error.message))]
    return []


def pointer_of(path: Iterable[str | int]) -> str:
    """Return a JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _broken(invariant: Invariant, document: Json) -> Violation | None:
    try:
        if invariant.expression.holds(document):
            return None
        text = "does not hold"
    except TransformError as error:
        text = f"cannot be checked: {error}"
    return Violation("", invariant.id, text)


def _told(errors: Iterable[Any]) -> Iterable[Violation]:
    for error in errors:
        kind = error.kind.name
        if kind in ("oneOf", "anyOf"):
            branch = _best_branch(error)
            if branch:
                yield from _told(branch)
                continue
        yield Violation(pointer_of(error.instance_path), kind, _text(error))


def _best_branch(error: Any) -> list[Any]:
    """Return the branch that the document meant: the one whose discriminator (const) fits."""
    branches: list[list[Any]] = [list(one) for one in getattr(error.kind, "context", None) or []]
    return min(branches, key=_misses, default=[])


def _misses(branch: list[Any]) -> tuple[int, int]:
    wrong = sum(one.kind.name in ("const", "enum", "type") for one in branch)
    return wrong, len(branch)


def _text(error: Any) -> str:
    kind = error.kind
    say = _SAYINGS.get(kind.name)
    if say is not None:
        return say.format(wanted=_short(kind.value))
    if kind.name == "type":
        return f"must be {_short(kind.value)}, is {type_name(error.instance)}"
    return f"breaks {kind.name}"


_SAYINGS: Mapping[str, str] = {
    "required": "lacks {wanted}",
    "additionalProperties": "has {wanted}, which the contract does not know",
    "unevaluatedProperties": "has {wanted}, which the contract does not know",
    "enum": "must be one of {wanted}",
    "const": "must be {wanted}",
    "pattern": "must match {wanted}",
    "format": "must be a {wanted}",
    "minimum": "must be at least {wanted}",
    "maximum": "must be at most {wanted}",
    "exclusiveMinimum": "must be more than {wanted}",
    "exclusiveMaximum": "must be less than {wanted}",
    "multipleOf": "must be a multiple of {wanted}",
    "minLength": "must have at least {wanted} characters",
    "maxLength": "must have at most {wanted} characters",
    "minItems": "must have at least {wanted} items",
    "maxItems": "must have at most {wanted} items",
    "minProperties": "must have at least {wanted} fields",
    "maxProperties": "must have at most {wanted} fields",
    "uniqueItems": "holds an item twice",
    "not": "matches what it must not",
    "falseSchema": "must not be here",
}


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 120 else text[:117] + "..."
