"""Owns: which processes live: each is a member of a role of its own as long as it does.
Imports: infra.store.
Never: says what a process leads (runtime.leadership does).
"""

from __future__ import annotations

import json

from router.infra.store.leads import Leads
from router.infra.store.marks import waits
from router.infra.store.transaction import Transaction

#: beginnings of the marks that are of one process, whose name follows: what it has in hand of what
#: is held back, which systems are held by their limits, what keeps commands from its hands
HAND, HELD, BROKER = "hand:", "held:", "broker:"
#: beginning of the marks of commands that go alone, see runtime.apart
APART = "apart:"


def member(name: str) -> str:
    """Return the role that one process plays alone: it lives while somebody plays it."""
    return f"process:{name}"


def lives(leads: Leads, mark: str) -> bool:
    """Return whether the process of a mark lives, as far as its store tells."""
    name = mark.partition(":")[2]
    role = member(name)
    return not name or bool(leads.members([role])[role])


def forget_dead(transaction: Transaction) -> None:
    """Forget the marks of processes that have ended, and those of commands that have."""
    for prefix in (HAND, HELD, BROKER):
        for mark in transaction.marks(prefix):
            if not lives(transaction.leads, mark):
                transaction.unmark(mark)
    for mark, text in transaction.marks(APART).items():
        if not waits(transaction.connection, *json.loads(text)[3:]):
            transaction.unmark(mark)
