"""Owns: the micro-batch of workflows: rows for instances are turned, and recorded together.
Imports: core, config, engine.workflow, infra.store, runtime.
Never: loses a row; gives an instance one row twice; calls a system.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.core.decision import DeadLettered
from router.core.instance import CAME, TURN_LANE, WORKFLOW
from router.core.ports import Clock
from router.infra.store.pauses import Pause, closed_workflows, standing_still
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.bell import Bell
from router.runtime.caution import Caution, Suspects, killer
from router.runtime.definitions import Definitions
from router.runtime.failpoints import reach
from router.runtime.forgetting import Forgetting
from router.runtime.halving import in_halves
from router.runtime.lane import Lane
from router.runtime.parking import wait_no_more
from router.runtime.recording import record_ending
from router.runtime.turning import Turning
from router.runtime.turns import Turns
from router.runtime.windows import Windows, poison

#: rows of one batch
BATCH = 256


class Turner:
    """Takes rows of the lane of workflows in order. One thread calls `step`."""

    def __init__(
        self, store: Store, clock: Clock, definitions: Definitions, turning: Turning | None = None
    ) -> None:
        """`turning` carries out turns; by default as the definitions say."""
        self.bell = Bell()
        self._store = store
        self._clock = clock
        self._definitions = definitions
        self._turning = turning or Turning(definitions.project)
        self._windows = Windows(store, definitions, self._turning)
        self._forgetting = Forgetting(store, definitions.project)
        self._lane = Lane(store, TURN_LANE, BATCH)
        self._caution: Caution | None = None
        self._suspects = Suspects(0, 0)
        store.wake(TURN_LANE, self.bell.ring)

    def take_care(self, caution: Caution) -> None:
        """Let what may have killed the last process go alone. Called before the first step."""
        self._caution = caution
        self._suspects = caution.suspects(BATCH)

    def has_more(self) -> bool:
        """Whether there may be rows for which the bell does not ring."""
        return self._lane.has_more()

    def look_again(self) -> None:
        """Read from further back: a row of another process may be new behind the cursor."""
        self._lane.look_again()

    def pause(self, pauses: Sequence[Pause]) -> None:
        """Leave rows that are held back in the queue; when they pass they are looked at again."""
        if self._lane.hold([one for one in pauses if one.name.startswith(WORKFLOW)]):
            self.bell.ring()

    @property
    def in_hand(self) -> frozenset[int]:
        """Return the rows that are under way. After `pause` has returned, none of what it holds
        back is added.
        """
        return self._lane.in_hand

    def step(self) -> int:
        """Take one batch; return how many rows were taken. Raises Unavailable.

        Where none is there, what ended long ago is forgotten.
        """
        self._lane.begin()
        try:
            rows = self._lane.take(self._suspects.until)
            if rows and rows[0].id <= self._suspects.until:
                self._alone(rows[0])
            elif rows:
                self._together(rows)
        except Exception:
            self._lane.start_over()
            raise
        finally:
            self._lane.keep()
        held = standing_still(self._lane.pauses)
        return len(rows) or self._forgetting.step(self._clock.now(), held)

    def _alone(self, row: Queued) -> None:
        """Handle a row from before an unclean end, marked while it is in hand."""
        assert self._caution is not None, "only it says that a row is handled alone"
        self._suspects.take(row.id)
        with self._caution.alone(f"turn:{row.id}") as verdict:
            if verdict == "go":
                self._together([row])
            else:
                self._bury(row, killer("turn"))

    def _together(self, rows: Sequence[Queued]) -> None:
        """Handle rows in their order; the closing of a window is a batch of its own."""
        part: list[Queued] = []
        for row in rows:
            if (row.extra or {}).get(CAME) != "window":
                part.append(row)
                continue
            self._safely(part)
            part = []
            self._windows.close(row, self._clock.now())
        self._safely(part)

    def _safely(self, rows: Sequence[Queued]) -> None:
        """Handle a batch; where it fails, the row at fault is found and buried."""
        if rows:
            in_halves(rows, self._batch, self._poisoned)

    def _poisoned(self, row: Queued, error: Exception) -> None:
        self._bury(row, poison(error))

    def _batch(self, rows: Sequence[Queued]) -> None:
        now = self._clock.now()
        with self._store.read() as reader:
            closed = closed_workflows(self._lane.pauses)
            batch = Turns(reader, (self._definitions, self._turning), now, closed)
            batch.take(rows)
        if not batch.decided:
            return
        reach("turns.before_record")
        self._store.write(batch.record)
        reach("turns.after_record")

    def _bury(self, row: Queued, letter: DeadLettered) -> None:
        """Keep a row for a person without looking at it any further."""
        now = self._clock.now()

        def job(transaction: Transaction) -> None:
            transaction.settle((row.id,))
            record_ending(transaction, wait_no_more(transaction, row, now), letter, now)

        self._store.write(job)
