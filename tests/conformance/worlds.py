"""Owns: a world of instances over a real store, for the scenarios that a world in memory runs.
Imports: engine.workflow.harness, infra.store, runtime.
Never: decides or writes but through what a daemon has: turner, scheduler, telling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from router.config.project import Project
from router.config.workflow.scenarios import Scenario, ScenarioFile, Scripted
from router.core.document import Json
from router.core.instance import CAME, EVENT, INSTANCE, TURN_LANE, consumer_of
from router.core.message import Message, digest_of
from router.engine.workflow.harness import DUPLICATE, PARKED, Sent, World
from router.engine.workflow.record import input_document, input_of, kind_of
from router.engine.workflow.state import State
from router.engine.workflow.turn import turn
from router.engine.workflow.values import Input, Turn
from router.infra.store.letters import LetterQuery
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.clock import ManualClock
from router.runtime.definitions import Definitions
from router.runtime.instance import Instance
from router.runtime.scheduler import Scheduler
from router.runtime.telling import owner_of, tell
from router.runtime.turner import Turner
from router.runtime.turning import Turning
from router.runtime.wiring import revisions_of

#: letters about events whose instance is not known
_UNCLAIMED = ("orphan", "ambiguous")
#: what the journal says of a row, in the words of a world
_WORDS = {"turned": "applied", "parked": PARKED, "duplicate": DUPLICATE}


class Decided(Turning):
    """Turns in which tables decide what a scenario says."""

    def __init__(self, project: Project, decide: Mapping[str, Mapping[str, Json]]) -> None:
        super().__init__(project)
        self._decide = decide

    def turned(self, one: Instance, came: Input, at: datetime) -> Turn:
        return turn(one.workflow, one.state, came, at, self._decide)


@dataclass
class StoreWorld(World):
    """Instances in a store. What a daemon's threads do is stepped by hand."""

    project: Project = field(kw_only=True)
    store: Store = field(kw_only=True)
    _journal: int = 0
    _lines: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = ManualClock(self.at)
        definitions = Definitions(self.project, revisions_of(self.project.root, self.store))
        self.turner = Turner(
            self.store, self.clock, definitions, Decided(self.project, self.decide)
        )
        self.scheduler = Scheduler(self.store, self.clock)

    # ---- what comes

    def event(self, name: str, body: Mapping[str, Json], event_id: str) -> None:
        said = self.workflow.file.events[name]
        said.contract.ensure(dict(body), name)
        extra = {CAME: "event", EVENT: name}
        self._put(digest_of(name, event_id), body, extra)

    def put(self, key: str, came: Input) -> None:
        number = digest_of(key, str(came), str(self.clock.now()), str(self._journal))
        extra = {CAME: kind_of(came), INSTANCE: self._id_of(key)}
        self._put(number, input_document(came), extra)

    def _put(self, number: str, payload: Any, extra: Mapping[str, Any]) -> None:
        born = int(self.clock.now().timestamp() * 1000)
        message = Message(
            id=f"{born:012x}{number[12:]}" if extra[CAME] != "event" else number,
            correlationid=number,
            occurred_at=self.clock.now(),
            payload=payload,
        )
        row = Queued(
            lane=TURN_LANE,
            consumer=consumer_of(self.workflow.name),
            message=message,
            extra=extra,
        )
        self.store.write(lambda transaction: transaction.enqueue([row]))
        self.outcome, self.why = "stale", ""
        self._drain()

    def let_pass(self, time: timedelta) -> None:
        end = self.at + time
        while (due := self.scheduler.next_at()) is not None and due <= end:
            self.clock.move_to(due)
            self.at = self.clock.now()
            self.scheduler.step()
            self._drain()
        self.clock.move_to(end)
        self.at = end
        self._look()

    # ---- what follows

    def _drain(self) -> None:
        while self.turner.step() or self._carry():
            pass
        self._look()

    def _carry(self) -> bool:
        """Answer the commands that wait, as the scenario says."""
        with self.store.read() as reader:
            found = [
                row
                for system in self.project.systems
                for row in reader.queued(f"sys.{system}", 0, 500)
            ]
        for row in sorted(found, key=lambda one: one.id):
            self._answer(row)
        return bool(found)

    def _answer(self, row: Queued) -> None:
        owner = owner_of(row)
        assert owner is not None
        short = owner["effect"].partition("/")[2]
        self.sent.append(Sent(row.consumer, short, row.message.payload))
        scripted = self._next(row.consumer)
        while scripted.outcome == "retry":
            scripted = self._next(row.consumer)
        now = self.clock.now()

        def job(transaction: Transaction) -> None:
            transaction.settle((row.id,))
            if scripted.outcome != "lost":
                tell(transaction, row, now, scripted.outcome, **_more(scripted, short))

        self.store.write(job)

    # ---- what can be seen

    def _look(self) -> None:
        """Take note of turns that were made since the last look."""
        self.instances = {one.key: one.state for one in self._snapshots()}
        with self.store.read() as reader:
            for one in self._snapshots():
                for line in reader.instances.turns(one.id):
                    if line.seq <= self._lines.get(one.id, 0):
                        continue
                    self._lines[one.id] = line.seq
                    self.why = line.why
                    self.emitted += [
                        effect["event"] for effect in line.effects if effect["effect"] == "Emit"
                    ]
                    came = input_of(line.kind, line.input)
                    self.told(one.key, came, _told(one.state, line.outcome, line.why))
            entries = reader.lines(self._journal, 1000)
            parked = reader.instances.parked_events(self.workflow.name)
            letters = reader.letters.find(LetterQuery(limit=100))
        self.orphans = [one["reason"] for one in letters if one["reason"] in _UNCLAIMED]
        self.parked = [None] * parked  # type: ignore[list-item]
        for entry in entries:
            self._journal = int(entry["seq"])
            if entry["consumer"] == consumer_of(self.workflow.name) and entry["word"] != "released":
                self.outcome = _WORDS.get(entry["word"], entry["word"])

    def _snapshots(self) -> Iterable[Any]:
        with self.store.read() as reader:
            return list(reader.instances.find(self.workflow.name))

    def _id_of(self, key: str) -> str:
        return next(one.id for one in self._snapshots() if one.key == key)


def _told(state: State, outcome: str, why: str) -> Turn:
    return Turn(state=state, effects=(), outcome=outcome, why=why)


def _more(scripted: Scripted, short: str) -> dict[str, Any]:
    named = scripted.outcome in ("done", "accepted")
    return {
        "code": scripted.code,
        "reference": (scripted.reference or f"ref:{short}") if named else "",
        "outputs": dict(scripted.outputs),
    }


def world_in(project: Project, store: Store) -> Any:
    """Return the maker of worlds over a store, for scenarios."""

    def make(file: ScenarioFile, scenario: Scenario) -> StoreWorld:
        return StoreWorld(
            workflow=file.workflow,
            at=file.begins,
            answers=scenario.answers,
            usual=file.answers,
            decide=scenario.decide,
            project=project,
            store=store,
        )

    return make


class TurnerDoors:
    """What an operator tells of pauses, and asks: one turner."""

    def __init__(self, turner: Turner) -> None:
        self._turner = turner

    def tell(self, pauses: Any) -> None:
        self._turner.pause(pauses)

    def in_hand(self) -> frozenset[int]:
        return self._turner.in_hand
