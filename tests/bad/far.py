"""Owns: a ledger over HTTP on a free port that answers as told, with or without an effect.
Imports: the standard library.
Never: listens on another address than the loopback.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

#: answers one request: the handler has its headers and its body is read
Way: TypeAlias = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request to the ledger; `server.far` is the ledger."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        """Take a document, or do what the script says first."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.server.far.posted(self, body)

    def do_GET(self) -> None:
        """Answer a look-up, or do what the script says first."""
        self.server.far.asked(self)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Knows its ledger; a connection that is cut is no news."""

    daemon_threads = True
    far: Ledger

    def handle_error(self, *_: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Played:
    """What the ledger does with a document: takes it or not, then answers in a way."""

    way: Way
    takes: bool = False


class Ledger:
    """Takes documents under any reference, as often as they come. Closed at the end of a test."""

    def __init__(self, certificate: Path | None = None) -> None:
        #: what comes of the next documents and look-ups; without a script all goes well
        self.script: list[Played] = []
        self.lookups: list[Way] = []
        self.journals: list[dict[str, Any]] = []
        #: requests of any kind
        self.requests = 0
        #: set when the test is over: an answer that never comes waits for it
        self.over = threading.Event()
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.far = self
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the address of the ledger."""
        return f"{self.scheme}://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def posted(self, handler: Handler, body: bytes) -> None:
        """Take a document by the script."""
        self.requests += 1
        played = self.script.pop(0) if self.script else Played(self._taken, takes=True)
        if played.takes:
            self.journals.append(json.loads(body))
        played.way(handler)

    def asked(self, handler: Handler) -> None:
        """Answer a look-up by the script."""
        self.requests += 1
        if self.lookups:
            self.lookups.pop(0)(handler)
            return
        wanted = parse_qs(urlsplit(handler.path).query).get("reference", [""])[0]
        there = [
            {"document": {"number": str(number), "year": 2026}}
            for number, one in enumerate(self.journals, 1)
            if one["reference"] == wanted
        ]
        says(200, {"journals": there})(handler)

    def _taken(self, handler: Handler) -> None:
        number = str(len(self.journals))
        says(201, {"document": {"number": number, "year": 2026}})(handler)


def says(status: int, document: Any = None, body: bytes | None = None, **headers: str) -> Way:
    """Return a way to answer: a status with a document, or with bytes as they are."""
    data = json.dumps(document).encode() if body is None else body

    def way(handler: Handler) -> None:
        handler.send_response(status)
        kinds = {"content-type": "application/json" if body is None else "text/html"}
        for name, value in {**kinds, "content-length": str(len(data)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return way


def sends(data: bytes, *, reset: bool = False) -> Way:
    """Return a way to answer: these bytes, then the connection is cut."""

    def way(handler: Handler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True
        if reset:
            handler.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )
            handler.connection.close()

    return way


def drips(head: bytes, part: bytes, pause: float = 0.02) -> Way:
    """Return a way to answer: a head, then a part again and again until nobody listens."""

    def way(handler: Handler) -> None:
        handler.close_connection = True
        try:
            handler.wfile.write(head)
            while not handler.server.far.over.wait(pause):
                handler.wfile.write(part)
        except OSError:
            return

    return way


def falls_silent(handler: Handler) -> None:
    """Answer nothing until the test is over."""
    handler.close_connection = True
    handler.server.far.over.wait(30)


def certify(folder: Path, name: str, days: int, host: str = "127.0.0.1") -> Path:
    """Return the file of a certificate of our own authority; `days` below zero is the past."""
    authority = folder / "authority.pem"
    if not authority.exists():
        _openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=tests",
            "-keyout", str(authority.with_suffix(".key")), "-out", str(authority),
        )  # fmt: skip
    made = folder / f"{name}.pem"
    kind = "IP" if host[0].isdigit() else "DNS"
    (folder / "host.cnf").write_text(f"subjectAltName={kind}:{host}\n")
    _openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}",
        "-keyout", str(made.with_suffix(".key")), "-out", str(made.with_suffix(".csr")),
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", str(made.with_suffix(".csr")), "-out", str(made),
        "-CA", str(authority), "-CAkey", str(authority.with_suffix(".key")), "-CAcreateserial",
        "-extfile", str(folder / "host.cnf"), "-days", str(days),
    )  # fmt: skip
    return made


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)
