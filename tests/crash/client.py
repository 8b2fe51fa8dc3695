"""Owns: a sender as vendors are: keep-alive, and each delivery again until it was taken.
Imports: the standard library.
Never: changes what it sends again; takes anything but 202 for a receipt.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from zlib import crc32

from tests.crash.processes import SECRET, pause
from tests.crash.traffic import SHOP, Webhook

#: seconds between two tries, and for one try
PAUSE = 0.05
TIMEOUT = 10.0
#: answers after which a sender comes again
LATER = (429, 503)


def headers_of(hook: Webhook) -> dict[str, str]:
    """Return the headers of a genuine delivery."""
    digest = hmac.new(SECRET.encode(), hook.body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "x-shopify-topic": hook.kind,
        "x-shopify-event-id": hook.event,
        "x-shopify-shop-domain": SHOP,
        "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
    }


@dataclass(slots=True)
class Sender:
    """Sends from several threads, each with a connection of its own. `accepted` counts 202.

    Deliveries with one key go through one thread: one after the other, each when the one before it
    was confirmed.
    """

    port: int
    threads: int = 16
    #: message ids that the router confirmed
    messages: list[str] = field(default_factory=list)
    #: deliveries in the order in which they were confirmed
    confirmed: list[Webhook] = field(default_factory=list)
    resends: int = 0
    complaints: list[str] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return len(self.messages)

    @property
    def done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def start(self, hooks: Iterable[Webhook]) -> None:
        """Begin to send in the order given."""
        lanes: list[SimpleQueue[Webhook]] = [SimpleQueue() for _ in range(self.threads)]
        for number, hook in enumerate(hooks):
            lanes[(crc32(hook.key.encode()) if hook.key else number) % len(lanes)].put(hook)
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), daemon=True) for lane in lanes
        ]
        for thread in self._threads:
            thread.start()

    def send(self, hooks: Iterable[Webhook]) -> None:
        """Send and wait until all were taken."""
        self.start(hooks)
        for thread in self._threads:
            thread.join()
        assert not self.complaints, self.complaints[:3]

    def _work(self, waiting: SimpleQueue[Webhook]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        while True:
            try:
                hook = waiting.get_nowait()
            except Empty:
                connection.close()
                return
            while not self._taken(connection, hook):
                self.resends += 1
                pause(PAUSE)

    def _taken(self, connection: http.client.HTTPConnection, hook: Webhook) -> bool:
        try:
            connection.request("POST", "/in/shopify", hook.body, headers_of(hook))
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return False
        if answer.status in LATER:
            return False
        if answer.status != 202:
            self.complaints.append(f"{answer.status} {text[:200]!r}")
            return True
        self.confirmed.append(hook)
        self.messages.append(json.loads(text)["messages"][0]["id"])
        return True


def drop(folder: Path, name: str, body: bytes) -> None:
    """Put a file into a folder as careful senders do: written beside, then renamed."""
    beside = folder / f".{name}.part"
    beside.write_bytes(body)
    beside.rename(folder / name)
