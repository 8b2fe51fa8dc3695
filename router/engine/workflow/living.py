"""Owns: an instance that has one turn after the other: what is seen of it is kept between them.
Imports: config.workflow, engine.workflow.
Never: gives another turn than `engine.workflow.turn` does; keeps a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.engine.workflow.draft import Draft
from router.engine.workflow.seeing import Seeing
from router.engine.workflow.state import State, copied
from router.engine.workflow.turn import NOTHING, turned
from router.engine.workflow.values import Input, Turn


class Living:
    """An instance of a workflow in memory."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        #: of the state that the last turn has made; None before the first, and after one without
        self._seeing: Seeing | None = None

    @property
    def knows(self) -> bool:
        """Return whether something is kept of the turn before."""
        return self._seeing is not None

    def turn(
        self,
        state: State,
        came: Input,
        at: datetime,
        recorded: Mapping[str, Mapping[str, Json]] = NOTHING,
    ) -> Turn:
        """Return the turn. `state` is equal to the one that the last turn here has made."""
        seen, self._seeing = self._seeing, None
        draft = Draft(self.workflow, copied(state), at, recorded, seen=seen)
        made = turned(draft, state, came)
        if made.state is draft.state:
            self._seeing = draft.seeing
        return made
