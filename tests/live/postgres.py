"""Owns: one private PostgreSQL server: own port, folder, no user of the machine's.
Imports: nothing of the router.
Never: leaves a process behind; sees the machine's own cluster.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.crash.processes import free_port
from tests.live.broker import MORTAL
from tests.live.conftest import absent

#: seconds that a server may take to start on a machine under load
PATIENCE = 60
#: who runs it when the tests are root: the server refuses to be root
ACCOUNT = "postgres"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
}


class Postgres:
    """A running server. Databases are made from a template that is as the caller left it."""

    def __init__(self) -> None:
        #: one that the server's account may enter: pytest closes its own to it, again and again
        self.folder = Path(tempfile.mkdtemp(prefix="router-postgres-"))
        self.port = free_port()
        self._programs = _programs()
        self._numbers = itertools.count(1)
        self._rest = threading.Event()
        self._server: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[Postgres]:
        """Make a cluster and run it; it has ended afterwards."""
        try:
            self._prepare()
            self.start()
            yield self
        finally:
            self.stop()
            shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = (self.folder / "log").open("ab")
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        self._server = subprocess.Popen(
            [
                *MORTAL,
                *_as_account(),
                self._programs / "postgres",
                *("-D", self.folder / "data", "-p", str(self.port), *settings),
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._server.poll() is None:
            try:
                self.run("SELECT 1")
            except psycopg.OperationalError:
                self._rest.wait(0.05)
                continue
            return
        raise AssertionError((self.folder / "log").read_text()[-4000:])

    def kill(self) -> None:
        """Kill the server and what it has started, as a power cut would, disk aside."""
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text()
        self._server.kill()
        self._server.wait(10)
        for child in map(int, children.split()):
            _kill(child)

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
            done = beside.execute(statement)  # type: ignore[call-overload]
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
        subprocess.run(
            [
                *_as_account(),
                *(self._programs / "initdb", "-D", self.folder / "data", "-U", "router"),
                *("-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            timeout=PATIENCE,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )


def _kill(process: int) -> None:
    try:
        os.kill(process, 9)
    except ProcessLookupError:
        return


def _as_account() -> tuple[str, ...]:
    if os.geteuid() != 0:
        return ()
    return ("setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups")


def _programs() -> Path:
    """Return the folder of the newest server's programs."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda one: int(one.parts[-3])
    )
    if not found:
        absent("postgresql")
    return found[-1].parent
