"""Owns: the types of what operations say of answers: outcomes and look-ups.
Imports: config.systems, config.types.
Never: takes for known what only a good answer keeps, where others come.
"""

from __future__ import annotations

from router.config.references import Value
from router.config.systems import Lookup, Operation, OutcomeRule, System
from router.config.transforms.expressions import Expression
from router.config.types.contracts import ANY_HEADERS, ContractTypes
from router.config.types.facts import NONE
from router.config.types.fitting import misfit
from router.config.types.scopes import Reader, Scope
from router.config.types.type import INTEGER, UNKNOWN, Type
from router.config.validation import Contract

_NAMES = frozenset({"text", "integer", "number", "boolean"})


class OperationTypes:
    """Checks the expressions of operations."""

    def __init__(self, contracts: ContractTypes, reader: Reader) -> None:
        self._contracts = contracts
        self._reader = reader

    def operation(self, operation: Operation) -> None:
        """Check each outcome, and the look-up."""
        returns = operation.file.returns
        for rule in operation.file.outcome:
            self._outcome(rule, operation.file.request.answer, returns)
        if operation.file.lookup is not None:
            self._lookup(operation.file.lookup, operation.accept)

    def limits(self, system: System) -> None:
        """Check by what the limits of a system tell its calls apart."""
        for limit in system.limits.values():
            if limit.per is not None:
                counted = [
                    self._called(one)
                    for one in system.operations.values()
                    if isinstance(one, Operation) and limit.counts(one.word)
                ]
                self._reader.shared(limit.per, counted)

    def _called(self, operation: Operation) -> Scope:
        """Return the scope of a call before it is made."""
        accept = operation.accept
        if accept is None:
            return Scope({"arguments": UNKNOWN}, NONE, owner=operation.name)
        roots = {"payload": self._contracts.of(accept, "payload")}
        return Scope(roots, NONE, owner=operation.name)

    def _outcome(
        self, rule: OutcomeRule, answer: Contract | None, returns: Contract | None
    ) -> None:
        done = "done" in (rule.outcome, rule.otherwise)
        kept = answer or (returns if rule.result is None else None)
        scope = self._scope(kept if done else None)
        if rule.condition is not None:
            scope = self._reader.condition(rule.condition, scope)
        for word, value in (("code", rule.code), ("reference", rule.reference)):
            self._name(word, value, scope)
        for one in (rule.left, rule.after):
            if isinstance(one, Expression):
                self._reader.value(one, scope)
        if rule.result is not None:
            made = self._reader.value(rule.result, scope)
            if returns is not None and done:
                self._fit(made, returns, rule.result)

    def _lookup(self, lookup: Lookup, accept: Contract | None) -> None:
        payload = UNKNOWN if accept is None else self._contracts.of(accept, "payload")
        scope = self._scope(None).plus(payload=payload)
        good = self._scope(lookup.request.answer).plus(payload=payload)
        for condition in (lookup.partial, lookup.refused, lookup.missing):
            if condition is not None:
                self._reader.condition(condition, scope)
        good = self._reader.condition(lookup.found, good)
        self._name("code", lookup.code, scope)
        self._name("reference", lookup.reference, good)
        for one in (lookup.left, lookup.result):
            if one is not None:
                self._reader.value(one, good if one is lookup.result else scope)

    def _scope(self, body: Contract | None) -> Scope:
        """Return the scope of an answer; a good one keeps a contract, and others come, too."""
        known = UNKNOWN if body is None else self._contracts.of(body, "body")
        roots = {"status": INTEGER, "headers": ANY_HEADERS, "body": known, "env": UNKNOWN}
        return Scope(roots, NONE, {"body": lambda: UNKNOWN})

    def _name(self, word: str, value: Value | None, scope: Scope) -> None:
        if not isinstance(value, Expression):
            return
        found = self._reader.value(value, scope)
        if not found.unknown and found.kinds and not found.kinds & _NAMES:
            what = f"{word}: is {found}{found.told}, a text or a number is wanted"
            self._reader.tell("E199", value.place, what, "one field of it")

    def _fit(self, made: Type, wanted: Contract, result: Expression) -> None:
        target = self._contracts.of(wanted, "")
        if made.unknown or target.unknown:
            return
        if made.null:
            what = f"the result may be null: {made.null}; {wanted.ref} is promised"
            self._reader.tell("E197", result.place, what, "needed(..., 'what it is')")
            return
        found = misfit(made, target)
        if found is not None:
            what = f"the result{found.below} {found.what} ({wanted.ref})"
            self._reader.tell(found.code, result.place, what, found.hint)
