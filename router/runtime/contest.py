"""Owns: processes that carry notes over the queues of a desk: timed, and killed half way.
Imports: infra.amqp.yardstick, runtime.bench, runtime.brokerspeed; starts the processes.
Never: counts the start of a process; leaves one behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from router.core.errors import Unavailable
from router.infra.amqp.yardstick import Desk
from router.runtime.bench import event_of
from router.runtime.brokerspeed import note_of

#: seconds that the first message may take, from the start of the processes
FIRST = 30.0
#: seconds without anything new after which a run is over
STILL = 10.0
#: the same after a kill: a call that was under way may be waited for, ten seconds and a little,
#: before it is made again
QUIET = 20.0
#: seconds between two looks at the queues
LOOK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What starts a process: which part it has among others, its command, what is added to its
    environment; it starts once `after` holds.
    """

    part: str
    words: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[], bool] = lambda: True


#: lays out afresh what an entrant keeps, and gives what starts its processes over that
Fresh: TypeAlias = Callable[[], AbstractContextManager[Sequence[Start]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """Who is measured."""

    name: str
    fresh: Fresh


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a process took: seconds of CPU a thousand messages, and the most memory in MB."""

    cpu: float
    memory: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: messages a second, and what each process took, by its part."""

    rate: float
    parts: Mapping[str, Part]
    #: whether everything came
    whole: bool

    @property
    def cpu(self) -> float:
        """Return seconds of CPU a thousand messages, of all processes together."""
        return sum(one.cpu for one in self.parts.values())

    @property
    def memory(self) -> float:
        """Return the most memory that all processes had, in MB."""
        return sum(one.memory for one in self.parts.values())


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


def timed_run(desk: Desk, entrant: Entrant, messages: int, size: int) -> Run:
    """Let an entrant carry so many notes, timed from the last look at which none had come.

    Raises Unavailable when a process may not start.
    """
    desk.fill((event_of(one), sized(one, size)) for one in range(messages))
    with entrant.fresh() as starts, _running(starts) as processes:
        begun, before = _begun(desk, processes)
        held = _until(desk, processes, messages)
        seconds, last = time.perf_counter() - begun, _taken(processes)
        thousands = max(held, 1) / 1000
        parts = {
            name: Part(cpu=(last[name] - before[name]) / thousands, memory=_memory(process.pid))
            for name, process in processes.items()
        }
    return Run(rate=held / seconds, parts=parts, whole=held >= messages)


def killed_run(desk: Desk, entrant: Entrant, messages: int, size: int) -> Crash:
    """Kill an entrant when half is done, start it again over what it keeps, look what has come."""
    good = range(messages)
    bad = range(messages, messages + max(1, messages // 100))
    every = [(one, sized(one, size)) for one in good] + [(one, broken(one)) for one in bad]
    step = len(every) // len(bad)
    every.sort(key=lambda one: one[0] if one[0] in good else (one[0] - messages) * step)
    desk.fill((event_of(number), body) for number, body in every)
    with entrant.fresh() as starts:
        with _running(starts) as processes:
            _until(desk, processes, messages // 2, FIRST)
            for one in processes.values():
                one.kill()
        with _running(starts) as processes:
            _until(desk, processes, 2 * messages, FIRST, QUIET)  # until nothing more comes
    return _became(desk.take(), good, bad)


def _became(came: Sequence[tuple[str, bytes]], good: range, bad: range) -> Crash:
    names: dict[int, set[str]] = {}
    numbers: Counter[int] = Counter()
    for name, body in came:
        number = json.loads(body).get("id")
        numbers[number] += 1
        names.setdefault(number, set()).add(name)
    return Crash(
        lost=sum(not numbers[one] for one in good),
        again=sum(max(0, numbers[one] - 1) for one in good),
        renamed=sum(len(found) > 1 or "" in found for found in names.values()),
        passed=sum(numbers[one] > 0 for one in bad),
    )


_Processes: TypeAlias = Mapping[str, "subprocess.Popen[bytes]"]


def _begun(desk: Desk, processes: _Processes) -> tuple[float, dict[str, float]]:
    """Wait for the first message; return when it was last looked in vain, and the CPU by then."""
    rest, since = threading.Event(), time.perf_counter()
    mark = since, _taken(processes)
    while not desk.held() and mark[0] - since < FIRST and not _has_ended(processes):
        mark = time.perf_counter(), _taken(processes)
        rest.wait(LOOK)
    return mark


def _until(
    desk: Desk,
    processes: _Processes,
    wanted: int,
    patience: float = STILL,
    still: float = STILL,
) -> int:
    """Wait until so many messages were published, a process has ended, or nothing has come for
    `still` seconds, at first for `patience`; return how many there are.
    """
    rest = threading.Event()
    held, since = desk.held(), time.perf_counter()
    while held < wanted and time.perf_counter() - since < patience and not _has_ended(processes):
        rest.wait(LOOK)
        now = desk.held()
        if now != held:
            held, since, patience = now, time.perf_counter(), still
    return held


def _has_ended(processes: _Processes) -> bool:
    return any(one.poll() is not None for one in processes.values())


@contextmanager
def _running(starts: Sequence[Start]) -> Iterator[_Processes]:
    with ExitStack() as stack:
        processes: dict[str, subprocess.Popen[bytes]] = {}
        for one in starts:
            _await(one)
            processes[one.part] = stack.enter_context(_process(one))
        yield processes


def _await(start: Start) -> None:
    """Return once a process may start. Raises Unavailable."""
    rest, until = threading.Event(), time.perf_counter() + 2 * FIRST
    while not start.after():
        if time.perf_counter() > until:
            raise Unavailable(f"{start.part}: what comes before it is not ready")
        rest.wait(LOOK)


@contextmanager
def _process(start: Start) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603 (as who is measured says)
        start.words,
        env={**os.environ, **start.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
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


def _taken(processes: _Processes) -> dict[str, float]:
    """Return the seconds of CPU that each process has taken, all its threads together."""
    return {name: _cpu(one.pid) for name, one in processes.items()}


def _cpu(pid: int) -> float:
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
