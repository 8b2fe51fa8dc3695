"""Owns: one private PostgreSQL server: own folder, own port, for as long as somebody measures.
Imports: the standard library, psycopg.
Never: sees another cluster of the machine; leaves a process or a folder behind.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from router.core.errors import Unavailable

#: seconds that a server may take to start on a machine under load
PATIENCE = 60
#: who runs it for root: the server refuses to be root
ACCOUNT = "postgres"
#: where distributions put the programs of each version
PROGRAMS = Path("/usr/lib/postgresql")
#: ends with who started it, also when that is killed
MORTAL = ("setpriv", "--pdeathsig", "INT")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
}


class Cluster:
    """A server that is running within `running`. Databases are copies of a template."""

    def __init__(self, port: int = 0, **settings: str) -> None:
        """With port 0 a free one is taken. Raises Unavailable when no server is installed."""
        self._programs = _programs()
        #: one that the server's account may enter
        self.folder = Path(tempfile.mkdtemp(prefix="router-postgres-"))
        self.port = port or _free_port()
        self._settings = {**SETTINGS, **settings}
        self._numbers = itertools.count(1)
        self._rest = threading.Event()
        self._server: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[Any]:
        """Make a cluster and run it; it has ended afterwards. Raises Unavailable."""
        try:
            self._prepare()
            self.start()
            yield self
        finally:
            self.stop()
            shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start the server and wait until it answers. Raises Unavailable."""
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 (the server's own program)
                [
                    *MORTAL,
                    *_as_account(),
                    *(self._programs / "postgres", "-D", self.folder / "data"),
                    *("-p", str(self.port), *settings),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._server.poll() is None:
            try:
                self.run("SELECT 1")
            except psycopg.OperationalError:
                self._rest.wait(0.05)
                continue
            return
        raise Unavailable((self.folder / "log").read_text()[-4000:])

    def kill(self) -> None:
        """Kill the server and what it has started, as a power cut would, disk aside."""
        assert self._server is not None
        server = self._server
        server.send_signal(signal.SIGSTOP)  # it starts nobody who would not be known here
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        server.kill()
        server.wait(10)
        for child in map(int, children):
            _kill(child)
        until = time.monotonic() + PATIENCE
        while any(map(_lives, children)) and time.monotonic() < until:
            self._rest.wait(0.01)  # its memory would keep the next server from starting

    def stop(self) -> None:
        """End the server at once, in order."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(2)  # SIGINT: connections are cut, what is committed is there
            try:
                self._server.wait(30)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait(10)

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement and return its rows."""
        with psycopg.connect(self.address(database), autocommit=True, connect_timeout=5) as beside:
            done = beside.execute(statement)
            return done.fetchall() if done.description else []

    def fresh(self, template: str = "template1") -> str:
        """Make a database and return its address."""
        name = f"t{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.address(name)

    def address(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://router:secret@127.0.0.1:{self.port}/{database}"

    def _prepare(self) -> None:
        password = self.folder / "password"
        password.write_text("secret")
        if os.geteuid() == 0:
            for one in (self.folder, password):
                shutil.chown(one, ACCOUNT)
        words: Sequence[str | Path] = [
            *_as_account(),
            *(self._programs / "initdb", "-D", self.folder / "data", "-U", "router"),
            *("-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync"),
        ]
        environ = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        subprocess.run(  # noqa: S603
            words, check=True, capture_output=True, timeout=PATIENCE, env=environ
        )


def _kill(process: int) -> None:
    try:
        os.kill(process, 9)
    except ProcessLookupError:
        return


def _lives(process: str) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _as_account() -> tuple[str, ...]:
    if os.geteuid() != 0:
        return ()
    return ("setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _programs() -> Path:
    """Return the folder of the newest server's programs."""
    found = sorted(PROGRAMS.glob("*/bin/postgres"), key=lambda one: int(one.parts[-3]))
    if not found:
        raise Unavailable("no PostgreSQL server is installed: name one with --store")
    return found[-1].parent
