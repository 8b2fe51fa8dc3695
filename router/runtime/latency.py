"""Owns: measuring how long a message takes from its last byte to the far side, at a steady rate.
Imports: runtime (bench, brokerspeed, farside, outside); infra.amqp.yardstick for a queue.
Never: lets a slow answer hold the next message up: each leaves at its time.

Sender and far side are this process: one clock, CLOCK_MONOTONIC. The far side is an HTTP server, so
what is measured is more than the router adds: the adapter's request and its way are in it, and the
broker's part where a queue is between. Beside it the same messages go straight from the sender to
the far side.
"""

from __future__ import annotations

import http.client
import queue
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from router.core.errors import Unavailable
from router.runtime.bench import body_of, event_of, sent_note
from router.runtime.brokerspeed import queue_channel
from router.runtime.farside import FarSide, far_side
from router.runtime.outside import Setting, running

#: numbers of notes that are to leave, None behind the last one of a sender
Waiting: TypeAlias = "queue.SimpleQueue[int | None]"
#: sends what waits over a connection of its own, and notes when each left
Send: TypeAlias = Callable[[Waiting, dict[int, float]], None]

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
    messages: int, rate: int, repeats: int, where: Setting | None = None, *, quorum: bool = False
) -> Latency:
    """Send `messages` at `rate` a second through a daemon; over a queue where there is a broker.

    Raises Unavailable, and OSError when the broker is not there.
    """
    through: list[tuple[float, ...]] = []
    straight: list[tuple[float, ...]] = []
    with ExitStack() as stack:
        far = stack.enter_context(far_side())
        way, how = _way(where or Setting(), stack, quorum=quorum)
        daemon = stack.enter_context(running(far.port, how))
        routed = way or partial(_send, daemon.port, "/in/notes")
        numbers = iter(range(10**9))
        _paced([next(numbers) for _ in range(WARM)], rate, routed, far)
        for _ in range(repeats):
            for send, found in ((routed, through), (partial(_send, far.port, "/"), straight)):
                some = [next(numbers) for _ in range(messages)]
                found.append(_paced(some, rate, send, far))
    return Latency(through=tuple(through), straight=tuple(straight))


def _way(where: Setting, stack: ExitStack, *, quorum: bool) -> tuple[Send | None, Setting]:
    """Return what puts messages into a queue, where there is a broker, and the daemon's setting."""
    if not where.broker:
        return None, where
    from router.infra.amqp.yardstick import desk  # noqa: PLC0415 (a library that few need)

    made = stack.enter_context(desk(where.broker, (), quorum=quorum))
    channel = queue_channel(f"{made.name}.in", recorded=True)
    how = replace(where, texts={"routes/channels/notes.yaml": channel})
    return partial(_put, where.broker, made.name), how


def _at(times: Sequence[float], percent: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]


def _paced(numbers: Sequence[int], rate: int, send: Send, far: FarSide) -> tuple[float, ...]:
    """Send notes at their times and return what each took to the far side, in milliseconds."""
    left: dict[int, float] = {}
    waiting: Waiting = queue.SimpleQueue()
    senders = [
        threading.Thread(target=send, args=(waiting, left), name="sender") for _ in range(SENDERS)
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


def _send(port: int, path: str, waiting: Waiting, left: dict[int, float]) -> None:
    """Send what waits over one connection, and note when each left, just before its bytes did."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    take: Callable[[], int | None] = waiting.get
    while (number := take()) is not None:
        headers, body = sent_note(number)
        left[number] = time.perf_counter()
        connection.request("POST", path, body, {**headers, "content-type": "application/json"})
        connection.getresponse().read()
    connection.close()


def _put(address: str, exchange: str, waiting: Waiting, left: dict[int, float]) -> None:
    """Put what waits into a queue, as above; each is confirmed before the next of a sender."""
    from router.infra.amqp.yardstick import posting  # noqa: PLC0415 (a library that few need)

    take: Callable[[], int | None] = waiting.get
    with posting(address, exchange) as post:
        while (number := take()) is not None:
            left[number] = time.perf_counter()
            post(event_of(number), body_of(number))
