"""Owns: a wire between the router and a far side that loses requests or answers.
Imports: the standard library.
Never: changes a byte of what it lets through.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Wire:
    """Forwards TCP connections to a port; `lose` says what gets lost from now on.

    `answers`: the far side gets the request and acts, its answer never arrives.
    `requests`: the far side never hears of the request. `time`: answers wait for `release`.
    """

    def __init__(self, port: int) -> None:
        self.lose = ""
        self.lost = 0
        self._released = threading.Event()
        self._far = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)

    def release(self) -> None:
        """Let the answers go that were held back."""
        self.lose = ""
        self._released.set()

    def cut(self) -> None:
        """End every connection that there is now, at both sides, as a network would."""
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        """Carry one connection to its end."""
        with near:
            try:
                far = socket.create_connection(("127.0.0.1", self._far), timeout=10)
            except OSError:
                return
            with far:
                far.settimeout(None)
                self._open |= {near, far}
                back = threading.Thread(target=self._pump, args=(far, near, "answers"))
                back.start()
                self._pump(near, far, "requests")
                back.join()
                self._open -= {near, far}

    def _pump(self, source: socket.socket, target: socket.socket, what: str) -> None:
        """Carry bytes one way until one side is through; losing some ends the connection."""
        with contextlib.suppress(OSError):
            while (part := source.recv(65536)) and self.lose != what:
                if self.lose == "time" and what == "answers":
                    self._released.wait(timeout=60)
                target.sendall(part)
            if part:
                self.lost += 1
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
