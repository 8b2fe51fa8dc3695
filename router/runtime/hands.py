"""Owns: what other processes have in hand of what is held back, as they tell it by the store.
Imports: core, infra.store.
Never: tells less than is in hand (what was told stands until nothing more can be added to it).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from router.infra.store.pauses import Pause
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.members import HAND, forget_dead


class Hands:
    """One process's word to the others, and theirs to it. One thread calls its methods."""

    def __init__(self, store: Store, name: str, *, carries: bool = True) -> None:
        """`name` is that of this process; it `carries` out what is asked, or others do."""
        self.carries = carries
        self._store = store
        self._name = name
        self._told = ""

    def tell(self, pauses: Sequence[Pause], rows: Iterable[int]) -> None:
        """Tell the rows that are under way here, once no more of what is held back is added.

        Raises Unavailable.
        """
        if not self._store.is_shared:
            return
        text = json.dumps([_held(pauses), sorted(rows) if pauses else []])
        if text != self._told:
            self._store.write(lambda transaction: transaction.mark(HAND + self._name, text))
            self._told = text

    def of_others(self, pauses: Sequence[Pause]) -> frozenset[int] | None:
        """Return the rows that are under way in other processes; None when one of them has not
        told as yet that it holds back what is to be. Raises Unavailable.
        """
        if not self._store.is_shared:
            return frozenset()
        words = self._store.write(self._words)
        if any(held != _held(pauses) for held, _ in words):
            return None
        return frozenset(row for _, rows in words for row in rows)

    def _words(self, transaction: Transaction) -> list[tuple[list[list[str]], list[int]]]:
        """Return what living processes told last; forget what dead ones did."""
        forget_dead(transaction)
        words = transaction.marks(HAND)
        words.pop(HAND + self._name, None)
        return [(held, rows) for held, rows in map(json.loads, words.values())]


def _held(pauses: Iterable[Pause]) -> list[list[str]]:
    return sorted([one.name, one.mode] for one in pauses)
