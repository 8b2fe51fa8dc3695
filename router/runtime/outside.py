"""Owns: a daemon that is measured from outside: its project, its store, the process.
Imports: runtime.bench, runtime.serverbench; starts `router run`.
Never: leaves a process, a schema or a file behind.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router.core.errors import Unavailable
from router.infra.store.database import Database
from router.infra.store.postgresql import Server
from router.infra.store.sqlite import SqliteFile
from router.runtime.bench import bench_project
from router.runtime.serverbench import schema, served

#: seconds that the start, or the end, may take
PATIENCE = 30.0
_START = "from router.cli.start import start; start()"
_STORE, _BROKER = "ROUTER_BENCH_STORE", "ROUTER_BENCH_BROKER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A running daemon as others see it."""

    port: int
    process: int
    store: Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a daemon works with: a store on PostgreSQL when `server` is asked for or an address is
    given, so many `workers` that call at once, a broker for its channel where that is a queue;
    `texts` take the place of files of the project.
    """

    server: bool = False
    address: str = ""
    broker: str = ""
    texts: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 8


@contextmanager
def running(far: int, how: Setting) -> Iterator[Outside]:
    """Run a daemon over the project that is measured, whose far side listens at a port. Raises
    Unavailable.
    """
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = ""
        if how.server or how.address:
            store = stack.enter_context(schema(stack.enter_context(served(how.address))))
        where = f'{{postgresql: "env:{_STORE}"}}' if store else "{sqlite: var/bench.db}"
        queues = f'channels: {{notes: {{broker: "env:{_BROKER}"}}}}\n' if how.broker else ""
        environment = (
            f"environment: bench\nstore: {where}\nhttp: {{host: 127.0.0.1, port: 0}}\n{queues}"
            f'workers: {how.workers}\nsystems: {{far: {{url: "http://127.0.0.1:{far}"}}}}\n'
        )
        bench_project(root, {**how.texts, "routes/environments/bench.yaml": environment})
        environ = {_STORE: store, _BROKER: how.broker}
        port, process = stack.enter_context(_daemon(root, environ))
        database = Server(store) if store else SqliteFile(root / "var/bench.db")
        yield Outside(port=port, process=process, store=database)


@contextmanager
def _daemon(root: Path, environ: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Run a daemon and give its port and its process."""
    log = root / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 (this very program)
            [sys.executable, "-c", _START, "run", "--env", "bench"],
            cwd=root,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        yield _port_of(process, log), process.pid
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
