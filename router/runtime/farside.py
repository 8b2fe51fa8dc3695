"""Owns: the far side of what is measured from outside: an HTTP server that notes what came when.
Imports: the standard library.
Never: refuses a note; forgets one.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FarSide(ThreadingHTTPServer):
    """Takes notes, each with its number; answers after `pause` seconds."""

    daemon_threads = True

    def __init__(self, pause: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.port = int(self.server_address[1])
        self.pause = pause
        #: when each note came first, by its number (`time.perf_counter`)
        self.came: dict[int, float] = {}
        #: every note in the order of coming, a repeat as well
        self.notes: list[dict[str, Any]] = []
        #: rung for each that comes; held while one is noted
        self.bell = threading.Condition()
        self.resting = threading.Event()

    def note(self, note: dict[str, Any], at: float) -> None:
        """Note what came."""
        with self.bell:
            self.came.setdefault(note["id"], at)
            self.notes.append(note)
            self.bell.notify_all()


class _Taking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        at = time.perf_counter()
        far = self.server
        assert isinstance(far, FarSide), "its server is ours"
        far.note(json.loads(self.rfile.read(int(self.headers["content-length"]))), at)
        if far.pause:
            far.resting.wait(far.pause)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        pass


@contextmanager
def far_side(pause: float = 0.0) -> Iterator[FarSide]:
    """Run a far side; each answer takes `pause` seconds."""
    far = FarSide(pause)
    thread = threading.Thread(target=far.serve_forever, name="far", daemon=True)
    thread.start()
    try:
        yield far
    finally:
        far.resting.set()
        far.shutdown()
        thread.join()
        far.server_close()
