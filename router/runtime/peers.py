"""Owns: measuring a route without a record beside other routers: same broker, queues, bodies, work.
Imports: runtime.brokerspeed, infra.amqp.yardstick; starts processes: `router run` and the peers'.
Never: imports a peer (each has an environment of its own); counts the start of a process.

A peer is a folder with `peer.py` and `requirements.txt`. Its program is given the broker's address,
the exchange, and how many messages may be in hand; queues are called as the exchange with a word
behind a dot. It takes from `in` until it is ended, and publishes to `open`, `paid` or `gone`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from router.core.errors import Unavailable
from router.infra.amqp.yardstick import PREFETCH, Desk, desk
from router.runtime.bench import event_of
from router.runtime.brokerspeed import REFERENCE, STATES, broker_project, note_of

#: our own name among the peers'
OURS = "router"
#: seconds without anything new after which a run is over
STILL = 10.0
#: seconds between two looks at the queues
LOOK = 0.05
#: a run is timed from when this part of it is done
BEGUN = 0.1
_START = "from router.cli.start import start; start()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: messages a second, seconds of CPU a thousand, and the most memory in MB."""

    rate: float
    cpu: float
    memory: float
    #: whether everything came
    whole: bool


@dataclass(frozen=True, slots=True)
class Crash:
    """What became of messages when the process was killed half way: those that did not come, those
    that came again, how many of those that came again had another name, and of those that break the
    contract how many were published all the same.
    """

    lost: int
    again: int
    renamed: int
    passed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What was measured of one of them; `why` nothing was, if so."""

    name: str
    runs: tuple[Run, ...] = ()
    crash: Crash | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured: so many messages of so many bytes, so often, over which queues."""

    address: str
    messages: int
    repeats: int
    size: int
    quorum: bool


def measure_peers(plan: Plan, folder: Path, work: Path, names: Sequence[str]) -> list[Peer]:
    """Measure ourselves and the peers of a folder in turn, repeat by repeat; `work` keeps their
    environments. Raises Unavailable, and OSError when the broker is not there.
    """
    found: dict[str, list[Run]] = {}
    crashes: dict[str, Crash] = {}
    with desk(plan.address, STATES, quorum=plan.quorum) as bench:
        starts = {OURS: ours(bench.name, plan, work)}
        starts |= {one: peer(folder / one, bench.name, plan, work) for one in names}
        for _ in range(plan.repeats):
            for name, start in starts.items():
                found.setdefault(name, []).append(_run(bench, start, plan))
        for name, start in starts.items():
            crashes[name] = _crash(bench, start, plan)
    return [_told(name, runs, crashes[name]) for name, runs in found.items()]


def peers_in(folder: Path) -> list[str]:
    """Return the names of the peers of a folder. Raises Unavailable when there is none."""
    names = sorted(one.parent.name for one in folder.glob("*/peer.py"))
    if not names:
        raise Unavailable(f"no peer in {folder}: each is a folder with peer.py, requirements.txt")
    return names


def ours(name: str, plan: Plan, work: Path) -> Callable[[], list[str]]:
    """Return what gives the command that runs our route over a desk's queues."""
    root = work / OURS
    root.mkdir(parents=True, exist_ok=True)
    broker_project(root, name)
    os.environ[REFERENCE.removeprefix("env:")] = plan.address
    words = ["run", "--env", "bench", "--project", str(root)]

    def start() -> list[str]:
        for one in (root / "var").glob("*"):
            one.unlink()
        return [sys.executable, "-c", _START, *words]

    return start


def peer(folder: Path, name: str, plan: Plan, work: Path) -> Callable[[], list[str]]:
    """Return what gives the command of a peer, whose environment is made once. Raises Unavailable
    when its packages are not to be had.
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
    command = [str(python), str(folder / "peer.py"), plan.address, name, str(PREFETCH)]
    return lambda: list(command)


def sized(number: int, size: int) -> bytes:
    """Return a note of about `size` bytes: lines fill the larger ones."""
    note = json.loads(note_of(number)) | {"remark": ""}
    line = {"code": "c1", "price": "9.95"}
    room = size - len(json.dumps(note | {"lines": [line]}))
    note["lines"] = [line] * (1 + max(0, room // 2) // (len(json.dumps(line)) + 2))
    note["remark"] = "x" * max(0, size - len(json.dumps(note)))
    return json.dumps(note).encode()


def broken(number: int) -> bytes:
    """Return a note that breaks its contract: it has no total."""
    note = json.loads(note_of(number))
    del note["total"]
    return json.dumps(note).encode()


def _run(bench: Desk, start: Callable[[], list[str]], plan: Plan) -> Run:
    """Let a process carry all messages, timed between two of its moments."""
    bench.fill((event_of(one), sized(one, plan.size)) for one in range(plan.messages))
    with _running(start()) as process:
        begun = _until(bench, process, int(plan.messages * BEGUN))
        first = (time.perf_counter(), begun, _cpu(process.pid))
        held = _until(bench, process, plan.messages)
        last = (time.perf_counter(), held, _cpu(process.pid))
        memory = _memory(process.pid)
    seconds, carried, cpu = (b - a for a, b in zip(first, last, strict=True))
    return Run(
        rate=carried / seconds if carried else 0.0,
        cpu=cpu / carried * 1000 if carried else 0.0,
        memory=memory,
        whole=held >= plan.messages,
    )


def _crash(bench: Desk, start: Callable[[], list[str]], plan: Plan) -> Crash:
    """Kill the process when half is done, start it again, and look at what has come."""
    good = range(plan.messages)
    bad = range(plan.messages, plan.messages + max(1, plan.messages // 100))
    every = [(one, sized(one, plan.size)) for one in good] + [(one, broken(one)) for one in bad]
    step = len(every) // len(bad)
    every.sort(key=lambda one: one[0] if one[0] in good else (one[0] - plan.messages) * step)
    bench.fill((event_of(number), body) for number, body in every)
    with _running(start()) as process:
        _until(bench, process, plan.messages // 2)
        process.kill()
        process.wait()
    with _running(start()) as process:
        _until(bench, process, plan.messages + plan.messages)  # until nothing more comes
    came = bench.take()
    numbers = Counter(json.loads(body).get("id") for _, body in came)
    names: dict[int, set[str]] = {}
    for name, body in came:
        names.setdefault(json.loads(body).get("id"), set()).add(name)
    return Crash(
        lost=sum(not numbers[one] for one in good),
        again=sum(max(0, numbers[one] - 1) for one in good),
        renamed=sum(len(found) > 1 or "" in found for found in names.values()),
        passed=sum(numbers[one] > 0 for one in bad),
    )


def _until(bench: Desk, process: subprocess.Popen[bytes], wanted: int) -> int:
    """Wait until so many messages were published, or nothing has come for a while; return how many
    there are.
    """
    held, since = bench.held(), time.perf_counter()
    while held < wanted and process.poll() is None and time.perf_counter() - since < STILL:
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK)
        now = bench.held()
        if now != held:
            held, since = now, time.perf_counter()
    return held


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603 (as the folder says)
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has taken, all its threads together."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    """Return the most memory that a process has had, in MB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(one.split()[1]) / 1024 for one in lines if one.startswith("VmHWM")), 0.0)


def _told(name: str, runs: list[Run], crash: Crash) -> Peer:
    if any(one.rate for one in runs):
        return Peer(name=name, runs=tuple(runs), crash=crash)
    return Peer(name=name, why="it carries nothing over these queues")
