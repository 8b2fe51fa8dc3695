"""Owns: a world of instances in memory: a clock that jumps, timers, windows, scripted answers,
events that wait for their instance.
Imports: core, config.workflow, engine.workflow.
Never: decides (engine.workflow.turn does); reads a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from router.config.workflow.facts import Event, Orphan
from router.config.workflow.scenarios import Scripted
from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.core.instants import time_of
from router.engine.workflow.finding import address_of, meant
from router.engine.workflow.state import State, begin
from router.engine.workflow.turn import turn
from router.engine.workflow.values import (
    Answered,
    Emit,
    EventCame,
    HoldItem,
    Input,
    RegisterAlias,
    Send,
    TimerCame,
    Turn,
    WindowClosed,
    WithdrawItem,
)

_DONE = Scripted("done")
#: what becomes of an event beside the outcomes of turns
PARKED, DUPLICATE, DISCARDED, ORPHANED = "parked", "duplicate", "discarded", "orphaned"


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that waits for its instance."""

    event: EventCame
    until: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """An effect that left: its operation, and its key without the instance."""

    operation: str
    key: str
    payload: Json


@dataclass
class World:
    """Instances of one workflow and all that is around them."""

    workflow: Workflow
    at: datetime
    #: what each operation answers, first to last; then `usual`
    answers: Mapping[str, Sequence[Scripted]] = field(default_factory=dict)
    usual: Mapping[str, Sequence[Scripted]] = field(default_factory=dict)
    decide: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    instances: dict[str, State] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    emitted: list[str] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    #: events that found no instance in time
    orphans: list[str] = field(default_factory=list)
    outcome: str = ""
    why: str = ""
    #: is told of each turn: who journals them
    told: Callable[[str, Input, Turn], None] = lambda _key, _came, _turn: None
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _given: dict[str, int] = field(default_factory=dict)
    _held: dict[str, tuple[str, HoldItem]] = field(default_factory=dict)
    _waiting: deque[tuple[str, Input]] = field(default_factory=deque)

    def event(self, name: str, body: Mapping[str, Json], event_id: str) -> None:
        """Let an event come. One with the id of an earlier one is the same event again."""
        if (name, event_id) in self._seen:
            self.outcome = DUPLICATE
            return
        said = self.workflow.file.events[name]
        said.contract.ensure(dict(body), name)
        self._seen.add((name, event_id))
        self._receive(EventCame(name=name, body=body))

    def put(self, key: str, came: Input) -> None:
        """Let something come to one instance, and all that follows at once."""
        self._waiting.append((key, came))
        self._drain()

    def let_pass(self, time: timedelta) -> None:
        """Let time pass: timers and windows come when they are due, in that order."""
        end = self.at + time
        while True:
            due = min(self._due(), default=None, key=lambda one: (one[0], one[1], one[3]))
            if due is None or due[0] > end:
                break
            self.at = max(self.at, due[0])
            self.put(due[1], due[2])
            if isinstance(due[2], WindowClosed):
                self._send_held(due[2].key)
        self.at = end
        self._forget_parked()

    # ---- events to instances

    def _receive(self, came: EventCame, until: datetime | None = None) -> None:
        """Give an event to its instance, or park it; `until` when it waits already."""
        said = self.workflow.file.events[came.name]
        key = self._key_of(said, came)
        if key is None:
            orphan = said.orphan or self.workflow.file.defaults.event.orphan
            self.parked.append(Parked(came, until or self.at + orphan.park))
            self.outcome = PARKED
            return
        self.instances.setdefault(key, begin(self.workflow, key))
        self.put(key, came)

    def _key_of(self, said: Event, came: EventCame) -> str | None:
        """Return the instance of an event; None when it has to wait for one."""
        address = address_of(said, came.body)
        if address.key:
            return address.key if address.key in self.instances or said.starts else None
        found = {
            key: state
            for key, state in self.instances.items()
            if any([kind, text] in state["aliases"] for kind, text in address.names)
        }
        return meant(self.workflow, came, found, self.at)

    def _forget_parked(self) -> None:
        for one in [one for one in self.parked if one.until <= self.at]:
            self.parked.remove(one)
            orphan = self.workflow.file.events[one.event.name].orphan
            if self._then(orphan) == "exception":
                self.orphans.append(one.event.name)

    def _then(self, orphan: Orphan | None) -> str:
        return (orphan or self.workflow.file.defaults.event.orphan).then

    # ---- turns and what they lead to

    def _drain(self) -> None:
        while self._waiting:
            key, came = self._waiting.popleft()
            made = turn(self.workflow, self.instances[key], came, self.at, self.decide)
            self.instances[key] = made.state
            self.outcome, self.why = made.outcome, made.why
            self.told(key, came, made)
            for effect in made.effects:
                self._carry_out(key, effect)

    def _carry_out(self, key: str, effect: object) -> None:
        match effect:
            case Send():
                self._leave(key, effect.operation, effect.key, effect.payload)
            case HoldItem():
                self._held[effect.key] = (key, effect)
            case WithdrawItem():
                self._held.pop(effect.key, None)
            case Emit():
                self.emitted.append(effect.event)
            case RegisterAlias():
                parked, self.parked = self.parked, []
                for one in parked:
                    self._receive(one.event, one.until)

    def _leave(self, key: str, operation: str, effect: str, payload: Json) -> None:
        """Note an effect that leaves, and let its answer come after what is under way."""
        short = effect.removeprefix(f"{key}/")
        self.sent.append(Sent(operation, short, payload))
        scripted = self._next(operation)
        while scripted.outcome == "retry":
            scripted = self._next(operation)
        if scripted.outcome != "lost":
            reference = scripted.reference or f"ref:{short}"
            came = Answered(
                key=effect,
                outcome=scripted.outcome,
                code=scripted.code,
                reference=reference if scripted.outcome in ("done", "accepted") else "",
                outputs=scripted.outputs,
            )
            self._waiting.append((key, came))

    def _next(self, operation: str) -> Scripted:
        self.attempts[operation] = self.attempts.get(operation, 0) + 1
        number = self._given.get(operation, 0)
        self._given[operation] = number + 1
        script = self.answers.get(operation, ())
        if number < len(script):
            return script[number]
        usual = self.usual.get(operation, ())
        return usual[0] if usual else _DONE

    # ---- what is due

    def _due(self) -> list[tuple[datetime, str, Input, str]]:
        """Return all that is due some time: when, for which instance, what, its name."""
        found: list[tuple[datetime, str, Input, str]] = []
        for key, state in self.instances.items():
            for name, timer in state["timers"].items():
                came = TimerCame(name=name, gen=timer["gen"])
                found.append((time_of(timer["due_at"]), key, came, name))
        for effect, (key, item) in self._held.items():
            found.append((item.closes_at, key, WindowClosed(key=effect), effect))
        return found

    def _send_held(self, key: str) -> None:
        """Send what was held under a key, its window being closed."""
        instance, item = self._held.pop(key)
        self._leave(instance, item.operation, item.key, item.payload)
        self._drain()
