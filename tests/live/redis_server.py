"""Owns: one private Redis server: own port, folder, password; nothing of it outlives it.
Imports: nothing of the router.
Never: leaves a process behind; sees the machine's own server.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.crash.processes import free_port
from tests.live.broker import MORTAL
from tests.live.conftest import absent

#: seconds that a server may take to start on a machine under load
PATIENCE = 30
PASSWORD = "a-secret-of-the-tests"


class RedisServer:
    """A running server without a file: a restart finds it empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._program = shutil.which("redis-server")
        self._rest = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        #: with a certificate it is spoken to by TLS
        self.certificate: Path | None = None
        if self._program is None:
            absent("redis-server")

    @property
    def address(self) -> str:
        """Return its address, with the password."""
        if self.certificate is not None:
            end = f"?ssl_ca_certs={self.certificate}"
            return f"rediss://:{PASSWORD}@127.0.0.1:{self.port}/0{end}"
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    @contextmanager
    def running(self) -> Iterator[RedisServer]:
        """Run the server; it has ended afterwards."""
        try:
            self.start()
            yield self
        finally:
            if self._process is not None and self._process.poll() is None:
                self.kill()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(*MORTAL, str(self._program), "--bind", "127.0.0.1", "--dir", self.folder),
                    *("--save", "", "--appendonly", "no", "--requirepass", PASSWORD),
                    *self._listening(),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._process.poll() is None:
            try:
                self.ask("PING")
            except redis.RedisError:
                self._rest.wait(0.02)
                continue
            return
        raise AssertionError((self.folder / "log").read_text()[-4000:])

    def kill(self) -> None:
        """Kill the server as the machine would: what it knew is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def ask(self, *words: str | int) -> object:
        """Ask the server over a connection of its own."""
        client = redis.Redis.from_url(
            self.address, socket_timeout=5, retry=Retry(NoBackoff(), 0), protocol=2
        )
        try:
            return client.execute_command(*words)
        finally:
            client.close()

    def with_certificate(self) -> RedisServer:
        """Speak TLS from the next start on, by a certificate of its own."""
        key, self.certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-keyout", key, "-out", self.certificate, "-subj", "/CN=127.0.0.1"),
                *("-addext", "subjectAltName=IP:127.0.0.1"),
            ],
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )
        return self

    def _listening(self) -> list[str | Path]:
        if self.certificate is None:
            return ["--port", str(self.port)]
        return [
            *("--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"),
            *("--tls-cert-file", self.certificate, "--tls-key-file", self.folder / "key.pem"),
        ]
