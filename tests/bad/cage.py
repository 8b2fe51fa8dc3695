"""Owns: hostile cases in a process of their own: its memory is bounded, its time is watched.
Imports: the standard library; in the cage a test module, whose `attempt(name)` runs a case.
Never: lets a case hurt the tests beside it: who hangs or dies is told and replaced.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
#: what a case may take beyond what was there before it
MEMORY = 200 * 1024 * 1024
#: seconds after which a case is called a hang; the slowest takes half a second on a quiet machine
SECONDS = 10.0
PATIENCE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Escaped(Exception):
    """A case that hung, died, or ended in a traceback."""

    text: str

    def __str__(self) -> str:
        return self.text


class Cage:
    """One process for the cases of one test module, started again when a case kills it."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, name: str) -> dict[str, Any]:
        """Return what `attempt(name)` gives, with its `seconds`. Raises Escaped."""
        child = self._open()
        assert child.stdin is not None
        child.stdin.write(name.encode() + b"\n")
        child.stdin.flush()
        line = self._line(child, PATIENCE)
        if not line:
            self.close()
            raise Escaped(text=f"{name} killed its process or hung for {PATIENCE} s")
        told: dict[str, Any] = json.loads(line)
        if "traceback" in told:
            raise Escaped(text=f"{name}: {told['traceback']}")
        return told

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        self._child = None

    def _open(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tests.bad.cage", self._module],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            ready = self._line(self._child, 60)
            assert ready == b"ready\n", "the cage does not open"
        return self._child

    @staticmethod
    def _line(child: subprocess.Popen[bytes], seconds: float) -> bytes:
        assert child.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(child.stdout, selectors.EVENT_READ)
            return child.stdout.readline() if waiting.select(seconds) else b""


def _serve(name: str) -> None:
    """Run cases by name, one a line, each answered by a line of JSON."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a case prints is no answer
    attempt = importlib.import_module(name).attempt
    attempt("")  # what is loaded once is not a case's
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    out.write(b"ready\n")
    out.flush()
    for line in sys.stdin.buffer:
        begun = time.process_time()
        try:
            told = attempt(line.decode().rstrip("\n"))
        except BaseException as error:  # noqa: BLE001 (whatever escapes is what is looked for)
            told = {"traceback": f"{type(error).__name__}: {error}"}
        told.setdefault("seconds", time.process_time() - begun)  # a case may time its own part
        out.write(json.dumps(told).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
