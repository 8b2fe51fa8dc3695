"""Two daemons with one limit, counted at the counterpart, while their Redis is killed."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.crash.processes import ROUTER, free_port, wait_until
from tests.live.redis_server import PASSWORD, RedisServer
from tests.unit.operating.conftest import FILES

RATE, BURST = 20, 5
#: notes for each daemon; each is asked about and put
NOTES = 40
LIMITED = FILES["routes/systems/far.yaml"].replace(
    "operations:", f"limits: {{calls: {{rate: {RATE}/s, burst: {BURST}}}}}\noperations:", 1
)
ENVIRONMENT = """
environment: {name}
store: {{sqlite: var/{name}.db}}
http: {{host: 127.0.0.1, port: {port}}}
redis: {{url: "env:REDIS_URL", name: both, share: 50%}}
systems: {{far: {{url: "http://127.0.0.1:{far}", timeout: 5s}}}}
"""


class Counterpart(ThreadingHTTPServer):
    """Keeps notes; knows when it was called, and what was put how often."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[float] = []
        self.put: Counter[int] = Counter()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counterpart

    def do_GET(self) -> None:
        self.server.calls.append(time.monotonic())
        number = int(self.path.rpartition("/")[2])
        self._answer({"id": number, "thing": "x"})

    def do_POST(self) -> None:
        self.server.calls.append(time.monotonic())
        note = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.put[note["id"]] += 1
        self._answer(note)

    def _answer(self, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Daemon:
    """A daemon of one environment, with a store of its own."""

    def __init__(self, root: Path, name: str, far: int, redis: str) -> None:
        self.root, self.name, self.port = root, name, free_port()
        text = ENVIRONMENT.format(name=name, port=self.port, far=far).lstrip()
        (root / "routes" / "environments" / f"{name}.yaml").write_text(text)
        self.environ = {**os.environ, "REDIS_URL": redis}
        self.log = root / f"{name}.log"

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [ROUTER, "run", "--env", self.name],
                cwd=self.root,
                env=self.environ,
                stdout=log,
                stderr=log,
            )

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def give(self, number: int) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/in/notes",
            data=json.dumps({"id": number, "thing": f"t{number}"}).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 202

    def status(self, style: str = "json") -> str:
        done = subprocess.run(
            [ROUTER, "status", "--env", self.name, "--format", style],
            cwd=self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout


@contextmanager
def running(root: Path, redis: str) -> Iterator[tuple[Counterpart, list[Daemon]]]:
    """Run a counterpart and two daemons; all have ended afterwards."""
    for name, text in {**FILES, "routes/systems/far.yaml": LIMITED}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    (root / "routes" / "environments" / "test.yaml").unlink()
    far = Counterpart()
    serving = threading.Thread(target=far.serve_forever, args=(0.05,))
    serving.start()
    daemons = [Daemon(root, name, far.server_port, redis) for name in ("one", "two")]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes += [one.start() for one in daemons]
        wait_until(lambda: all(one.is_ready() for one in daemons), "both are ready", seconds=60)
        yield far, daemons
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
        far.shutdown()
        serving.join()
        far.server_close()


def test_two_daemons_keep_one_limit_whatever_becomes_of_their_redis(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (tmp_path / "redis").mkdir()
    with (
        RedisServer(tmp_path / "redis").running() as server,
        running(root, server.address) as (far, daemons),
    ):
        for number in range(NOTES):
            for at, daemon in enumerate(daemons):
                daemon.give(2 * number + at)
        wait_until(lambda: len(far.calls) > NOTES, "some are done", seconds=60)
        server.kill()
        wait_until(lambda: "redis is away" in daemons[0].status("text"), "it is told", seconds=30)
        before = len(far.calls)
        wait_until(lambda: len(far.calls) > before, "nothing stops", seconds=30)
        server.start()
        wait_until(lambda: far.put.total() >= 2 * NOTES, "all is put", seconds=120)
        states = [json.loads(one.status()) for one in daemons]
        logs = [one.log.read_text() for one in daemons]
    assert sorted(far.put) == list(range(2 * NOTES))
    assert set(far.put.values()) == {1}, "each once"
    assert [one["dead_letters"] for one in states] == [[], []]
    _assert_kept(far.calls)
    assert all(PASSWORD not in one for one in logs)
    assert all(one.count("is not counted on") <= 2 for one in logs), "told once each time"


def _assert_kept(calls: list[float]) -> None:
    """Assert that no span of time has more calls than burst and rate; half a second is how much
    later a call may come to the counterpart than it was let go, on a machine with other work.
    """
    calls = sorted(calls)
    worst = max(
        last - first + 1 - BURST - (calls[last] - calls[first]) * RATE
        for first in range(len(calls))
        for last in range(first, len(calls))
    )
    assert worst <= RATE / 2, worst
