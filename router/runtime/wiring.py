"""Owns: the composition root: a checked project and an environment become running parts.
Imports: every floor below.
Never: decides anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from router.config.channels import Channel
from router.config.environments import ChannelSettings, EnvironmentFile
from router.config.filesources import FileSource
from router.config.polls import PollSource
from router.config.project import Project, load_texts
from router.config.queues import AmqpSource
from router.config.schedules import ScheduleSource
from router.config.steps import Step
from router.core.ports import Adapter, Clock, Secrets, Shelf
from router.infra.store.store import Store
from router.runtime.admission import admissions_of
from router.runtime.answers import Answers
from router.runtime.archive import Archive
from router.runtime.carriage import Carriage, carriage_of, workers_of
from router.runtime.caution import Caution
from router.runtime.coming import Coming, Leads, channel_by_path
from router.runtime.definitions import Definitions
from router.runtime.doors import Doors
from router.runtime.exchange import Called, Exchange
from router.runtime.feed import Feed
from router.runtime.folders import Folder
from router.runtime.hands import Hands
from router.runtime.holds import Holds
from router.runtime.ingress import Ingress
from router.runtime.installed import installed_adapters
from router.runtime.intake import Intake, receiver_at
from router.runtime.jobs import Mover
from router.runtime.loop import Loop
from router.runtime.operator import Operator
from router.runtime.passage import Passage, is_unrecorded
from router.runtime.poller import Poller
from router.runtime.replay import Replayer
from router.runtime.retention import Retention
from router.runtime.revisions import Revisions
from router.runtime.scheduler import Scheduler
from router.runtime.states import LocalStates, States
from router.runtime.ticker import Ticker
from router.runtime.turner import Turner
from router.runtime.units import LOOP, OPERATOR, TURNS, source_unit, system_unit
from router.runtime.verdicts import Judge, Verdict
from router.runtime.worker import Worker

S = TypeVar("S")

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
    `cautions` know of each unit how the last process ended. `states` are those of the limits,
    `shelf` has answers of other processes, `feed` tells who looks on, `complain` hears what people
    should know. `secrets` say where brokers of channels are; without them nothing is taken from
    queues. `name` is that of the process, `leads` says of which units the parts are made.
    """

    observe: Callable[[Verdict], None] | None = None
    entered: Callable[[Step], None] | None = None
    revisions: Revisions | None = None
    cautions: Mapping[str, Caution] = field(default_factory=dict)
    states: States | None = None
    shelf: Shelf | None = None
    feed: Feed | None = None
    complain: Callable[[str], None] = lambda _: None
    secrets: Secrets | None = None
    name: str = ""
    leads: Leads = lambda _: True
    #: whether it calls systems
    calls: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that runs, without its threads: tests of the language step them by hand.

    There are workers and sources of those units alone that `leads` knows; the loop, the scheduler
    and the operator's part that carries out are there, and run where it knows them.
    """

    project: Project
    store: Store
    clock: Clock
    ingress: Ingress
    loop: Loop
    turner: Turner
    answers: Answers
    workers: tuple[Worker, ...]
    scheduler: Scheduler
    folders: tuple[Folder, ...]
    pollers: tuple[Poller, ...]
    tickers: tuple[Ticker, ...]
    intakes: tuple[Intake, ...]
    #: channels with a webhook by its path
    paths: Mapping[str, Channel]
    adapters: Mapping[str, Adapter]
    feed: Feed | None
    holds: Holds
    operator: Operator
    leads: Leads
    #: what carries commands over a broker, where the environment names one
    carriage: Carriage | None = None

    @property
    def asking(self) -> Iterator[Poller | Ticker | Holds | Feed]:
        """Yield the sources that nobody rings for, and who tells what is held, what is new."""
        yield self.holds
        if self.feed is not None:
            yield self.feed
        yield from self.pollers
        yield from self.tickers

    @property
    def taking(self) -> Iterator[Intake | Carriage]:
        """Yield what takes from queues of a broker."""
        yield from self.intakes
        if self.carriage is not None:
            yield self.carriage

    def close(self) -> None:
        """Stop calls, waiting for those under way; the store stays open."""
        self.holds.close()
        for intake in self.intakes:
            intake.close()
        self.answers.close()
        if self.carriage is not None:
            self.carriage.close(GRACE.total_seconds())
        for worker in self.workers:
            worker.close(GRACE)
        for adapter in self.adapters.values():
            adapter.close()


def build_parts(
    project: Project, environment: EnvironmentFile, store: Store, exchange: Exchange, hooks: Hooks
) -> Parts:
    """Return the running parts of a project over an open store."""
    env, clock, leads = exchange.env, exchange.clock, hooks.leads
    asking, slots = (ENRICH_WORKERS, environment.workers) if hooks.observe is None else (0, 0)
    answers = Answers(exchange, asking, hooks.shelf)
    ingress = Ingress(store, clock, env, project.contracts)
    revisions = hooks.revisions or revisions_of(project.root, store)
    loop = Loop(store, Judge(project, env, revisions.get, hooks.entered), answers, hooks.observe)
    turner = Turner(store, clock, Definitions(project, revisions))
    carriage, workers = _calling(project, environment, hooks, (store, exchange, revisions), slots)
    doing = Mover(store, clock, Replayer(project, env, revisions))
    by, coming = (store, ingress, clock), Coming(project, environment, leads)
    folders = tuple(_folders(coming, by))
    intakes = tuple(_intakes(coming, hooks.secrets, by, exchange))
    _take_care(hooks.cautions, (loop, turner), (workers, intakes, folders))
    doors = Doors(loop, turner, workers, ingress, intakes, carriage)
    return Parts(
        project=project,
        store=store,
        clock=clock,
        ingress=ingress,
        loop=loop,
        turner=turner,
        answers=answers,
        workers=workers,
        folders=folders,
        scheduler=Scheduler(store, clock, Retention(store, clock, environment.retention)),
        pollers=tuple(Poller(one, (store, ingress, exchange)) for one in coming.led(PollSource)),
        tickers=tuple(Ticker(one, by) for one in coming.led(ScheduleSource)),
        intakes=intakes,
        paths=channel_by_path(project, environment),
        adapters=exchange.adapters,
        feed=hooks.feed,
        holds=Holds(store, exchange.admissions, hooks.states, hooks.complain, hooks.name),
        operator=Operator(store, clock, doors, doing, _hands(store, hooks)),
        leads=leads,
        carriage=carriage,
    )


def _hands(store: Store, hooks: Hooks) -> Hands:
    return Hands(store, hooks.name, carries=hooks.leads(OPERATOR))


def _calling(
    project: Project,
    environment: EnvironmentFile,
    hooks: Hooks,
    parts: tuple[Store, Exchange, Revisions],
    slots: int,
) -> tuple[Carriage | None, tuple[Worker, ...]]:
    """Return what carries commands over a broker, if anything does, and what gives out those of
    the systems that are led.
    """
    store, exchange, revisions = parts
    carriage, given = None, (store, exchange, revisions.get)
    if environment.broker and hooks.secrets is not None and hooks.calls and hooks.name:
        who = (hooks.name, hooks.complain)
        carriage = carriage_of(project, environment, hooks.secrets, given, who)
    names = [one for one in systems_of(project, store, revisions) if hooks.leads(system_unit(one))]
    return carriage, tuple(workers_of(sorted(names), carriage, given, slots))


def revisions_of(root: Path, store: Store) -> Revisions:
    """Return the projects that are kept in a store, by revision."""
    return Revisions(store, lambda texts: load_texts(root, texts, installed_adapters()))


def _take_care(
    cautions: Mapping[str, Caution],
    deciding: tuple[Loop, Turner],
    parts: tuple[Iterable[Worker], Iterable[Intake], Iterable[Folder]],
) -> None:
    """Let each part know how the last process that led its unit ended."""
    (loop, turner), (workers, intakes, folders) = deciding, parts
    units: list[tuple[str, Loop | Turner | Worker | Intake | Folder]] = [
        (LOOP, loop),
        (TURNS, turner),
        *((system_unit(one.system), one) for one in workers),
        *((source_unit(one.channel.name), one) for one in intakes),
        *((source_unit(one.channel.name), one) for one in folders),
    ]
    for unit, one in units:
        if unit in cautions:
            one.take_care(cautions[unit])


def systems_of(project: Project, store: Store, revisions: Revisions) -> set[str]:
    """Return every system that may have commands; what is not declared any more is buried."""
    names = set(project.systems).union(*(one.systems for one in revisions.held()))
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


def _folders(coming: Coming, parts: tuple[Store, Ingress, Clock]) -> Iterator[Folder]:
    root = coming.project.root
    for channel, settings in coming.settled(FileSource):
        archive = Archive(partial(_archive, root, settings))
        made = Folder(channel, root / settings.folder, archive, parts)
        made.every = settings.every.total_seconds()
        yield made


def _intakes(
    coming: Coming,
    secrets: Secrets | None,
    parts: tuple[Store, Ingress, Clock],
    exchange: Exchange,
) -> Iterator[Intake]:
    if secrets is None:
        return
    store, ingress, _ = parts
    for channel, settings in coming.settled(AmqpSource):
        address = secrets.get(settings.broker)
        made = Intake(channel, partial(receiver_at, address, f"router {channel.name}"), parts)
        if is_unrecorded(channel):
            keep = partial(ingress.keep, channel)
            made.pass_by(Passage(channel, coming.project, (store, exchange), keep))
        yield made


def _archive(root: Path, settings: ChannelSettings, day: str) -> Path:
    return root / settings.archive_on(day)


def _rooted(settings: Any, root: Path) -> Any:
    """Return settings whose relative folder is under the project."""
    folder = getattr(settings, "folder", None)
    if folder is None:
        return settings
    return dataclasses.replace(settings, folder=str(root / folder))
