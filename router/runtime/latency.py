"""Owns: measuring how long a message takes from its last byte to the far side, at a steady rate.
Imports: runtime.bench, runtime.farside, runtime.outside.
Never: lets a slow answer hold the next message up: each leaves at its time.

Sender and far side are this process: one clock, CLOCK_MONOTONIC. The far side is an HTTP server, so
what is measured is more than the router adds: the adapter's request and its way are in it. Beside
it the same messages go straight from the sender to the far side.
"""

from __future__ import annotations

import http.client
import queue
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from router.core.errors import Unavailable
from router.runtime.bench import sent_note
from router.runtime.farside import FarSide, far_side
from router.runtime.outside import running

#: connections of the sender, as several senders have
SENDERS = 8
#: seconds that a message may take
PATIENCE = 30.0
#: messages before those that are measured: everything is loaded and warm then
WARM = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds a message, one list a repeat: through the router, and straight."""

    through: tuple[tuple[float, ...], ...]
    straight: tuple[tuple[float, ...], ...]

    def at(self, percent: int) -> tuple[float, float]:
        """Return the medians over the repeats of a percentile: through the router, straight."""
        both = (self.through, self.straight)
        through, straight = (statistics.median(_at(one, percent) for one in runs) for runs in both)
        return through, straight


def measure_latency(
    messages: int, rate: int, repeats: int, *, server: bool = False, address: str = ""
) -> Latency:
    """Send `messages` at `rate` a second through a daemon; on PostgreSQL when `server` is asked
    for or an address is given. Raises Unavailable.
    """
    through: list[tuple[float, ...]] = []
    straight: list[tuple[float, ...]] = []
    with far_side() as far, running(far.port, server=server, address=address) as daemon:
        numbers = iter(range(10**9))
        _paced([next(numbers) for _ in range(WARM)], rate, daemon.port, "/in/notes", far)
        for _ in range(repeats):
            for where, path, found in (
                (daemon.port, "/in/notes", through), (far.port, "/", straight),
            ):  # fmt: skip
                some = [next(numbers) for _ in range(messages)]
                found.append(_paced(some, rate, where, path, far))
    return Latency(through=tuple(through), straight=tuple(straight))


def _at(times: Sequence[float], percent: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]


def _paced(
    numbers: Sequence[int], rate: int, port: int, path: str, far: FarSide
) -> tuple[float, ...]:
    """Send notes at their times and return what each took to the far side, in milliseconds."""
    left: dict[int, float] = {}
    waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    senders = [
        threading.Thread(target=_send, args=(waiting, port, path, left), name="sender")
        for _ in range(SENDERS)
    ]
    for one in senders:
        one.start()
    rest, begun = threading.Event(), time.perf_counter()
    for place, number in enumerate(numbers):
        rest.wait(max(0.0, begun + place / rate - time.perf_counter()))
        waiting.put(number)
    for _ in senders:
        waiting.put(None)
    for one in senders:
        one.join()
    return _taken(numbers, left, far)


def _taken(numbers: Sequence[int], left: Mapping[int, float], far: FarSide) -> tuple[float, ...]:
    def all_came() -> bool:
        return all(one in far.came for one in numbers)

    with far.bell:
        if not all_came() and not far.bell.wait_for(all_came, PATIENCE):
            missing = sum(one not in far.came for one in numbers)
            raise Unavailable(f"{missing} of {len(numbers)} messages did not reach the far side")
        return tuple((far.came[one] - left[one]) * 1000 for one in numbers)


def _send(
    waiting: queue.SimpleQueue[int | None], port: int, path: str, left: dict[int, float]
) -> None:
    """Send what waits over one connection, and note when each left, just before its bytes did."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    take: Callable[[], int | None] = waiting.get
    while (number := take()) is not None:
        headers, body = sent_note(number)
        left[number] = time.perf_counter()
        connection.request("POST", path, body, {**headers, "content-type": "application/json"})
        connection.getresponse().read()
    connection.close()
