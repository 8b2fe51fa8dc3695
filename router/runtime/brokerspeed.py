"""Owns: measuring a route without a record over a real broker beside a bare loop over the same.
Imports: config, infra, runtime; infra.amqp.yardstick has the bare loop.
Never: touches a queue that it did not make; claims a figure of its own: both run in turn, the
median of their ratio counts.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from router.config.project import Project
from router.infra.amqp.yardstick import PREFETCH, bare, desk
from router.infra.secrets import ProcessSecrets
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.runtime.bench import body_of, event_of, texts, timed, written
from router.runtime.clock import SystemClock
from router.runtime.memory import settle_memory
from router.runtime.wiring import Hooks, build_parts, open_exchange

#: where the route sends to, by the state of a note
STATES = ("open", "paid", "gone")
#: the system behind each of them, where each has one of its own
FAR = {state: f"far_{state}" for state in STATES}
#: where the broker of the project that is measured is
REFERENCE = "env:BENCH_BROKER"
#: where the store of one that is recorded is
STORE = "env:BENCH_STORE"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFigures:
    """Messages a second and CPU seconds a thousand messages of this process, one a repeat."""

    route: tuple[float, ...]
    bare: tuple[float, ...]
    route_cpu: tuple[float, ...]
    bare_cpu: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the median of route / bare, repeat by repeat."""
        return statistics.median(a / b for a, b in zip(self.route, self.bare, strict=True))


def measure_broker(address: str, messages: int, repeats: int, *, quorum: bool) -> BrokerFigures:
    """Take notes of 1.2 kB from a queue, publish each to one of three, acknowledge it confirmed.

    The route decodes strictly, holds each against its contract, maps it, holds it against another,
    and three flows look at it. The bare loop decodes, encodes and publishes. Raises Broken, and
    OSError, when the broker is not there.
    """
    routes, bares = [], []
    notes = [(event_of(number), note_of(number)) for number in range(messages)]
    settle_memory()
    with tempfile.TemporaryDirectory() as folder, desk(address, STATES, quorum=quorum) as bench:
        root = Path(folder)
        project = broker_project(root, bench.name)
        for repeat in range(repeats):
            bench.fill(notes)
            with passing(project, address, root / f"{repeat}.db") as step:
                routes.append(timed(messages, partial(_run, step, messages)))
            bench.fill(notes)
            with bare(address, bench.name) as step:
                bares.append(timed(messages, partial(_run, step, messages)))
    return BrokerFigures(
        route=tuple(rate for rate, _ in routes),
        bare=tuple(rate for rate, _ in bares),
        route_cpu=tuple(cpu / 1000 for _, cpu in routes),
        bare_cpu=tuple(cpu / 1000 for _, cpu in bares),
    )


def broker_project(root: Path, name: str, *, recorded: bool = False) -> Project:
    """Write the project that is measured, and return it; `name` is that of its queues.

    One that is recorded keeps identity, journal and outbox on a server, whose address is in STORE,
    and has a system for each queue, so that processes can share them.
    """
    made = {one: text for one, text in texts().items() if "/flows/" not in one}
    del made["routes/systems/far.yaml"]
    made["routes/channels/notes.yaml"] = queue_channel(f"{name}.in", recorded=recorded)
    systems = {state: FAR[state] if recorded else "far" for state in STATES}
    for state, system in systems.items():
        made[f"routes/flows/{state}.yaml"] = f"""flow: {state}
owner: bench
from: {{object: note@1}}
steps:
  - filter: {{if: "=payload.state == '{state}'", else: {{discard: of another state}}}}
  - send: {{operation: {system}.{state}}}
on_failure: patient
"""
    for system in set(systems.values()):
        states = [one for one in STATES if systems[one] == system]
        made[f"routes/systems/{system}.yaml"] = _system(system, states, name)
    places = ", ".join(f'{one}: {{broker: "{REFERENCE}"}}' for one in sorted({*systems.values()}))
    made["routes/environments/bench.yaml"] = f"""environment: bench
store: {{{f'postgresql: "{STORE}"' if recorded else "sqlite: var/x.db"}}}
http: {{host: 127.0.0.1, port: 0}}
systems: {{{places}}}
channels: {{notes: {{broker: "{REFERENCE}"}}}}
"""
    return written(root, made)


def queue_channel(queue: str, *, recorded: bool) -> str:
    """Return the channel that takes notes from a queue."""
    if recorded:
        more = ", object: [note, =body.id], compare: [=body.total]"
        route = "correlation: [note, =body.id]"
    else:
        more, route = "", "record: none\n    guarantee: {loss: none, duplicates: absorbed}"
    return f"""channel: notes
owner: bench
from: {{amqp: {{queue: {queue}, prefetch: {PREFETCH}, format: json}}}}
kind: "='note'"
identity: {{delivery: [=headers."message-id"]{more}}}
routes:
  note:
    accept: inbox/note@1
    {route}
    steps: [{{transform: note}}, {{produce: {{object: note@1}}}}]
otherwise: [{{dead_letter: unknown_kind}}]
on_failure: patient
"""


def _system(system: str, states: Sequence[str], name: str) -> str:
    operations = "".join(
        f"""  {state}:
    accept: note@1
    request: {{publish: {state}, exchange: {name}, contract: note@1}}
    idempotency: {{kind: key, header: message-id}}
    outcome:
      - {{if: "=status == `200`", is: done}}
      - {{if: "=status == `404`", is: refused, code: unroutable}}
      - {{otherwise: retry}}
"""
        for state in states
    )
    head = f"system: {system}\nowner: bench\nadapter: amqp\non_failure: patient\n"
    return f"{head}operations:\n{operations}"


def note_of(number: int) -> bytes:
    """Return a note of 1.2 kB in one of the states."""
    state = STATES[number % len(STATES)]
    return body_of(number).replace(b'"open"', f'"{state}"'.encode(), 1)


def _run(step: Callable[[], int], messages: int) -> None:
    """Step until so many messages are settled."""
    while step() < messages:
        pass


@contextmanager
def passing(project: Project, address: str, path: Path) -> Iterator[Callable[[], int]]:
    """Give what steps the route once, and returns how many messages are settled."""
    store = Store.on(SqliteFile(path), project.revision)
    environment = project.environments["bench"]
    secrets = ProcessSecrets({REFERENCE.removeprefix("env:"): address}, None)
    done = 0

    def called(_operation: str, outcome: str, _seconds: float) -> None:
        nonlocal done
        done += outcome == "done"

    exchange = open_exchange(project, environment, secrets, SystemClock(), called)
    parts = build_parts(project, environment, store, exchange, Hooks(secrets=secrets))
    (intake,) = parts.intakes

    def step() -> int:
        intake.step()
        return done

    try:
        yield step
    finally:
        parts.close()
        store.close()
