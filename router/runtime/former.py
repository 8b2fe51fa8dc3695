"""Owns: effects of a command that were made by calls which its operation does not make any more.
Imports: config, infra.store, runtime.requests.
Never: writes, calls; says that an effect is there which it has not found.

Calls can be named otherwise, or one call become several. What they did stands under their own
names, and sending what the operation says now would do it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.config.systems import AnyOperation
from router.infra.store.rows import Intent, Queued
from router.infra.store.store import Store
from router.runtime.requests import effect_key, effect_of_call


class FormerCalls:
    """Finds effects by the names of calls that a system ever made here. Safe for many threads."""

    def __init__(self, store: Store, operations: Iterable[str]) -> None:
        """`operations` are declared now; those of before have been counted."""
        with store.read() as reader:
            counted = {row["consumer"] for row in reader.counters()}
        self._words: dict[str, list[str]] = {}
        for name in sorted(counted.union(operations)):
            system, dot, word = name.partition(".")
            if dot:
                self._words.setdefault(system, []).append(word)

    def keys(self, row: Queued, command: AnyOperation) -> list[str]:
        """Return the names that effects of a command may have, beside those of its calls."""
        message = row.message.id
        words = self._words.get(command.system, ())
        own = {effect_key(row, command, one) for one in command.calls}
        return [
            key
            for key in (message, *(effect_of_call(message, word) for word in words))
            if key not in own
        ]


def first_of(keys: Iterable[str], found: Mapping[str, Intent]) -> Intent | None:
    """Return what was begun under the first of these keys, None when nothing was."""
    return next((found[key] for key in keys if key in found), None)


def told(intent: Intent, command: AnyOperation) -> str:
    """Return why a command that was begun otherwise is not sent."""
    made = "one call" if intent.operation == command.name else intent.operation
    return f"it was begun as {made}, and {command.name} is made otherwise now: look what came of it"
