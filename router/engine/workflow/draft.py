"""Owns: the instance that a turn works on: its records, facts, timers, tasks, exceptions.
Imports: core, config.workflow, engine.workflow (seeing, state, values).
Never: decides what comes next (engine.workflow.walk does).

A record of a step's item: status, way, attempt, since; verdict, outputs, reference, code, keys
(those of the effects that were sent), used (fields that must stay), held (the close that it waits
for), external (others did it), agreed (exceptions that somebody has closed), named (how the step is
called in its keys, where it was renamed since).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Any

from router.config.transforms.expressions import Expression
from router.config.workflow.calendars import Calendar
from router.config.workflow.scope import SETTLED, Seen, evaluate, holds
from router.config.workflow.sights import INSTANCE
from router.config.workflow.spans import Span
from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.core.errors import MessageError
from router.core.instants import time_text
from router.engine.workflow.seeing import Seeing
from router.engine.workflow.state import State, merge
from router.engine.workflow.values import (
    ArmTimer,
    CloseException,
    CloseTask,
    DropTimer,
    Effect,
    OpenException,
    OpenTask,
    WithdrawItem,
    path_of,
)

Record = dict[str, Any]
_NONE: Mapping[str, Record] = {}
_IDLE: Mapping[str, str] = {"status": "idle"}
#: kinds of timers of one item
KINDS = ("timeout", "hold", "sla", "deadline")


@dataclass
class Draft:
    """An instance being changed. `recorded` is what tables decided when this was decided first;
    `seen` what was seen of a state that is equal.
    """

    workflow: Workflow
    state: State
    at: datetime
    recorded: Mapping[str, Mapping[str, Json]]
    effects: list[Effect] = field(default_factory=list)
    #: how often an item got a status
    puts: int = 0
    seen: InitVar[Seeing | None] = None

    def __post_init__(self, seen: Seeing | None) -> None:
        self.seeing = Seeing(self.workflow, self.state) if seen is None else seen.onto(self.state)
        self.steps = self.workflow.steps
        self._now = time_text(self.at)
        #: records that are this draft's own, to be changed
        self._own: set[tuple[str, str]] = set()

    # ---- what expressions see

    @property
    def scope(self) -> Mapping[str, Json]:
        """Return the roots of expressions, as of now."""
        return self.seeing.whole()

    def holds(self, part: Expression) -> bool:
        """Return whether a condition of the workflow holds. Raises MessageError."""
        return holds(part, self.seeing.of(part))

    def over(self, part: object, step: str, item: str) -> Seen:
        """Return what a part of the workflow sees of one item of a step."""
        return self.seeing.of(part).plus(item=self.item(step, item), at=self._now)

    # ---- steps and their items

    def ids(self, name: str) -> list[str]:
        """Return the items of a step in order; those that are gone and not settled, too."""
        return self.seeing.ids(name)

    def is_there(self, name: str, item: str) -> bool:
        """Return whether an item is in the list of its step."""
        each = self.steps[name].each
        return not each or self.seeing.item(each, item) is not None

    def item(self, name: str, item: str) -> Json:
        """Return the document of an item, null for a step without items and one that is gone."""
        each = self.steps[name].each
        return self.seeing.item(each, item) if each else None

    def status(self, name: str, item: str) -> str:
        """Return the status of an item; one without a record is idle."""
        found: str = self.state["steps"].get(name, _NONE).get(item, _IDLE)["status"]
        return found

    def record(self, name: str, item: str) -> Record:
        """Return the record of an item, to be changed; begun when there is none."""
        records: dict[str, Record] = self.state["steps"].setdefault(name, {})
        if item not in records:
            records[item] = {
                "status": "idle", "way": 0, "attempt": 0, "since": self._now, "keys": [],
            }  # fmt: skip
        elif (name, item) not in self._own:
            records[item] = dict(records[item])
        self._own.add((name, item))
        self.seeing.changed(("records", name))
        return records[item]

    def look(self, name: str, item: str) -> Mapping[str, Any]:
        """Return the record of an item, empty when there is none."""
        found: Mapping[str, Any] = self.state["steps"].get(name, {}).get(item, {})
        return found

    def records(self, step: str = "") -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield the records of one step, or of all, in order, each with its step and item."""
        for name in self.workflow.steps if not step else {step} & self.workflow.steps.keys():
            found = self.state["steps"].get(name, {})
            for item in sorted(found):
                yield name, item, found[item]

    def put(self, name: str, item: str, status: str, **more: Any) -> None:
        """Give an item a status; what it waited for is over, and so are its own exceptions once
        it is settled.
        """
        record = self.record(name, item)
        record.update(status=status, since=self._now, **more)
        self.puts += 1
        self._leave(name, item, record)
        if status in SETTLED:
            for word in ("failed", "denied", "timeout", "unknown", "deadline"):
                self.close_exception(f"{word}:{path_of(name, item)}")

    def _leave(self, name: str, item: str, record: Record) -> None:
        """Drop timers, close the task, withdraw what is held of what an item was before."""
        path = path_of(name, item)
        for timer in [one for one in self.state["timers"] if one.partition("#")[0] == path]:
            if record["status"] in SETTLED or not timer.endswith("#deadline"):
                self.drop(timer)
        if record["status"] != "asked" and self.state["tasks"].pop(path, None) is not None:
            self.effects.append(CloseTask(step=name, item=item))
        if record["status"] != "held" and record.pop("held", None) is not None:
            self.effects.append(WithdrawItem(key=record["keys"][-1]))

    # ---- timers

    def arm(self, name: str, item: str, kind: str, due_at: datetime) -> None:
        """Arm a timer of an item; one of the kind that was armed is stale from now on."""
        self.state["gen"] += 1
        timer = f"{path_of(name, item)}#{kind}"
        self.state["timers"][timer] = {"gen": self.state["gen"], "due_at": time_text(due_at)}
        self.effects.append(ArmTimer(name=timer, gen=self.state["gen"], due_at=due_at))

    def drop(self, timer: str) -> None:
        """Drop a timer."""
        if self.state["timers"].pop(timer, None) is not None:
            self.effects.append(DropTimer(name=timer))

    def later(self, span: Span, start: datetime | None = None) -> datetime:
        """Return the instant a span after now, or after `start`, by the instance's calendar."""
        return self._calendar().after(start or self.at, span)

    def _calendar(self) -> Calendar:
        return self.workflow.calendar(self.seeing.of(self.workflow.file.calendar))

    # ---- facts

    def merge(self, name: str, given: Json, rev: Json) -> None:
        """Put what somebody says into a fact."""
        held = self.state["facts"].get(name, {})
        own = self.state["facts"][name] = {key: dict(fields) for key, fields in held.items()}
        merge(own, self.workflow.file.facts[name], given, rev)
        self.seeing.changed(("facts", name))

    # ---- tasks and exceptions

    def ask(self, name: str, item: str, role: str, due_at: datetime) -> None:
        """Open a task, or hand the open one to another role."""
        self.state["tasks"][path_of(name, item)] = {"role": role, "due_at": time_text(due_at)}
        self.effects.append(OpenTask(step=name, item=item, role=role, due_at=due_at))

    def open_exception(self, word: str, step: str, item: str, code: str) -> None:
        """Open an exception, unless it is open."""
        name = f"{word}:{path_of(step, item)}" if step else word
        if name in self.state["exceptions"]:
            return
        said = self.workflow.file.exceptions
        by = self.by
        rule = said.classes.classify(step, code, by)
        due_at = self.later(rule.sla)
        self.state["exceptions"][name] = {
            "step": step,
            "item": item,
            "code": code,
            "category": rule.category,
            "owner": rule.owner,
            "opened_at": time_text(self.at),
            "due_at": time_text(due_at),
        }
        self.seeing.changed(INSTANCE)
        self.effects.append(
            OpenException(
                name=name,
                step=step,
                item=item,
                code=code,
                category=rule.category,
                severity=rule.severity,
                owner=rule.owner,
                due_at=due_at,
                by=by,
            )
        )

    @property
    def by(self) -> dict[str, Json]:
        """Return the words by which exceptions are told apart; null where one cannot be had."""
        said = self.workflow.file.exceptions.by
        found: dict[str, Json] = dict.fromkeys(said)
        for key, value in said.items():
            with suppress(MessageError):
                found[key] = evaluate(value, self.seeing.of(value))
        return found

    def close_exception(self, name: str) -> None:
        """Close an exception that is open."""
        if self.state["exceptions"].pop(name, None) is not None:
            self.seeing.changed(INSTANCE)
            self.effects.append(CloseException(name=name))
