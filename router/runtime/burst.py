"""Owns: measuring a burst into a slow system: what waits, how long, in what order it goes on.
Imports: runtime.bench, runtime.farside, runtime.outside, infra.store to look on.
Never: calls a burst over before everything has arrived.

Calm, then many times as much for a while, then calm again until no more waits than before. The
system takes four times the calm rate, and no more. Messages have one of a few order keys; those of
one key are sent one after the other, so their order is known.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from router.core.errors import Unavailable
from router.infra.store.store import Store
from router.runtime import bench
from router.runtime.bench import sent_note
from router.runtime.clock import SystemClock
from router.runtime.farside import FarSide, far_side
from router.runtime.outside import Outside, Setting, running

#: calls at once, order keys, connections of senders
WORKERS, KEYS, SENDERS = 8, 64, 8
#: what the system takes, in calm rates
TAKES = 4
#: part of the burst's time that it is calm before
CALM = 0.25
#: seconds between two looks
LOOK = 0.25
#: how many times as long as the calm rate would take for what waits it may take
PATIENCE = 3
#: seconds that a message may take when nothing waits
PROMPT = 30.0
_CHANNEL = "routes/channels/notes.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen at a time (`time.perf_counter`)."""

    at: float
    waiting: int
    #: seconds since the oldest that waits came in
    age: float
    #: bytes that the process holds
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What a burst came to. Times in seconds, memory in bytes."""

    sent: int
    lost: int
    doubled: int
    #: notes that came behind a later one of their key
    disordered: int
    #: messages a second that the system takes
    takes: float
    calm: tuple[Look, ...]
    #: from the burst's beginning on
    after: tuple[Look, ...]
    #: from the burst's end until no more waited than before
    recovery: float
    #: what the system alone needs for what waited at the burst's end, beside what comes in
    least: float

    @property
    def is_sound(self) -> bool:
        """Return whether each message came once, and none behind a later one of its key."""
        return not (self.lost or self.doubled or self.disordered or self.left)

    @property
    def left(self) -> int:
        """Return how many messages still wait."""
        return self.after[-1].waiting

    @property
    def looks(self) -> tuple[Look, ...]:
        """Return all that was seen, in order."""
        return self.calm + self.after

    @property
    def waiting(self) -> int:
        """Return how many messages waited at most."""
        return max(one.waiting for one in self.after)

    @property
    def memory(self) -> tuple[int, int, int]:
        """Return what the process held before, at most, and at last."""
        held = [one.memory for one in self.after]
        return max(one.memory for one in self.calm), max(held), held[-1]

    @property
    def age(self) -> tuple[float, float]:
        """Return how long the oldest message waited at most, and at last."""
        return max(one.age for one in self.after), self.after[-1].age


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """What was done when: `begun` is the first look of the burst, the others are times."""

    sent: int
    begun: int
    ended: float
    #: messages that waited at the burst's end beyond what waits when it is over
    above: int
    recovered: float


def measure_burst(
    rate: int, times: int, seconds: int, *, server: bool = False, address: str = ""
) -> Burst:
    """Send `rate` a second, `times` as much for some seconds, and `rate` again until that is over.

    Raises Unavailable.
    """
    takes = TAKES * rate
    how = Setting(server=server, address=address, texts=_ordered(), workers=WORKERS)
    with (
        far_side(WORKERS / takes) as far,
        running(far.port, how) as daemon,
        closing(_Watch(daemon)) as watch,
    ):
        course = _play(watch, daemon.port, rate, rate * times, seconds)
        _all_there(far, course.sent, watch)
        return Burst(
            sent=course.sent,
            lost=course.sent - len(far.came),
            doubled=len(far.notes) - len(far.came),
            disordered=_disordered(far),
            takes=takes,
            calm=tuple(watch.looks[: course.begun]),
            after=tuple(watch.looks[course.begun :]),
            recovery=course.recovered - course.ended,
            least=course.above / (takes - rate),
        )


def _ordered() -> dict[str, str]:
    """Return the texts of a project whose messages have order keys."""
    text = bench.texts()[_CHANNEL]
    key = "    order_by: [person, \"=needed(body.person.id, 'whose it is')\"]\n"
    return {_CHANNEL: text.replace("    steps:", f"{key}    steps:")}


def _keyed(number: int) -> tuple[dict[str, str], bytes]:
    """Return a note with one of a few keys."""
    headers, body = sent_note(number)
    note = json.loads(body)
    note["person"]["id"] = f"k{number % KEYS}"
    return headers, json.dumps(note).encode()


def _disordered(far: FarSide) -> int:
    """Return how many notes came behind a later one of their key."""
    newest: dict[str, int] = {}
    found = 0
    for note in far.notes:
        found += note["id"] < newest.get(note["who"], -1)
        newest[note["who"]] = max(note["id"], newest.get(note["who"], -1))
    return found


def _play(watch: _Watch, port: int, rate: int, much: int, seconds: int) -> _Course:
    """Send calmly, much for some seconds, and calmly again until that is over."""
    with watch.looking(), _Senders(port) as senders:
        senders.send_for(CALM * seconds, rate)
        begun = watch.mark()
        senders.send_for(seconds, much)
        ended, waiting = time.perf_counter(), watch.looks[watch.mark()].waiting
        bound = max(one.waiting for one in watch.looks[: begun + 1]) + WORKERS
        until = ended + PATIENCE * waiting / rate + PROMPT
        while watch.looks[watch.mark()].waiting > bound:
            if time.perf_counter() > until:
                raise Unavailable(f"{watch.looks[-1].waiting} messages still wait")
            senders.send_for(LOOK, rate)
        recovered = time.perf_counter()
        sent = senders.finish()
    above = max(0, waiting - bound)
    return _Course(sent=sent, begun=begun, ended=ended, above=above, recovered=recovered)


def _all_there(far: FarSide, sent: int, watch: _Watch) -> None:
    """Return when everything has come and nothing waits, or when it has had its time."""
    until = time.perf_counter() + PROMPT
    with far.bell:
        far.bell.wait_for(lambda: len(far.came) >= sent, PROMPT)
    rest = threading.Event()
    while watch.looks[watch.mark()].waiting and time.perf_counter() < until:
        rest.wait(LOOK)


class _Watch:
    """Looks, again and again, what waits and what the process holds."""

    def __init__(self, daemon: Outside) -> None:
        self._store = Store.to_read(daemon.store)
        self._status = Path(f"/proc/{daemon.process}/status")
        self._clock = SystemClock()
        self._looking = threading.Lock()
        self._ending = threading.Event()
        self.looks: list[Look] = []

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look regularly; once more is looked when it is over."""
        thread = threading.Thread(target=self._look_on, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def mark(self) -> int:
        """Look now, and return the place of this look among all."""
        with self._looking:
            self.looks.append(self._look())
            return len(self.looks) - 1

    def _look_on(self) -> None:
        while not self._ending.wait(LOOK):
            self.mark()

    def _look(self) -> Look:
        with self._store.read() as reader:
            backlog = [one for one in reader.backlog() if one.place != "dead"]
        since = min((one.since for one in backlog), default=None)
        age = 0.0 if since is None else (self._clock.now() - since).total_seconds()
        return Look(
            at=time.perf_counter(),
            waiting=sum(one.messages for one in backlog),
            age=max(0.0, age),
            memory=self._memory(),
        )

    def _memory(self) -> int:
        held = next(one for one in self._status.read_text().splitlines() if "VmRSS" in one)
        return int(held.split()[1]) * 1024


class _Senders:
    """Send notes at their times, over some connections; one of them has all notes of a key."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._waiting = [queue.SimpleQueue[int | None]() for _ in range(SENDERS)]
        self._threads = [
            threading.Thread(target=self._send, args=(one,), name="sender", daemon=True)
            for one in self._waiting
        ]
        self._rest = threading.Event()
        self.sent = 0

    def __enter__(self) -> Self:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def send_for(self, seconds: float, rate: int) -> None:
        """Send so many a second, for some seconds."""
        begun = time.perf_counter()
        for place in range(round(seconds * rate)):
            self._rest.wait(max(0.0, begun + place / rate - time.perf_counter()))
            self._waiting[self.sent % KEYS % SENDERS].put(self.sent)
            self.sent += 1
        self._rest.wait(max(0.0, begun + seconds - time.perf_counter()))

    def finish(self) -> int:
        """Return how many were sent, once all of them are taken."""
        for one in self._waiting:
            one.put(None)
        for thread in self._threads:
            thread.join()
        return self.sent

    def _send(self, waiting: queue.SimpleQueue[int | None]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PROMPT)
        while (number := waiting.get()) is not None:
            headers, body = _keyed(number)
            headers["content-type"] = "application/json"
            while True:  # one that is not taken is sent again, before the next of its key
                connection.request("POST", "/in/notes", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status < 300:
                    break
                self._rest.wait(LOOK)
        connection.close()
