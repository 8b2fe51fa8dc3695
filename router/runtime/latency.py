"""Owns: measuring how long a message takes from its last byte to the far side, at a steady rate.
Imports: config, runtime.bench, runtime.serverbench; starts `router run`.
Never: lets a slow answer hold the next message up: each leaves at its time.

Sender and far side are this process: one clock, CLOCK_MONOTONIC. The far side is an HTTP server, so
what is measured is more than the router adds: the adapter's request and its way are in it. Beside
it the same messages go straight from the sender to the far side.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from router.core.errors import Unavailable
from router.runtime.bench import bench_project, sent_note
from router.runtime.serverbench import schema, served

#: connections of the sender, as several senders have
SENDERS = 8
#: seconds that a message, or the start, may take
PATIENCE = 30.0
#: messages before those that are measured: everything is loaded and warm then
WARM = 100
_START = "from router.cli.start import start; start()"
_STORE = "ROUTER_BENCH_STORE"


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
    with ExitStack() as stack:
        far = stack.enter_context(_far_side())
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = ""
        if server or address:
            store = stack.enter_context(schema(stack.enter_context(served(address))))
        _write(root, far.port, on_server=bool(store))
        port = stack.enter_context(_daemon(root, store))
        numbers = iter(range(10**9))
        _paced([next(numbers) for _ in range(WARM)], rate, port, "/in/notes", far)
        for _ in range(repeats):
            for where, path, found in ((port, "/in/notes", through), (far.port, "/", straight)):
                some = [next(numbers) for _ in range(messages)]
                found.append(_paced(some, rate, where, path, far))
    return Latency(through=tuple(through), straight=tuple(straight))


def _at(times: Sequence[float], percent: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]


class _Far(ThreadingHTTPServer):
    """The far side: notes when each note came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.port = int(self.server_address[1])
        self.came: dict[int, float] = {}
        self.bell = threading.Condition()


class _Taking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        at = time.perf_counter()
        note = json.loads(self.rfile.read(int(self.headers["content-length"])))
        far = self.server
        assert isinstance(far, _Far), "its server is ours"
        with far.bell:
            far.came.setdefault(note["id"], at)
            far.bell.notify_all()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        pass


@contextmanager
def _far_side() -> Iterator[_Far]:
    far = _Far()
    thread = threading.Thread(target=far.serve_forever, name="far", daemon=True)
    thread.start()
    try:
        yield far
    finally:
        far.shutdown()
        thread.join()
        far.server_close()


def _write(root: Path, far: int, *, on_server: bool) -> None:
    """Write the project that is measured, and where its daemon is to be."""
    bench_project(root)
    store = f'{{postgresql: "env:{_STORE}"}}' if on_server else "{sqlite: var/bench.db}"
    (root / "routes/environments/bench.yaml").write_text(
        f"environment: bench\nstore: {store}\nhttp: {{host: 127.0.0.1, port: 0}}\n"
        f'systems: {{far: {{url: "http://127.0.0.1:{far}"}}}}\n'
    )


@contextmanager
def _daemon(root: Path, store: str) -> Iterator[int]:
    """Run a daemon and give its port."""
    log = root / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 (this very program)
            [sys.executable, "-c", _START, "run", "--env", "bench"],
            cwd=root,
            env={**os.environ, _STORE: store},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        yield _port_of(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port_of(process: subprocess.Popen[bytes], log: Path) -> int:
    """Return where a daemon listens, once it does. Raises Unavailable."""
    rest = threading.Event()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text().splitlines():
            port = int(json.loads(line)["http"].rpartition(":")[2]) if '"started"' in line else 0
            if port and _answers(port):
                return port
        rest.wait(0.05)
    raise Unavailable(f"the daemon does not start: {log.read_text()[-2000:]}")


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _paced(numbers: Sequence[int], rate: int, port: int, path: str, far: _Far) -> tuple[float, ...]:
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


def _taken(numbers: Sequence[int], left: Mapping[int, float], far: _Far) -> tuple[float, ...]:
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
