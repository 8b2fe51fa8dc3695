"""Owns: measuring our route beside other routers: same broker, queues, bodies, work.
Imports: infra.amqp.yardstick, runtime (brokerspeed, contest, ownside, serverbench); starts pip.
Never: imports a peer (each has an environment of its own).

A peer is a folder with `peer.py` and `requirements.txt`. Its program is given the broker's address,
the exchange, and how many messages may be in hand; queues are called as the exchange with a word
behind a dot. It takes from `in` until it is ended, and publishes to `open`, `paid` or `gone`.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from router.core.errors import Unavailable
from router.infra.amqp.yardstick import PREFETCH, desk
from router.runtime.brokerspeed import STATES
from router.runtime.contest import Crash, Entrant, Run, Start, killed_run, timed_run
from router.runtime.ownside import OwnSide
from router.runtime.serverbench import served

#: our own name among the peers'
OURS = "router"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured: so many messages of each of some sizes, so often, over which queues.

    With `record` our route keeps identity, journal and outbox, on the PostgreSQL at `store` or,
    without one, on a private server.
    """

    address: str
    messages: int
    repeats: int
    sizes: tuple[int, ...]
    quorum: bool
    record: bool = False
    store: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was measured, by the name of who carried: ours first."""

    #: by size
    runs: dict[int, dict[str, tuple[Run, ...]]]
    #: with messages of the first size
    crashes: dict[str, Crash] = field(default_factory=dict)
    #: who carries nothing over these queues
    left_out: tuple[str, ...] = ()


def measure_peers(plan: Plan, folder: Path, work: Path, names: Sequence[str]) -> Found:
    """Measure ourselves and the peers of a folder in turn, repeat by repeat; `work` keeps their
    environments. Raises Unavailable, and OSError when the broker is not there.
    """
    with ExitStack() as stack:
        where = stack.enter_context(served(plan.store)) if plan.record else ""
        bench = stack.enter_context(desk(plan.address, STATES, quorum=plan.quorum))
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        entrants = [OwnSide(bench.name, plan.address, root, where).entrant(OURS, {OURS: ()})]
        entrants += [peer(folder / one, bench.name, plan.address, work) for one in names]
        runs: dict[int, dict[str, list[Run]]] = {size: {} for size in plan.sizes}
        away: list[str] = []
        for size, _ in itertools.product(runs, range(plan.repeats)):
            for one in [other for other in entrants if other.name not in away]:
                run = timed_run(bench, one, plan.messages, size)
                if run.rate or any(one.name in by for by in runs.values()):
                    runs[size].setdefault(one.name, []).append(run)
                else:
                    away.append(one.name)
            if OURS in away:
                raise Unavailable("our own route carries nothing over these queues")
        size = plan.sizes[0]
        there = [one for one in entrants if one.name not in away]
        crashes = {one.name: killed_run(bench, one, plan.messages, size) for one in there}
    told = {size: {name: tuple(made) for name, made in by.items()} for size, by in runs.items()}
    return Found(runs=told, crashes=crashes, left_out=tuple(away))


def peers_in(folder: Path) -> list[str]:
    """Return the names of the peers of a folder. Raises Unavailable when there is none."""
    names = sorted(one.parent.name for one in folder.glob("*/peer.py"))
    if not names:
        raise Unavailable(f"no peer in {folder}: each is a folder with peer.py, requirements.txt")
    return names


def peer(folder: Path, name: str, address: str, work: Path) -> Entrant:
    """Return a peer, whose environment is made once. Raises Unavailable when its packages are not
    to be had.
    """
    home = work / folder.name
    python = home / "bin" / "python"
    wanted = folder / "requirements.txt"
    ready = home / "ready"
    if not ready.exists() or ready.read_text() != wanted.read_text():
        for words in (
            [sys.executable, "-m", "venv", str(home)],
            [str(python), "-m", "pip", "install", "--quiet", "-r", str(wanted)],
        ):
            done = subprocess.run(  # noqa: S603 (as the folder says)
                words, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise Unavailable(
                    f"{folder.name} cannot be installed: {done.stderr.strip()[-300:]}"
                )
        ready.write_text(wanted.read_text())
    command = (str(python), str(folder / "peer.py"), address, name, str(PREFETCH))

    @contextmanager
    def fresh() -> Iterator[list[Start]]:
        yield [Start(part=folder.name, words=command)]

    return Entrant(name=folder.name, fresh=fresh)
