"""Owns: the life of a daemon: start, reload (validate, drain, swap, roll back), regroup, stop.
Imports: config, infra.store, runtime.
Never: drops a consumer for which messages wait; leaves the store without its marks of a clean end;
runs a unit that it does not lead.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from router.config.channels import Route
from router.config.environments import EnvironmentFile, RedisSettings
from router.config.project import Project
from router.core.diagnostics import Diagnostic, Severity
from router.core.errors import RouterError, Unavailable
from router.core.instance import consumer_of
from router.core.ports import Clock, Secrets
from router.infra.store.fenced import Fenced
from router.infra.store.store import Store
from router.runtime.cautions import Cautions
from router.runtime.exchange import Called
from router.runtime.leadership import Change, Leadership
from router.runtime.memory import settle_memory
from router.runtime.needs import missing_secrets
from router.runtime.states import LocalStates, States
from router.runtime.threads import Threads
from router.runtime.units import FEED, ROLES, WORKER, units_of
from router.runtime.wiring import (
    Hooks,
    Parts,
    bounded,
    build_parts,
    open_exchange,
    revisions_of,
    systems_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a daemon runs: what a reload does not change."""

    environment: str
    secrets: Secrets
    clock: Clock
    store: Store
    #: reads the project anew
    load: Callable[[], tuple[Project, list[Diagnostic]]]
    complain: Callable[[str], None]
    #: told of each call of a system
    called: Called = lambda *_: None
    #: this process as people and others know it, and what it does where a store has several
    name: str = ""
    roles: tuple[str, ...] = ROLES
    #: told what this process leads, when that has changed
    regrouped: Callable[[list[str]], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What came of a reload; no refusal = the new revision runs."""

    revision: str
    refusals: tuple[str, ...] = field(default_factory=tuple)


class Daemon:
    """Runs one project after the other over one store. One thread calls its methods."""

    def __init__(self, site: Site, project: Project) -> None:
        self._site = site
        self._revisions = revisions_of(project.root, site.store)
        self._reloading = threading.Lock()
        self._ending = threading.Event()
        self._redis = project.environments[site.environment].redis
        self._states = self._open_states(self._redis)  # a reload leaves them as they are
        self._keep(project)
        self._leadership = Leadership(site.store, site.clock, site.name, site.roles)
        self._cautions = Cautions(site.store, site.clock, site.name)
        self._units = self._units_of(project)
        #: units that were gained and are not cared for as yet
        self._gained: frozenset[str] = frozenset()
        #: nothing runs: it was stopped, and what was to follow failed
        self._stands = False
        self._lead()
        self._care()
        self.parts = self._build(project)
        self._threads = Threads(self.parts, site.complain)
        self._beside = (
            threading.Thread(target=self._look, name="leadership"),
            threading.Thread(target=site.store.hear, args=(self._ending,), name="bells"),
        )

    def start(self) -> None:
        """Start working."""
        settle_memory()
        self._threads.start()
        for thread in self._beside if self._site.store.is_shared else ():
            thread.start()

    def leads(self) -> frozenset[str]:
        """Return the units that this process leads."""
        return self._leadership.leads

    def reload(self) -> Reloaded:
        """Take up the project as it is on disk now, or say why not and go on with the old one.

        Deliveries are taken all the time. What is in hand is finished by the old revision.
        """
        with self._reloading:
            return self._reload()

    def _reload(self) -> Reloaded:
        project, findings = self._site.load()
        old = self.parts.project
        refusals = [
            f"{one.place} {one.code} {one.message}"
            for one in findings
            if one.severity is Severity.ERROR
        ] or self._refusals(project)
        if refusals:
            return Reloaded(revision=old.revision, refusals=tuple(refusals))
        self._keep(project)  # and the old one is kept: its retries may send to what is gone
        self._units = self._units_of(project)
        self._lead()
        self._care()
        try:
            parts = self._build(project)
        except (RouterError, OSError) as error:
            return Reloaded(revision=old.revision, refusals=(str(error),))
        self._stand()
        self._site.store.take_up(project.revision)
        self._go_on(parts)
        self._forget(pausable(project))
        return Reloaded(revision=project.revision)

    def _lead(self) -> Change:
        """Look what there is to lead. Raises Unavailable."""
        change = self._leadership.look(self._units)
        self._gained = (self._gained | change.gained) & change.leads
        return change

    def _care(self) -> None:
        """Take care of what was gained. Raises Unavailable: then it is still to be done."""
        self._cautions.begin(self._gained)
        self._gained = frozenset()

    def _stand(self) -> None:
        """Finish what is in hand and take nothing new, until it goes on."""
        if not self._stands:
            self._threads.stop()
            self._stands = True

    def _go_on(self, parts: Parts) -> None:
        """Let new parts work where the old ones have stopped."""
        with contextlib.suppress(Unavailable):  # then its first step does
            parts.operator.look()  # what was asked of the old one meanwhile
        self.parts = parts
        self._threads = Threads(parts, self._site.complain)
        self._threads.start()
        self._stands = False

    def _look(self) -> None:
        """Look, again and again, what there is to lead."""
        while not self._ending.wait(self._leadership.every):
            with self._reloading:
                try:
                    self._regroup()
                except Exception as error:  # noqa: BLE001 (who looks no more leads no more)
                    self._site.complain(f"{type(error).__name__}: {error}")

    def _regroup(self) -> None:
        """Take up what this process leads by now, and let go of what others shall lead.

        Raises Unavailable: then the next look goes on where this one ended.
        """
        change = self._lead()
        self.parts.loop.look_again()
        self.parts.turner.look_again()
        for worker in self.parts.workers:
            worker.look_again()
        if not change and not self._stands:
            return
        self._stand()
        self._care()
        self._cautions.end(change.surplus)
        self._leadership.release(change.surplus)
        self._go_on(self._build(self.parts.project))
        self._site.regrouped(sorted(self.leads()))

    def _forget(self, names: list[str]) -> None:
        """Hold nothing back any more that the project does not have."""
        try:
            self._site.store.write(lambda transaction: transaction.pauses.keep(names))
        except Unavailable as error:
            self._site.complain(str(error))

    def stop(self) -> None:
        """Finish what is in hand, then close the store."""
        self._ending.set()
        for thread in self._beside if self._site.store.is_shared else ():
            thread.join()
        self._stand()
        self._states.close()
        self._cautions.end(self.leads())
        self._site.store.close()

    def _build(self, project: Project) -> Parts:
        environment = self._environment(project)
        site, leads = self._site, self.leads()
        store = (
            Fenced(site.store, leads, self._leadership.life) if site.store.is_shared else site.store
        )
        if environment.redis != self._redis:
            self._states.close()
            self._states, self._redis = self._open_states(environment.redis), environment.redis
        exchange = open_exchange(project, environment, site.secrets, site.clock, site.called)
        hooks = Hooks(
            revisions=self._revisions,
            cautions=self._cautions.by_unit,
            states=self._states,
            shelf=self._states.shelf(project.revision),
            feed=self._states.feed(store) if FEED in leads else None,
            complain=site.complain,
            secrets=site.secrets,
            name=site.name if store.is_shared else "",
            leads=leads.__contains__,
            calls=WORKER in site.roles,
        )
        bound = bounded(exchange, project, self._states)
        return build_parts(project, environment, store, bound, hooks)

    def _open_states(self, settings: RedisSettings | None) -> States:
        """Return the states of limits. Raises Unavailable when the address of Redis is none."""
        site = self._site
        if settings is None:
            return LocalStates(site.clock)
        from router.runtime.sharing import open_shared  # noqa: PLC0415 (redis is for who has one)

        return open_shared(settings, site.environment, site.secrets, site.clock, site.complain)

    def _environment(self, project: Project) -> EnvironmentFile:
        return project.environments[self._site.environment]

    def _units_of(self, project: Project) -> dict[str, str]:
        systems = systems_of(project, self._site.store, self._revisions)
        return units_of(project, self._environment(project), systems)

    def _keep(self, project: Project) -> None:
        """Keep what runs: for retries that it begins, for replays as it was then."""
        self._revisions.keep(project, self._site.clock.now())

    def _refusals(self, project: Project) -> list[str]:
        """Return why a sound project cannot take the old one's place."""
        if self._site.environment not in project.environments:
            return [f"the environment {self._site.environment} is gone"]
        secrets = missing_secrets(project, self._environment(project), self._site.secrets)
        with self._site.store.read() as reader:
            waiting = reader.waiting_by_consumer()
        return [f"the secret {one} is missing" for one in secrets] + dropped(project, waiting)


def dropped(project: Project, waiting: Mapping[str, int]) -> list[str]:
    """Return a complaint for each consumer that a project no longer has and messages wait for."""
    known = set(consumers(project))
    return [
        f"{n} messages wait for {name}, which is gone: drain it, or resolve them"
        for name, n in sorted(waiting.items())
        if name not in known and not name.endswith(":?")
    ]


def pausable(project: Project) -> list[str]:
    """Return everything that can be paused or drained: `channel:`, `flow:`, `system:`,
    `workflow:`.
    """
    return [
        *(f"channel:{one}" for one in project.channels),
        *project.flows,
        *(f"system:{one}" for one in project.systems),
        *map(consumer_of, project.workflows),
    ]


def consumers(project: Project) -> Iterable[str]:
    """Yield the name of every route, flow, workflow and operation."""
    for channel in project.channels.values():
        for kind, route in channel.routes.items():
            yield route.name if isinstance(route, Route) else f"{channel.name}:{kind}"
    yield from project.flows
    yield from map(consumer_of, project.workflows)
    yield from project.operations
