"""Owns: the instance that a turn works on: what expressions see of it, timers, tasks, exceptions.
Imports: core, config.workflow, engine.workflow (state, values).
Never: decides what comes next (engine.workflow.walk does).

A record of a step's item: status, way, attempt, since; verdict, outputs, reference, code, keys
(those of the effects that were sent), used (fields that must stay), held (the close that it waits
for), external (others did it), agreed (exceptions that somebody has closed), named (how the step is
called in its keys, where it was renamed since).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from router.config.workflow.scope import SETTLED, evaluate
from router.config.workflow.spans import Span
from router.config.workflow.steps import Step
from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.core.errors import MessageError
from router.core.instants import time_text
from router.engine.workflow.state import State, facts_of
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
#: what a record shows of itself to expressions
_SHOWN = ("status", "attempt", "verdict", "outputs", "reference", "code", "since", "external")
#: kinds of timers of one item
KINDS = ("timeout", "hold", "sla", "deadline")


@dataclass
class Draft:
    """An instance being changed. `recorded` is what tables decided when this was decided first."""

    workflow: Workflow
    state: State
    at: datetime
    recorded: Mapping[str, Mapping[str, Json]]
    effects: list[Effect] = field(default_factory=list)
    _scope: dict[str, Json] | None = None
    _lists: dict[str, list[Any]] = field(default_factory=dict)

    # ---- what expressions see

    @property
    def scope(self) -> dict[str, Json]:
        """Return the roots of expressions, as of now."""
        if self._scope is None:
            self._scope = self._seen()
        return self._scope

    def over(self, step: str, item: str) -> dict[str, Json]:
        """Return the roots for one item of a step."""
        document = self.item(step, item)
        return {**self.scope, "item": document, "at": time_text(self.at)}

    def touch(self) -> None:
        """Forget what expressions saw: something changed."""
        self._scope = None

    def _seen(self) -> dict[str, Json]:
        facts = facts_of(self.workflow, self.state)
        self._lists = {name: one for name, one in facts.items() if isinstance(one, list)}
        steps: dict[str, Json] = {}
        decisions: dict[str, Json] = {}
        derived: dict[str, Json] = {}
        self._show(self.workflow.steps, steps, decisions)
        scope: dict[str, Json] = {"facts": facts, "derived": derived, "instance": self._instance()}
        scope |= {"steps": steps, "decisions": decisions}
        for name, said in self.workflow.file.derive.items():
            self._lists[name] = _items(evaluate(said.items, scope))
            derived[name] = self._lists[name]
            self._show(self.workflow.stepping(name), steps, decisions)
        return scope

    def _instance(self) -> dict[str, Json]:
        abort = self.state["abort"]
        is_over = abort is not None and abort["done"]
        return {
            "key": self.state["key"],
            "opened": self.state["opened"],
            "suspended": bool(self.state["suspended"]),
            "aborting": abort["name"] if abort is not None and not is_over else None,
            "aborted": abort["name"] if abort is not None and is_over else None,
            "exceptions": sorted(self.state["exceptions"]),
        }

    def _show(
        self, names: Iterable[str], steps: dict[str, Json], decisions: dict[str, Json]
    ) -> None:
        """Put steps into the roots `steps` and `decisions`: an object each, or a list of them."""
        for name in names:
            step = self.workflow.steps[name]
            shown = [self._shown(name, step, item) for item in self._ids(name, step)]
            steps[name] = shown if step.each else shown[0]
            if step.decide is not None or step.ask is not None:
                judged = [{"id": one["id"], **one["verdict"]} for one in shown if one["verdict"]]
                decisions[name] = judged if step.each else next(iter(judged), None)

    def _shown(self, name: str, step: Step, item: str) -> dict[str, Any]:
        record = self.state["steps"].get(name, {}).get(item, {})
        shown = {key: record.get(key) for key in _SHOWN}
        way = step.way_names[record.get("way", 0)] if step.sendings else None
        return {**shown, "id": item, "status": record.get("status", "idle"), "way": way}

    # ---- steps and their items

    def ids(self, name: str) -> list[str]:
        """Return the items of a step in order; those that are gone and not settled, too."""
        _ = self.scope
        return self._ids(name, self.workflow.steps[name])

    def _ids(self, name: str, step: Step) -> list[str]:
        if not step.each:
            return [""]
        there = {one["id"] for one in self._lists.get(step.each, ())}
        records = self.state["steps"].get(name, {})
        return sorted(there | {item for item, one in records.items() if one["status"] != "idle"})

    def is_there(self, name: str, item: str) -> bool:
        """Return whether an item is in the list of its step."""
        step = self.workflow.steps[name]
        return not step.each or self.item(name, item) is not None

    def item(self, name: str, item: str) -> Json:
        """Return the document of an item, null for a step without items and one that is gone."""
        _ = self.scope
        each = self.workflow.steps[name].each
        return next((one for one in self._lists.get(each, ()) if one["id"] == item), None)

    def status(self, name: str, item: str) -> str:
        """Return the status of an item; one without a record is idle."""
        found = self.state["steps"].get(name, {}).get(item)
        return "idle" if found is None else str(found["status"])

    def record(self, name: str, item: str) -> Record:
        """Return the record of an item, begun when there is none."""
        records = self.state["steps"].setdefault(name, {})
        if item not in records:
            records[item] = {
                "status": "idle",
                "way": 0,
                "attempt": 0,
                "since": time_text(self.at),
                "keys": [],
            }
        found: Record = records[item]
        return found

    def records(self) -> Iterator[tuple[str, str, Record]]:
        """Yield every record in the order of the file, with its step and item."""
        for name in self.workflow.steps:
            for item in sorted(self.state["steps"].get(name, {})):
                yield name, item, self.state["steps"][name][item]

    def put(self, name: str, item: str, status: str, **more: Any) -> None:
        """Give an item a status; what it waited for is over, and so are its own exceptions once
        it is settled.
        """
        record = self.record(name, item)
        record.update(status=status, since=time_text(self.at), **more)
        self.touch()
        self._leave(name, item, record)
        if status in SETTLED:
            for word in ("failed", "timeout", "unknown", "deadline"):
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
        return self.workflow.calendar(self.scope).after(start or self.at, span)

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
        self.touch()
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
                found[key] = evaluate(value, self.scope)
        return found

    def close_exception(self, name: str) -> None:
        """Close an exception that is open."""
        if self.state["exceptions"].pop(name, None) is not None:
            self.touch()
            self.effects.append(CloseException(name=name))


def _items(found: Json) -> list[Any]:
    """Return the objects of a derived list that have an id, in the order of their ids."""
    given = found if isinstance(found, list) else []
    items = [one for one in given if isinstance(one, dict) and isinstance(one.get("id"), str)]
    return sorted(items, key=lambda one: str(one["id"]))
