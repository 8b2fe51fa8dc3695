"""Owns: measuring the lives of instances in a store of few and in one of many.
Imports: config, core, engine.workflow, infra.store, runtime.
Never: calls a system: what commands came to is given as the scenario says; claims a figure alone.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from router.config.project import Project
from router.config.workflow.scenarios import ScenarioFile
from router.core.instance import CAME, EVENT, INSTANCE, TURN_LANE, consumer_of
from router.core.message import BORN, Message, digest_of
from router.engine.workflow.record import input_document, kind_of
from router.engine.workflow.trial import Step
from router.engine.workflow.values import EventCame
from router.infra.store.database import Database
from router.infra.store.multiplying import multiply
from router.infra.store.rows import Queued
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.runtime.bench import timed
from router.runtime.clock import ManualClock
from router.runtime.definitions import Definitions
from router.runtime.memory import settle_memory
from router.runtime.scheduler import Scheduler
from router.runtime.turner import Turner
from router.runtime.turnspeed import chosen
from router.runtime.verdicts import SYSTEM_LANE
from router.runtime.wiring import revisions_of

#: instances of the small store
FEW = 1000
#: gives a fresh database, which goes afterwards
Ground = Callable[[], AbstractContextManager[Database]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeSpeed:
    """Figures of one scenario, one a repeat: turns a second and microseconds of CPU a turn."""

    workflow: str
    scenario: str
    #: turns of one life
    turns: int
    stored: int
    few_rate: tuple[float, ...]
    many_rate: tuple[float, ...]
    few: tuple[float, ...]
    many: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the median of many / few, repeat by repeat, in CPU."""
        return statistics.median(b / a for a, b in zip(self.few, self.many, strict=True))

    @property
    def rate_ratio(self) -> float:
        """Return the median of few / many, repeat by repeat, in turns a second."""
        pairs = zip(self.few_rate, self.many_rate, strict=True)
        return statistics.median(a / b for a, b in pairs)


def measure_lives(
    project: Project,
    played: tuple[ScenarioFile, str],
    sizes: tuple[int, int],
    repeats: int,
    ground: Ground | None = None,
) -> LifeSpeed:
    """Let so many instances live at once, in a store of a thousand others and in one of many.

    `played` is the scenario, by a text in its name; `sizes` are the instances that live and those
    that are stored. Both stores are used by turns, and keep what has lived. Raises NothingToPlay.
    """
    file, name = played
    lives, stored = sizes
    scenario, history = chosen(file, name)
    steps = [one for one in history.turns if one.key == history.turns[0].key]
    figures: dict[int, list[tuple[float, float]]] = {FEW: [], stored: []}
    settle_memory()
    with ExitStack() as open_ones:
        playing: dict[int, _Lives] = {}
        for size in figures:
            database = open_ones.enter_context((ground or _file)())
            playing[size] = open_ones.enter_context(_living(project, database, steps))
            playing[size].seed(size)
        for repeat in range(repeats):
            for size, found in figures.items():
                found.append(playing[size].play(f"r{repeat}", lives))
    return LifeSpeed(
        workflow=file.workflow.name,
        scenario=scenario.name,
        turns=len(steps),
        stored=stored,
        few_rate=tuple(rate for rate, _ in figures[FEW]),
        many_rate=tuple(rate for rate, _ in figures[stored]),
        few=tuple(cpu for _, cpu in figures[FEW]),
        many=tuple(cpu for _, cpu in figures[stored]),
    )


@contextmanager
def _file() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        yield SqliteFile(Path(folder) / "lives.db")


@contextmanager
def _living(project: Project, database: Database, steps: Sequence[Step]) -> Iterator[_Lives]:
    store = Store.on(database, project.revision)
    try:
        yield _Lives(project, store, steps)
    finally:
        store.close()


class _Lives:
    """Instances that live by one scenario, many at once."""

    def __init__(self, project: Project, store: Store, steps: Sequence[Step]) -> None:
        self._store = store
        self._steps = steps
        self._key = steps[0].key
        self._workflow = steps[0].turn.state["workflow"]
        #: what of a life's texts is its own: its key, and its other names
        self._own = [self._key, *(value for _, value in steps[-1].turn.state["aliases"])]
        self._clock = ManualClock(steps[0].at)
        self._scheduler = Scheduler(store, self._clock)
        definitions = Definitions(project, revisions_of(project.root, store))
        self._turner = Turner(store, self._clock, definitions)

    def seed(self, size: int) -> None:
        """Lay down so many instances beside one that has lived, each with one turn."""
        self.play("seed", 1)
        self._store.write(partial(multiply, size=size))

    def play(self, series: str, lives: int) -> tuple[float, float]:
        """Let instances live; return turns a second, and microseconds of CPU a turn.

        Their inputs are laid down before, step by step, and what leaves is taken away after: only
        the turns are measured, with all that they read and write.
        """
        moved = self._steps[-1].at - self._steps[0].at
        start = self._clock.now()
        self._clock.move_to(start)
        taken, seconds, cpu = 0, 0.0, 0.0
        ids: dict[int, str] = {}
        for number, step in enumerate(self._steps):
            self._clock.move_to(start + (step.at - self._steps[0].at))
            self._come(series, (number, step), lives, ids)
            done = [0]
            rate, each = timed(1, partial(self._drain, done))
            if done[0]:
                taken, seconds, cpu = taken + done[0], seconds + 1 / rate, cpu + each
            if not ids:
                ids = self._ids(series, lives)
            self._clear()
        self._clock.move_to(start + moved + (moved or self._steps[-1].at - self._steps[0].at))
        return taken / seconds, cpu / taken

    def _come(
        self, series: str, what: tuple[int, Step], lives: int, ids: Mapping[int, str]
    ) -> None:
        number, step = what
        if kind_of(step.came) == "window":  # it comes by its time
            while self._scheduler.step():
                pass
            return
        rows = [
            self._row(f"{series}-{life}", number, step, ids.get(life, "")) for life in range(lives)
        ]
        self._store.write(lambda transaction: transaction.enqueue(rows))

    def _row(self, life: str, number: int, step: Step, instance: str) -> Queued:
        written = json.dumps(input_document(step.came))
        for own in self._own:
            written = written.replace(f'"{own}"', f'"{own}-{life}"')
            written = written.replace(f"{own}/", f"{own}-{life}/")
        document = json.loads(written)
        born = int(self._clock.now().timestamp() * 1000)
        extra: dict[str, Any] = {CAME: kind_of(step.came), INSTANCE: instance}
        if isinstance(step.came, EventCame):
            extra = {CAME: "event", EVENT: step.came.name}
            document = document["body"]
        made = f"{born:0{BORN}x}{digest_of(life, str(number))[BORN:]}"
        message = Message(
            id=made, correlationid=made, occurred_at=self._clock.now(), payload=document
        )
        return Queued(
            lane=TURN_LANE, consumer=consumer_of(self._workflow), message=message, extra=extra
        )

    def _drain(self, done: list[int]) -> None:
        while taken := self._turner.step():
            done[0] += taken

    def _ids(self, series: str, lives: int) -> dict[int, str]:
        names = {(self._workflow, f"{self._key}-{series}-{life}"): life for life in range(lives)}
        with self._store.read() as reader:
            found = reader.instances.named(names)
        return {names[name]: one.id for name, one in found.items()}

    def _clear(self) -> None:
        """Take commands away: their answers come as the scenario says."""
        with self._store.read() as reader:
            lanes = [lane for lane in reader.sizes() if lane.startswith(SYSTEM_LANE)]
            rows = [row.id for lane in lanes for row in reader.queued(lane, 0, 1_000_000)]
        self._store.write(lambda transaction: transaction.settle(rows))
