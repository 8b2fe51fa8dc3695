"""Owns: requests to a daemon, well formed and otherwise, and what operators ask of it.
Imports: the standard library.
Never: follows a redirect.
"""

from __future__ import annotations

import http.client
import itertools
import json
import signal
import socket
from dataclasses import dataclass
from typing import Any

from tests.crash.client import headers_of
from tests.crash.processes import Landscape, wait_until
from tests.crash.traffic import Webhook

_numbers = itertools.count(1)
#: seconds in which any request must be answered
SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the daemon answered."""

    status: int
    text: bytes

    @property
    def message(self) -> str:
        """The id of the first message that was taken."""
        found = json.loads(self.text)["messages"][0]["id"]
        assert isinstance(found, str)
        return found


def level(**changed: Any) -> bytes:
    """Return the body of a small message that routes."""
    number = next(_numbers)
    body = {
        "inventory_item_id": 1000 + number,
        "location_id": 12,
        "available": 3,
        "updated_at": "2026-03-02T10:15:30Z",
    }
    return json.dumps({**body, **changed}).encode()


def hook(body: bytes, kind: str = "inventory_levels/update") -> Webhook:
    """Return a delivery with an event id of its own."""
    return Webhook(kind, f"call-{next(_numbers)}", body)


def post(
    place: Landscape,
    body: bytes,
    *,
    kind: str = "inventory_levels/update",
    path: str = "/in/shopify",
    verb: str = "POST",
    **headers: str | None,
) -> Reply:
    """Send a signed delivery; a header given as None is left out, `_` is written as `-`."""
    sent: dict[str, str] = headers_of(hook(body, kind))
    for name, value in headers.items():
        sent.pop(name.replace("_", "-"), None)
        if value is not None:
            sent[name.replace("_", "-")] = value
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=SECONDS)
    try:
        connection.request(verb, path, body, sent)
        answer = connection.getresponse()
        return Reply(answer.status, answer.read())
    finally:
        connection.close()


def raw(place: Landscape, data: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes as they are; return what comes back until the daemon closes or says no more."""
    with socket.create_connection(("127.0.0.1", place.port), timeout=SECONDS) as one:
        try:
            one.sendall(data)
            if half_close:
                one.shutdown(socket.SHUT_WR)
            return received(one)
        except (ConnectionResetError, BrokenPipeError):
            return b""


def received(one: socket.socket) -> bytes:
    """Return what a socket gives within a second of silence."""
    one.settimeout(1.0)
    made = b""
    try:
        while part := one.recv(65536):
            made += part
    except TimeoutError:
        return made
    return made


def request_bytes(delivery: Webhook, *, length: int | None = None, more: bytes = b"") -> bytes:
    """Return a request as bytes; `more` are header lines as they are, each with its line end."""
    size = len(delivery.body) if length is None else length
    lines = b"".join(f"{k}: {v}\r\n".encode() for k, v in headers_of(delivery).items())
    head = b"POST /in/shopify HTTP/1.1\r\nhost: x\r\n"
    return head + f"content-length: {size}\r\n".encode() + lines + more + b"\r\n" + delivery.body


def ending_of(place: Landscape, message: str) -> tuple[str, str]:
    """Return the word and the dead letter's reason (or nothing) that a message ended with."""
    sql = "SELECT word FROM journal WHERE message_id = ? AND word NOT IN ('enriched', 'retry')"
    wait_until(lambda: bool(place.query(sql, message)), f"{message} is decided", seconds=SECONDS)
    words = place.query(sql, message)
    assert len(words) == 1, words
    reasons = place.query("SELECT reason FROM dead WHERE message_id = ?", message)
    return words[0][0], reasons[0][0] if reasons else ""


def kept_bytes(place: Landscape, message: str) -> bytes:
    """Return the original bytes that a dead letter points to."""
    rows = place.query(
        "SELECT v.body FROM dead d JOIN deliveries v ON v.id = d.delivery WHERE d.message_id = ?",
        message,
    )
    assert len(rows) == 1
    body = rows[0][0]
    assert isinstance(body, bytes)
    return body


def deliveries(place: Landscape) -> int:
    return int(place.query("SELECT count(*) FROM deliveries")[0][0])


def router(place: Landscape, *words: str) -> str:
    """Run a command that must succeed; return what it prints."""
    done = place.command(*words, "--env", "crash")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def reload(place: Landscape) -> str:
    """Ask the daemon to take up the project; return what it says: `reloaded`, `reload_refused`."""
    assert place.daemon is not None

    def answers() -> list[str]:
        events = [json.loads(line)["event"] for line in place.log().splitlines() if line[:1] == "{"]
        return [one for one in events if one.startswith("reload")]

    before = len(answers())
    place.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: len(answers()) > before, "the reload is answered")
    return answers()[-1]
