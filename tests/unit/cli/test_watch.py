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
TASK = "transforms/inbox/task.yaml"
NOTE = '{"id": "n1", "kind": "note", "text": "T", "lines": [{"name": "a"}]}'


def _heed() -> None:
    """Take Ctrl-C also where the tests run in the background: a shell ignores it for them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Watcher:
    """A watching command; its lines come as they are printed."""

    def __init__(self, root: Path, *command: str) -> None:
        self._process = subprocess.Popen(
            [ROUTER, *command, "--watch", "--project", str(root)],
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

    def begin(*command: str) -> Watcher:
        made.append(Watcher(shop.root, *command))
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


def test_try_marks_what_is_different_since_the_last_save(
    shop: Any, start: Any, tmp_path: Path
) -> None:
    payload, whole = tmp_path / "note.json", shop.read(TASK)
    payload.write_text(NOTE)
    watcher = start("try", "inbox", str(payload), "--env", "test")
    lines = watcher.run()
    assert '                 "title": "T",' in lines
    assert not any(line.startswith(("~ ", "+ ", "- ")) for line in lines)

    shop.write(TASK, whole.replace("=body.text", "=body.kind"))
    lines = watcher.run()
    assert f"{TASK} has changed" in lines
    at = lines.index('-                  "title": "T",')
    assert lines[at + 1] == '+                  "title": "note",'
    assert "~   transform    inbox/task" in lines
    assert "  outcome      note: routed" in lines
    told = next(one for one in lines if "from the run before" in one)
    assert told.startswith("2 stages differ from the run before: transform inbox/task, archive.put")

    shop.write(TASK, whole + "  more: =body.missing\n")
    lines = watcher.run()
    assert any(f"{TASK}:" in line and "missing" in line for line in lines)
    assert any("nothing was started" in line for line in lines)

    payload.write_text(NOTE.replace('"T"', "null"))
    assert f"{payload} has changed" in watcher.run()
    shop.write(TASK, whole.replace("=body.text", "=body.kind"))
    lines = watcher.run()  # beside the last one that had no errors
    assert any(line.startswith("+ dead letter  contract_violation") for line in lines)
    assert "-   transform    inbox/task" in lines
    assert "~ outcome      note: dead_lettered (contract_violation)" in lines
    assert watcher.interrupt() == (0, ["no longer watching"])


def test_try_waits_for_a_payload_that_is_gone(shop: Any, start: Any, tmp_path: Path) -> None:
    payload = tmp_path / "note.json"
    payload.write_text(NOTE)
    watcher = start("try", "inbox", str(payload), "--env", "test")
    watcher.run()
    payload.unlink()
    assert f"router: {payload}: No such file or directory" in watcher.run()
    payload.write_text(NOTE)
    lines = watcher.run()
    assert f"{payload} has changed" in lines
    assert "the same as the run before" in lines
    assert watcher.interrupt() == (0, ["no longer watching"])


def test_try_looks_at_answers_too_and_sees_a_renamed_channel(
    shop: Any, start: Any, tmp_path: Path
) -> None:
    payload, answer = shop.write("routes/note.json", NOTE), tmp_path / "answer.json"
    answer.write_text("{}")
    words = ("--env", "test", "--answer", f"archive.put={answer}")
    watcher, whole = start("try", "inbox", str(payload), *words), shop.read(CHANNEL)
    assert sum("note.json" in line for line in watcher.run()) == 0
    answer.write_text("{")
    lines = watcher.run()
    assert f"{answer} has changed" in lines
    assert any(line.startswith(f"router: {answer}: ") for line in lines)
    answer.write_text("{}")
    assert "the same as the run before" in watcher.run()
    payload.write_text(NOTE.replace('"T"', '"U"'))
    assert "routes/note.json has changed" in watcher.run()  # told once, by its place in the project
    shop.write(CHANNEL, whole.replace("channel: inbox", "channel: in_box"))
    assert not any("Traceback" in line for line in watcher.run())
    assert watcher.interrupt() == (0, ["no longer watching"])


def test_it_is_for_people_and_writes_nothing(shop: Any) -> None:
    assert shop.router("check", "--watch", "--format", "json").exit_code == 2
    assert shop.router("test", "--watch", "--format", "junit").exit_code == 2
    assert shop.router("test", "--watch", "--update").exit_code == 2
    payload = str(shop.write("note.json", NOTE))
    words = ("--watch", "--env", "test")
    assert shop.router("try", "inbox", payload, *words, "--format", "json").exit_code == 2
    piped = shop.router("try", "inbox", "-", *words)
    assert (piped.exit_code, "read once" in piped.stderr) == (2, True)
