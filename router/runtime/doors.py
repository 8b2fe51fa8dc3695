"""Owns: all that takes messages in a process, as one door.
Imports: infra.store, runtime: loop, turner, worker, ingress, intake.
Never: decides what is held back (operators do).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from router.infra.store.pauses import Pause, closed_by
from router.runtime.carriage import Carriage
from router.runtime.ingress import Ingress
from router.runtime.intake import Intake
from router.runtime.loop import Loop
from router.runtime.turner import Turner
from router.runtime.worker import Worker


class Door(Protocol):
    """What is told of pauses, and knows what is in hand."""

    def tell(self, pauses: Sequence[Pause]) -> None:
        """Hold back what is paused, and let pass what is not any more."""

    def in_hand(self) -> frozenset[int]:
        """Return the queue rows that are under way. After `tell` has returned, none of what it
        holds back is added.
        """


@dataclass(frozen=True, slots=True)
class Doors:
    """All that takes messages: it is told what is held back, and asked what it has in hand."""

    loop: Loop
    turner: Turner
    workers: tuple[Worker, ...]
    ingress: Ingress
    intakes: tuple[Intake, ...]
    #: hands for commands of other processes, which look themselves what is held back
    carriage: Carriage | None = None

    def tell(self, pauses: Sequence[Pause]) -> None:
        """Hold back what is paused, and let pass what is not any more."""
        self.loop.pause(pauses)
        self.turner.pause(pauses)
        for worker in self.workers:
            worker.pause(pauses)
        for intake in self.intakes:
            intake.pause(pauses)
        self.ingress.close_to(closed_by(pauses))

    def in_hand(self) -> frozenset[int]:
        """Return the queue rows that are under way."""
        calling = [one.in_hand for one in self.workers]
        if self.carriage is not None:
            calling.append(self.carriage.carrier.in_hand)
        return self.loop.in_hand.union(self.turner.in_hand, *calling)
