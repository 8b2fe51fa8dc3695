"""Owns: sending a sandbox's events to their receivers, each again until it was taken.
Imports: api.guard, config.sandbox, infra.codecs, runtime.sandbox.
Never: loses an event while it runs; keeps one over its end (it is a stand-in).
"""

from __future__ import annotations

import heapq
import http.client
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import urlsplit

from router.api.guard import headers_for
from router.config.sandbox import Receiver
from router.core.ports import Clock, Secrets
from router.infra.codecs import encode_json
from router.runtime.sandbox import Outgoing

#: seconds for one try; between two tries, doubled each time up to the longest
TIMEOUT = 10.0
PAUSE, LONGEST_PAUSE = 0.1, 5.0

#: when, which (so that equal times keep their order), how often tried, what
_Waiting: TypeAlias = tuple[float, int, int, Outgoing]


class Events:
    """Sends events from a thread of its own, in the order of their times. Safe for many threads."""

    def __init__(self, receivers: Mapping[str, Receiver], secrets: Secrets, clock: Clock) -> None:
        self._receivers = receivers
        self._secrets = secrets
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._counts = {"sent": 0, "tries": 0, "taken": 0}
        self._connections: dict[str, http.client.HTTPConnection] = {}
        threading.Thread(target=self._work, name="events", daemon=True).start()

    def send(self, events: Iterable[Outgoing]) -> None:
        """Let events go when their time has come."""
        with self._changed:
            for event in events:
                self._counts["sent"] += 1
                due = time.monotonic() + event.delay
                heapq.heappush(self._waiting, (due, self._counts["sent"], 0, event))
            self._changed.notify()

    def counts(self) -> dict[str, int]:
        """Return how many were sent (a double is two), tried and taken, and how many wait."""
        with self._changed:
            return {**self._counts, "waiting": self._counts["sent"] - self._counts["taken"]}

    def _work(self) -> None:
        while True:
            due, number, tries, event = self._next()
            taken = self._taken(event)
            with self._changed:
                self._counts["tries"] += 1
                if taken:
                    self._counts["taken"] += 1
                    continue
                due = time.monotonic() + min(PAUSE * 2**tries, LONGEST_PAUSE)
                heapq.heappush(self._waiting, (due, number, min(tries + 1, 10), event))

    def _next(self) -> _Waiting:
        """Wait for the next event whose time has come."""
        with self._changed:
            while True:
                ahead = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if ahead is not None and ahead <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(ahead)

    def _taken(self, event: Outgoing) -> bool:
        """Send once; True when it was taken."""
        receiver = self._receivers[event.to]
        url = urlsplit(receiver.url)
        body = encode_json(event.body)
        connection = self._connections.get(event.to)
        if connection is None:
            kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
            connection = kind[url.scheme](url.netloc, timeout=TIMEOUT)
            self._connections[event.to] = connection
        try:
            connection.request("POST", url.path or "/", body, self._headers(event, receiver, body))
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return False
        return 200 <= answer.status < 300

    def _headers(self, event: Outgoing, receiver: Receiver, body: bytes) -> dict[str, str]:
        headers = {"content-type": "application/json", **event.headers}
        scheme = receiver.sign
        if scheme is not None:
            headers |= headers_for(scheme, body, headers, self._clock.now(), self._secrets)
        return headers
