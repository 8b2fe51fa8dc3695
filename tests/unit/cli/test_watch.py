"""`--watch`: again after each save, never the end for a half file, rc 0 and one line on Ctrl-C."""

from __future__ import annotations

import queue
import signal
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROUTER = str(Path(sysconfig.get_path("scripts")) / "router")
#: seconds that a machine under load may take for a run
PATIENCE = 60.0
CHANNEL = "routes/channels/inbox.yaml"


def _heed() -> None:
    """Take Ctrl-C also where the tests run in the background: a shell ignores it for them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Watcher:
    """A watching command; its lines come as they are printed."""

    def __init__(self, root: Path, command: str) -> None:
        self._process = subprocess.Popen(
            [ROUTER, command, "--watch", "--project", str(root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_heed,  # noqa: PLW1509 (nothing else runs in this process yet)
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def run(self) -> list[str]:
        """Return the lines up to where it waits for a change."""
        lines: list[str] = []
        while not lines or not lines[-1].startswith("watching "):
            lines.append(self._lines.get(timeout=PATIENCE).rstrip())
        return lines

    def interrupt(self) -> tuple[int, list[str]]:
        """Press Ctrl-C; return the exit code and what it says last."""
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(timeout=PATIENCE)
        self._reader.join()
        left = []
        while not self._lines.empty():
            left.append(self._lines.get().rstrip())
        return code, [line for line in left if line]

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


@pytest.fixture
def start(shop: Any) -> Iterator[Any]:
    """Starts watchers on the shop."""
    made: list[Watcher] = []

    def begin(command: str) -> Watcher:
        made.append(Watcher(shop.root, command))
        return made[-1]

    yield begin
    for one in made:
        one.close()


def test_check_runs_again_whatever_is_saved(shop: Any, start: Any) -> None:
    watcher, whole = start("check"), shop.read(CHANNEL)
    assert any(line.startswith("0 errors") for line in watcher.run())
    shop.write(CHANNEL, whole[: len(whole) // 2] + "\n  - {half: [")
    lines = watcher.run()
    assert f"{CHANNEL} has changed" in lines
    assert any(" E001 " in line for line in lines)
    (shop.root / CHANNEL).unlink()
    assert not any("Traceback" in line for line in watcher.run())
    shop.write(CHANNEL, whole)
    assert any(line.startswith("0 errors") for line in watcher.run())
    assert watcher.interrupt() == (0, ["no longer watching"])


def test_test_goes_on_after_errors_and_failures(shop: Any, start: Any) -> None:
    tests = "routes/channels/inbox.test.yaml"
    body = "{id: n1, kind: note, text: T, lines: []}"
    good = f"tests:\n  - {{name: a, given: {{body: {body}}}, expect: {{outcome: routed}}}}\n"
    shop.write(tests, good)
    watcher = start("test")
    assert "1 passed, 0 failed" in watcher.run()
    shop.write(tests, good.replace("routed", "conflict"))
    assert "0 passed, 1 failed" in watcher.run()
    shop.write(tests, good.replace("routed", "nonsense"))
    assert any("nothing was started" in line for line in watcher.run())
    shop.write(tests, good)
    assert "1 passed, 0 failed" in watcher.run()
    assert watcher.interrupt() == (0, ["no longer watching"])


def test_it_is_for_people_and_writes_nothing(shop: Any) -> None:
    assert shop.router("check", "--watch", "--format", "json").exit_code == 2
    assert shop.router("test", "--watch", "--format", "junit").exit_code == 2
    assert shop.router("test", "--watch", "--update").exit_code == 2
