"""Owns: measuring the turns of a workflow beside reading and writing the same states as JSON.
Imports: config.workflow, engine.workflow.
Never: touches a store: a turn is a function, and what is measured is that function.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from router.config.workflow.scenarios import Scenario, ScenarioFile
from router.engine.workflow.state import State, begin
from router.engine.workflow.trial import History, Step, run_scenario
from router.engine.workflow.turn import turn


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSpeed:
    """Figures of one scenario, one a repeat; the floor is JSON alone."""

    workflow: str
    scenario: str
    #: turns of the scenario, all its instances together
    turns: int
    instances: int
    #: turns in a second
    rate: tuple[float, ...]
    #: microseconds of CPU a turn
    cpu: tuple[float, ...]
    floor: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the median of turn / floor, repeat by repeat."""
        both = zip(self.cpu, self.floor, strict=True)
        return statistics.median(ours / floor for ours, floor in both)


class NothingToPlay(LookupError):
    """There is no scenario to play, or it does not hold; the text says so."""


def measure_turns(file: ScenarioFile, name: str, turns: int, repeats: int) -> TurnSpeed:
    """Play the scenario whose name holds a text, without one the longest, about so many turns.

    Both are measured in turn. The floor decodes each state and input and encodes the next state,
    which a workflow whose instances lie in a store cannot do without. Raises NothingToPlay.
    """
    scenario, history = chosen(file, name)
    steps = history.turns
    rounds = max(1, turns // len(steps))
    floor = _floor(steps)
    figures = [
        (_cpu(lambda: _play(file, scenario, steps), rounds), _cpu(floor, rounds))
        for _ in range(repeats)
    ]
    count = len(steps)
    return TurnSpeed(
        workflow=file.workflow.name,
        scenario=scenario.name,
        turns=count,
        instances=len({one.key for one in steps}),
        rate=tuple(count / wall * 1e6 for (_, wall), _ in figures),
        cpu=tuple(cpu / count for (cpu, _), _ in figures),
        floor=tuple(cpu / count for _, (cpu, _) in figures),
    )


def chosen(file: ScenarioFile, name: str) -> tuple[Scenario, History]:
    """Return a scenario and what happens in it, in the order in which it is written."""
    plain = [replace(one, shuffle=False) for one in file.scenarios if name in one.name]
    played = [(one, run_scenario(file, one)) for one in plain]
    found = max(played, default=None, key=lambda one: len(one[1].turns))
    if found is None or not found[1].turns:
        raise NothingToPlay(f"no scenario of {file.workflow.name} has {name or 'a turn'}")
    scenario, history = found
    if history.complaints:
        raise NothingToPlay(f"{scenario.name} does not hold: {history.complaints[0]}")
    return scenario, history


def _play(file: ScenarioFile, scenario: Scenario, steps: Sequence[Step]) -> None:
    """Take every turn again, each from the state that the one before has left."""
    workflow = file.workflow
    states: dict[str, State] = {}
    for one in steps:
        before = states.get(one.key) or begin(workflow, one.key)
        states[one.key] = turn(workflow, before, one.came, one.at, scenario.decide).state


def _floor(steps: Sequence[Step]) -> Callable[[], None]:
    """Return what reads each state and input, and writes the state after it."""
    before: dict[str, str] = {}
    given = []
    for one in steps:
        given.append((before.get(one.key, "{}"), json.dumps(asdict(one.came)), one.turn.state))
        before[one.key] = json.dumps(one.turn.state)

    def run() -> None:
        for state, came, after in given:
            json.loads(state)
            json.loads(came)
            json.dumps(after)

    return run


def _cpu(run: Callable[[], None], rounds: int) -> tuple[float, float]:
    """Return microseconds of CPU, and of time, that one run takes."""
    run()
    cpu, wall = time.thread_time_ns(), time.perf_counter_ns()
    for _ in range(rounds):
        run()
    took = time.thread_time_ns() - cpu, time.perf_counter_ns() - wall
    return took[0] / rounds / 1e3, took[1] / rounds / 1e3
