"""Owns: scenarios: what happens in a world of instances, held against what must come of it.
Imports: core, config.workflow, engine.workflow.
Never: stops at the first mistake: a scenario tells all that is not as it says.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, permutations, takewhile
from math import factorial
from typing import Any, TypeAlias

from router.config.workflow.scenarios import Expectation, Happening, Scenario, ScenarioFile
from router.core.document import Json
from router.core.errors import MessageError
from router.engine.workflow.harness import World
from router.engine.workflow.state import State, canonical
from router.engine.workflow.values import Input, Ordered, TimerCame, Turn

#: orders of events that one `shuffle` tries; of more, as many at equal distances
MOST_ORDERS = 120
_OPERATOR, _SECOND, _REASON = "operator", "approver", "scenario"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One turn of a scenario, for who looks at its history."""

    key: str
    at: datetime
    came: Input
    turn: Turn


@dataclass
class History:
    """What happened in a scenario: its turns, the world at the end, what was not as expected."""

    world: World
    turns: list[Step] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    #: timers that were armed, by name, newest last
    armed: dict[str, list[int]] = field(default_factory=dict)


def run_scenario(file: ScenarioFile, scenario: Scenario, make: Make | None = None) -> History:
    """Run a scenario; return what happened. `make` gives the world, by default one in memory.

    Other orders of its events are tried in memory alone.
    """
    history = _walked(file, scenario, scenario.when, make or world_of)
    _compare(history, scenario.then, "")
    if scenario.shuffle and not history.complaints and make is None:
        _shuffle(file, scenario, history)
    return history


def document_of(file: ScenarioFile, said: str, body: Any, but: Mapping[str, Any]) -> Any:
    """Return what an event says: a named document or a body, with what differs."""
    made = copy.deepcopy(file.documents.get(said, body) if said else body)
    for path, value in but.items():
        *way, last = path.split(".")
        at = made
        for name in way:
            at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
        if isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value
    return made


def world_of(file: ScenarioFile, scenario: Scenario) -> World:
    """Return the world in which a scenario begins."""
    return World(
        workflow=file.workflow,
        at=file.begins,
        answers=scenario.answers,
        usual=file.answers,
        decide=scenario.decide,
    )


#: gives the world in which a scenario begins
Make: TypeAlias = Callable[[ScenarioFile, Scenario], World]


def _walked(
    file: ScenarioFile, scenario: Scenario, happenings: Sequence[Happening], make: Make = world_of
) -> History:
    history = History(make(file, scenario))
    history.world.told = lambda key, came, turn: _note(history, key, came, turn)
    for number, one in enumerate(happenings, start=1):
        try:
            _happen(file, history, one, number)
        except (MessageError, LookupError, TypeError, ValueError, AttributeError) as error:
            history.complaints.append(f"line {one.place.line}: {type(error).__name__}: {error}")
            break
    return history


def _note(history: History, key: str, came: Input, turn: Turn) -> None:
    history.turns.append(Step(key=key, at=history.world.at, came=came, turn=turn))
    if turn.why.startswith("invariant:") and ": " in turn.why:
        history.complaints.append(turn.why)
    for name, timer in turn.state["timers"].items():
        known = history.armed.setdefault(f"{key}:{name}", [])
        if timer["gen"] not in known:
            known.append(timer["gen"])


def _happen(file: ScenarioFile, history: History, one: Happening, number: int) -> None:
    world = history.world
    if one.event:
        body = document_of(file, one.say, one.body, one.but)
        for repeat in range(one.times):
            world.event(one.event, body, one.id or f"{number}-{repeat}")
    if one.after is not None:
        world.let_pass(one.after)
    if one.order:
        order = Ordered(
            verb=one.order,
            actor=_OPERATOR,
            approver=_SECOND,
            reason=_REASON,
            step=one.step,
            item=one.item,
            value=one.value,
        )
        world.put(_only(history), order)
    if one.timer:
        key = _only(history)
        gen = history.armed.get(f"{key}:{one.timer}", [0])[-1]
        world.put(key, TimerCame(name=one.timer, gen=gen))
    if one.expect is not None:
        _compare(history, one.expect, f"line {one.place.line}: ")


def _only(history: History) -> str:
    """Return the one instance there is. Raises LookupError."""
    keys = sorted(history.world.instances)
    if len(keys) != 1:
        raise LookupError(f"there are {len(keys)} instances: an order is about one")
    return keys[0]


# ---- comparing


def _compare(history: History, wanted: Expectation, prefix: str) -> None:
    for what, want, got in (*_of_world(history.world, wanted), *_of_instance(history, wanted)):
        if want != got:
            history.complaints.append(f"{prefix}{what} is {_told(got)}, expected {_told(want)}")


def _told(value: Any) -> str:
    return canonical(list(value) if isinstance(value, tuple) else value)


def _of_world(world: World, wanted: Expectation) -> Iterator[tuple[str, Any, Any]]:
    counts: dict[str, int] = {}
    for sent in world.sent:
        counts[sent.operation] = counts.get(sent.operation, 0) + 1
    keys = [one.key for one in world.sent]
    for operation, count in wanted.sends.items():
        yield f"sends of {operation}", count, counts.get(operation, 0)
    for operation, count in wanted.attempts.items():
        yield f"attempts at {operation}", count, world.attempts.get(operation, 0)
    if wanted.keys is not None:
        yield "keys", list(wanted.keys), keys
    for key in wanted.has_keys:
        yield f"a send {key}", True, key in keys
    if wanted.emitted is not None:
        yield "emitted", list(wanted.emitted), world.emitted
    if wanted.outcome:
        yield f"outcome ({world.why})" if world.why else "outcome", wanted.outcome, world.outcome
    if wanted.parked is not None:
        yield "parked events", wanted.parked, len(world.parked)
    if wanted.instances is not None:
        yield "instances", wanted.instances, len(world.instances)


def _of_instance(history: History, wanted: Expectation) -> Iterator[tuple[str, Any, Any]]:
    if not history.world.instances:
        if wanted.label:
            yield "label", wanted.label, None
        return
    state = next(iter(history.world.instances.values()))
    if wanted.label:
        yield "label", wanted.label, state["label"]
    if wanted.final is not None:
        yield "final", wanted.final, state["final"]
    if wanted.suspended is not None:
        yield "suspended", wanted.suspended, bool(state["suspended"])
    if wanted.exceptions is not None:
        yield "exceptions", sorted(wanted.exceptions), sorted(state["exceptions"])
    if wanted.tasks is not None:
        told = sorted(f"{path} of {task['role']}" for path, task in state["tasks"].items())
        yield "tasks", sorted(wanted.tasks), told
    for path, status in wanted.status.items():
        yield f"status of {path}", status, _status(state, path)


def _status(state: State, path: str) -> str:
    name, _, item = path.partition("/")
    found = state["steps"].get(name, {}).get(item)
    return "idle" if found is None else str(found["status"])


# ---- every order


def _shuffle(file: ScenarioFile, scenario: Scenario, first: History) -> None:
    """Run the events with which a scenario begins in other orders; what follows stays behind."""
    events = list(takewhile(lambda one: one.event, scenario.when))
    rest = scenario.when[len(events) :]
    wanted = outcome_of(first.world)
    for order in orders_of(events):
        history = _walked(file, scenario, [*order, *rest])
        got = outcome_of(history.world)
        first.complaints += [f"in another order: {one}" for one in history.complaints]
        if got != wanted:
            names = ", ".join(f"{one.event} (line {one.place.line})" for one in order)
            first.complaints.append(f"in the order {names}: {_told(got)}, expected {_told(wanted)}")
        if first.complaints:
            return


def orders_of(events: Sequence[Happening]) -> Iterator[tuple[Happening, ...]]:
    """Yield orders of events: all, or of many as many as are tried, at equal distances."""
    step = max(1, factorial(len(events)) // MOST_ORDERS)
    return islice(permutations(events), 0, None, step)


def outcome_of(world: World) -> dict[str, Json]:
    """Return what must not depend on the order: labels, exceptions, effects as a set."""
    return {
        "labels": {key: one["label"] for key, one in world.instances.items()},
        "exceptions": {key: sorted(one["exceptions"]) for key, one in world.instances.items()},
        "effects": sorted(f"{one.operation} {one.key}" for one in world.sent),
        "parked": len(world.parked),
    }
