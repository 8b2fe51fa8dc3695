"""Owns: the instances that had a turn lately, kept in memory for their next one.
Imports: config.workflow, engine.workflow.
Never: stands for what is stored: an instance is known by the hash of the state that was read.
"""

from __future__ import annotations

from collections import OrderedDict

from router.config.workflow.workflow import Workflow
from router.engine.workflow.living import Living

#: instances that are kept, some 60 kB each: as many as a batch has rows
MOST = 256


class Recent:
    """So many instances at most; the one whose last turn is the oldest goes first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        #: by id, each with the hash of its state
        self._kept: OrderedDict[str, tuple[str, Living]] = OrderedDict()

    def take(self, number: str, state_hash: str, workflow: Workflow) -> Living:
        """Return the instance that is in this state, for its turn; else one that is not known."""
        there, living = self._kept.pop(number, ("", None))
        if living is None or there != state_hash or living.workflow is not workflow:
            return Living(workflow)
        return living

    def keep(self, number: str, state_hash: str, living: Living) -> None:
        """Keep an instance after its turn."""
        self._kept[number] = (state_hash, living)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
