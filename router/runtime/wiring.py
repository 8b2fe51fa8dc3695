"""Owns: the composition root: a checked project and an environment become running parts.
Imports: every floor below.
Never: decides anything.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from router.config.channels import Channel, HttpSource
from router.config.components import knobs_of
from router.config.environments import ChannelSettings, EnvironmentFile
from router.config.filesources import FileSource
from router.config.polls import PollSource
from router.config.project import Project, load_texts
from router.config.schedules import ScheduleSource
from router.config.shapes import Nested
from router.config.steps import Step
from router.config.verification import SecretShape
from router.core.errors import Unavailable
from router.core.ports import Adapter, Clock, Secrets, Shelf
from router.infra.store.pauses import Pause, closed_by
from router.infra.store.store import Store
from router.runtime.admission import admissions_of
from router.runtime.answers import Answers
from router.runtime.archive import Archive
from router.runtime.caution import Caution
from router.runtime.exchange import Called, Exchange
from router.runtime.feed import Feed
from router.runtime.folders import Folder
from router.runtime.holds import Holds
from router.runtime.ingress import Ingress
from router.runtime.installed import installed_adapters
from router.runtime.jobs import Mover
from router.runtime.loop import Loop
from router.runtime.operator import Operator
from router.runtime.poller import Poller
from router.runtime.replay import Replayer
from router.runtime.revisions import Revisions
from router.runtime.scheduler import Scheduler
from router.runtime.states import LocalStates, States
from router.runtime.ticker import Ticker
from router.runtime.verdicts import Judge, Verdict
from router.runtime.worker import Worker

S = TypeVar("S")

#: longest sleep of a thread that nobody rings for; due rows are looked at this often
TICK = 0.2
#: pause after the store was away, so that the log is not flooded
PAUSE = 1.0
#: answers asked for at once, for enrich
ENRICH_WORKERS = 8
#: how long an answer for enrich may wait for the limits of its system before its policy times it
PATIENCE = timedelta(seconds=1)
#: how long calls under way may take to come back when the daemon stops
GRACE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What is tied to the parts from outside.

    With `observe` nothing has a thread, and it is told of every verdict: tests of the language step
    the parts by hand. `entered` is told of every step. `revisions` gives earlier projects,
    `caution` knows how the last process ended. `states` are those of the limits, `shelf` has
    answers of other processes, `feed` tells who looks on, `complain` is told what people should
    know.
    """

    observe: Callable[[Verdict], None] | None = None
    entered: Callable[[Step], None] | None = None
    revisions: Revisions | None = None
    caution: Caution | None = None
    states: States | None = None
    shelf: Shelf | None = None
    feed: Feed | None = None
    complain: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that runs, without its threads: tests of the language step them by hand."""

    project: Project
    store: Store
    clock: Clock
    ingress: Ingress
    loop: Loop
    answers: Answers
    workers: tuple[Worker, ...]
    scheduler: Scheduler
    folders: tuple[Folder, ...]
    pollers: tuple[Poller, ...]
    tickers: tuple[Ticker, ...]
    #: channels with a webhook by its path
    paths: Mapping[str, Channel]
    adapters: Mapping[str, Adapter]
    feed: Feed | None
    holds: Holds
    operator: Operator

    @property
    def asking(self) -> Iterator[Poller | Ticker | Holds | Feed]:
        """Yield the sources that nobody rings for, and who tells what is held, what is new."""
        yield self.holds
        if self.feed is not None:
            yield self.feed
        yield from self.pollers
        yield from self.tickers

    def close(self) -> None:
        """Stop calls, waiting for those under way; the store stays open."""
        self.holds.close()
        self.answers.close()
        for worker in self.workers:
            worker.close(GRACE)
        for adapter in self.adapters.values():
            adapter.close()


def build_parts(
    project: Project, environment: EnvironmentFile, store: Store, exchange: Exchange, hooks: Hooks
) -> Parts:
    """Return the running parts of a project over an open store."""
    env, clock = exchange.env, exchange.clock
    asking, slots = (ENRICH_WORKERS, environment.workers) if hooks.observe is None else (0, 0)
    answers = Answers(exchange, asking, hooks.shelf)
    ingress = Ingress(store, clock, env, project.contracts)
    revisions = hooks.revisions or revisions_of(project.root, store)
    loop = Loop(store, Judge(project, env, revisions.get, hooks.entered), answers, hooks.observe)
    workers = _workers(project, exchange, slots, (store, revisions))
    folders = tuple(_folders(project, environment, (store, ingress, clock)))
    if hooks.caution is not None:
        _take_care(hooks.caution, loop, workers, folders)
    doors = _Doors(loop, workers, ingress)
    mover = Mover(store, clock, Replayer(project, env, revisions))
    return Parts(
        project=project,
        store=store,
        clock=clock,
        ingress=ingress,
        loop=loop,
        answers=answers,
        workers=workers,
        folders=folders,
        scheduler=Scheduler(store, clock),
        pollers=tuple(
            Poller(channel, (store, ingress, exchange))
            for channel, _ in _coming(project, environment, PollSource)
        ),
        tickers=tuple(
            Ticker(channel, (store, ingress, clock))
            for channel, _ in _coming(project, environment, ScheduleSource)
        ),
        paths=channel_by_path(project, environment),
        adapters=exchange.adapters,
        feed=hooks.feed,
        holds=Holds(store, exchange.admissions, hooks.states, hooks.complain),
        operator=Operator(store, clock, doors.tell, doors.in_hand, mover),
    )


@dataclass(frozen=True, slots=True)
class _Doors:
    """All that takes messages: it is told what is held back, and asked what it has in hand."""

    loop: Loop
    workers: tuple[Worker, ...]
    ingress: Ingress

    def tell(self, pauses: Sequence[Pause]) -> None:
        self.loop.pause(pauses)
        for worker in self.workers:
            worker.pause(pauses)
        self.ingress.close_to(closed_by(pauses))

    def in_hand(self) -> frozenset[int]:
        return self.loop.in_hand.union(*(worker.in_hand for worker in self.workers))


def _workers(
    project: Project, exchange: Exchange, slots: int, by: tuple[Store, Revisions]
) -> tuple[Worker, ...]:
    store, revisions = by
    names = sorted(_systems(project, store, revisions.held()))
    return tuple(Worker(store, exchange, name, slots, revisions.get) for name in names)


def _take_care(
    caution: Caution, loop: Loop, workers: Iterable[Worker], folders: Iterable[Folder]
) -> None:
    loop.take_care(caution)
    for worker in workers:
        worker.take_care(caution)
    for folder in folders:
        folder.caution = caution


def revisions_of(root: Path, store: Store) -> Revisions:
    """Return the projects that are kept in a store, by revision."""
    return Revisions(store, lambda texts: load_texts(root, texts, installed_adapters()))


def _systems(project: Project, store: Store, earlier: Iterable[Project]) -> set[str]:
    """Return every system that may have commands; what is not declared any more is buried."""
    names = set(project.systems).union(*(one.systems for one in earlier))
    with store.read() as reader:
        waiting = reader.waiting_by_consumer()
    return names | {name.partition(".")[0] for name in waiting if ":" not in name}


def open_exchange(
    project: Project,
    environment: EnvironmentFile,
    secrets: Secrets,
    clock: Clock,
    called: Called = lambda *_: None,
) -> Exchange:
    """Return the calls to the systems of an environment; `called` is told of each. Limits are those
    of this process.
    """
    adapters = open_adapters(project, environment, secrets)
    return Exchange(
        operations=project.operations,
        adapters=adapters,
        env=dict(environment.values),
        clock=clock,
        called=called,
        admissions=admissions_of(project.systems, adapters, LocalStates(clock), clock),
    )


def bounded(exchange: Exchange, project: Project, states: States) -> Exchange:
    """Return the calls with limits whose states are kept there; a read waits a moment for them."""
    doors = admissions_of(project.systems, exchange.adapters, states, exchange.clock)
    return dataclasses.replace(exchange, admissions=doors, patience=PATIENCE)


def open_adapters(
    project: Project, environment: EnvironmentFile, secrets: Secrets
) -> dict[str, Adapter]:
    """Return an adapter for each system of the environment; its folders are under the project."""
    return {
        name: system.adapter(_rooted(environment.systems[name], project.root), secrets)
        for name, system in project.systems.items()
        if name in environment.systems
    }


def missing_secrets(project: Project, environment: EnvironmentFile, secrets: Secrets) -> list[str]:
    """Return each secret reference that cannot be resolved, with what wants it."""
    wanted = [(one, "the store") for one in references_in(environment.store)]
    if environment.redis is not None:
        wanted.extend((one, "redis") for one in references_in(environment.redis))
    for channel, source in _coming(project, environment, HttpSource):
        scheme = source.verify
        told = [*scheme.secrets, scheme.url] if scheme.url else scheme.secrets
        wanted.extend((one, f"channel {channel.name}") for one in told)
    for name, settings in environment.systems.items():
        wanted.extend((one, f"system {name}") for one in references_in(settings))
    missing = []
    for reference, who in wanted:
        try:
            secrets.get(reference)
        except LookupError:
            missing.append(f"{reference} (for {who})")
    return missing


def references_in(settings: Any) -> Iterator[str]:
    """Yield the secrets that a component names, and those within it."""
    for one in knobs_of(type(settings)):
        held = getattr(settings, one.name)
        if isinstance(one.shape, SecretShape) and held:
            yield held
        elif isinstance(one.shape, Nested) and held is not None:
            yield from references_in(held)


def channel_by_path(project: Project, environment: EnvironmentFile) -> dict[str, Channel]:
    """Return the channels with a webhook that come in here, by their path."""
    return {source.path: channel for channel, source in _coming(project, environment, HttpSource)}


def _coming(
    project: Project, environment: EnvironmentFile, kind: type[S]
) -> Iterator[tuple[Channel, S]]:
    """Yield the channels of an environment that have one kind of source, each with it."""
    for channel in project.channels.values():
        if isinstance(channel.source, kind) and environment.has(channel.name):
            yield channel, channel.source


class Threads:
    """Runs the parts: one thread each for loop, scheduler, folders, polls, every system's dispatch.

    Stopping: no new row is taken, what is in hand is finished, then the calls are waited for.
    """

    def __init__(self, parts: Parts, complain: Callable[[str], None]) -> None:
        self._parts = parts
        self._complain = complain
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run, args=(parts.loop.step, parts.loop.bell.wait), name="loop"
            ),
            threading.Thread(
                target=self._run, args=(parts.scheduler.step, self._stop.wait), name="scheduler"
            ),
            threading.Thread(
                target=self._run, args=(parts.operator.step, self._stop.wait), name="operator"
            ),
            *(
                threading.Thread(target=self._run, args=(worker.step, worker.rest), name="dispatch")
                for worker in parts.workers
            ),
            *(
                threading.Thread(
                    target=self._run, args=(folder.step, self._pause(folder.every)), name="folder"
                )
                for folder in parts.folders
            ),
            *(
                threading.Thread(
                    target=self._run, args=(one.step, self._pause(one.every)), name="poll"
                )
                for one in parts.asking
            ),
        ]

    def _pause(self, seconds: float) -> Callable[[float], Any]:
        """Return a wait of its own length, that ends with the daemon."""
        return lambda _tick: self._stop.wait(seconds)

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop every thread and close the parts."""
        self._stop.set()
        self._parts.loop.bell.ring()
        for worker in self._parts.workers:
            worker.bell.ring()
        for thread in self._threads:
            thread.join()
        self._parts.close()

    def _run(self, step: Callable[[], int], wait: Callable[[float], Any]) -> None:
        while not self._stop.is_set():
            try:
                if not step():
                    wait(TICK)
            except Unavailable as error:
                self._complain(str(error))
                self._stop.wait(PAUSE)
            except Exception as error:  # noqa: BLE001 (a thread that dies would stand still silently)
                self._complain(f"{type(error).__name__}: {error}")
                self._stop.wait(PAUSE)


def _folders(
    project: Project, environment: EnvironmentFile, parts: tuple[Store, Ingress, Clock]
) -> Iterator[Folder]:
    for channel, _ in _coming(project, environment, FileSource):
        settings = environment.channels.get(channel.name)
        if settings is not None:
            archive = Archive(partial(_archive, project.root, settings))
            made = Folder(channel, project.root / settings.folder, archive, parts)
            made.every = settings.every.total_seconds()
            yield made


def _archive(root: Path, settings: ChannelSettings, day: str) -> Path:
    return root / settings.archive_on(day)


def _rooted(settings: Any, root: Path) -> Any:
    """Return settings whose relative folder is under the project."""
    folder = getattr(settings, "folder", None)
    if folder is None:
        return settings
    return dataclasses.replace(settings, folder=str(root / folder))
