"""Owns: measuring what more processes make of a recorded route: one of all roles beside several.
Imports: core, infra, runtime (brokerspeed, contest, leadership, ownside, serverbench, units).
Never: claims a figure of its own: all run in turn, over the same queues and the same server.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from router.core.errors import Unavailable
from router.infra.amqp.yardstick import desk
from router.infra.store.postgresql import Server
from router.infra.store.store import Store
from router.runtime.brokerspeed import FAR, STATES
from router.runtime.contest import Run, timed_run
from router.runtime.leadership import leaders
from router.runtime.ownside import OwnSide
from router.runtime.serverbench import served
from router.runtime.units import DUE, INGRESS, LOOP, ROUTER, SCHEDULER, WORKER, system_unit

#: what one process with every role is called, as a layout and as a part of it
ONE, ALL = "one process", "all roles"


@dataclass(frozen=True, slots=True)
class Layout:
    """Processes by role: so many routers and workers, beside one scheduler and one ingress.

    The ingress starts last, once the others have shared what there is to lead among them.
    """

    routers: int
    workers: int

    @property
    def name(self) -> str:
        """Return it in words."""
        counted = ((self.routers, ROUTER), (self.workers, WORKER))
        return ", ".join(f"{number} {role}{'s'[: number > 1]}" for number, role in counted)

    @property
    def processes(self) -> dict[str, tuple[str, ...]]:
        """Return the processes, each with its words; the second of a role has a number."""
        roles = [*[ROUTER] * self.routers, *[WORKER] * self.workers, SCHEDULER, INGRESS]
        made: dict[str, tuple[str, ...]] = {}
        for role in roles:
            before = sum(one.split()[0] == role for one in made)
            made[f"{role} {before + 1}" if before else role] = ("--role", role)
        return made

    def is_shared(self, place: str) -> bool:
        """Return whether the others lead all of a store, and as many workers as can do, systems."""
        systems = [system_unit(one) for one in FAR.values()]
        try:
            with closing(Store.to_read(Server(place))) as store, store.read() as reader:
                led = leaders(reader, [LOOP, DUE, *systems])
        except Unavailable:  # nobody has made it as yet
            return False
        calling = {led[one][0] for one in systems if one in led}
        return len(led) == len(systems) + 2 and len(calling) == min(self.workers, len(systems))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePlan:
    """What is measured: so many messages of a size, so often, over which queues, on the PostgreSQL
    at `store` or, without one, on a private server.
    """

    address: str
    messages: int
    repeats: int
    size: int
    quorum: bool
    store: str = ""


def measure_scale(plan: ScalePlan, layouts: Sequence[Layout]) -> Mapping[str, tuple[Run, ...]]:
    """Return the runs of one process, then of each layout, by name. Raises Unavailable, and OSError
    when the broker is not there.
    """
    with ExitStack() as stack:
        server = stack.enter_context(served(plan.store))
        bench = stack.enter_context(desk(plan.address, STATES, quorum=plan.quorum))
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        side = OwnSide(bench.name, plan.address, root, server)
        entrants = [side.entrant(ONE, {ALL: ()})]
        entrants += [side.entrant(one.name, one.processes, one.is_shared) for one in layouts]
        runs: dict[str, list[Run]] = {one.name: [] for one in entrants}
        for _ in range(plan.repeats):
            for one in entrants:
                runs[one.name].append(timed_run(bench, one, plan.messages, plan.size))
    return {name: tuple(made) for name, made in runs.items()}
