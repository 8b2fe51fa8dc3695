"""What careless senders put into a folder: names, sizes, kinds; no other file waits for it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router.cli.render import visible
from tests.unit.runtime.desk import Desk

FILE = "file: {pattern: '*', format: json, stable: 5s, body_limit: 64KiB}"
GOOD = '[{"id": "1", "amount": "5"}]'


@pytest.fixture
def desk(tmp_path: Path, noon: Any) -> Iterator[Desk]:
    made = Desk(tmp_path, noon, FILE)
    yield made
    made.land.parts.close()


def later(desk: Desk, seconds: float = 5) -> str:
    """Let files stand still, and look."""
    desk.look()
    desk.land.clock.move_to(desk.land.clock.now() + timedelta(seconds=seconds))
    return desk.look()


def names(desk: Desk) -> list[str]:
    return sorted(Path(one).name for one in desk.archived())


def test_a_file_that_grows_is_left_until_it_stands_still(desk: Desk) -> None:
    path = desk.inbox / "a.json"
    path.write_text(GOOD[:10])
    for part in (GOOD[10:20], GOOD[20:]):
        later(desk, 4)
        with path.open("a") as file:
            file.write(part)
    later(desk, 4)
    assert desk.counted() == {}
    later(desk, 1)
    assert desk.counted() == {("desk:plain", "routed"): 1}


def test_a_file_that_is_written_anew_with_its_size_is_left(desk: Desk) -> None:
    path = desk.inbox / "a.json"
    path.write_text(GOOD)
    later(desk, 4)
    os.utime(path, ns=(1, 1))
    later(desk, 4)
    assert desk.counted() == {}
    later(desk, 1)
    assert desk.counted() == {("desk:plain", "routed"): 1}


@pytest.mark.parametrize("text", ["", " \n", "[]", "\0", "\ufeff"])
def test_an_empty_file_says_so(desk: Desk, text: str) -> None:
    (desk.inbox / "a.json").write_text(text)
    later(desk)
    (letter,) = desk.letters()
    assert letter["step"] in ("decode", "records")
    assert names(desk) == ["a.json"]


def test_two_empty_files_of_one_name_are_two_days(desk: Desk) -> None:
    (desk.inbox / "a.json").write_text("[]")
    later(desk)
    (desk.inbox / "a.json").write_text("[]")
    later(desk)
    assert desk.counted() == {("desk:?", "dead_lettered"): 1, ("desk", "file_resent"): 1}


@pytest.mark.parametrize(
    "name",
    [
        b"caf\xe9.json",
        b"\xff\xfe",
        b"two\nlines.json",
        b"a\rb\tc.json",
        b"\x1b[31mred\x1b[0m.json",
        b" ",
        b"a b.json ",
        b"~",
        b"-rf",
        b"*?[a].json",
        b"{name}%s$HOME`id`;.json",
        b"back\\slash.json",
        "\u202ejson.exe".encode(),
        "e\u0301.json".encode(),
        b"\xed\xa0\x80.json",
        b"x" * 240,
        b"..json",
    ],
)
def test_a_name_is_only_a_name(desk: Desk, name: bytes) -> None:
    path = Path(os.fsdecode(name))
    (desk.inbox / path).write_text(GOOD)
    (desk.inbox / "good.json").write_text(GOOD.replace("1", "2"))
    assert later(desk) == ""
    hidden = name.startswith(b".")
    counted = desk.counted()
    assert counted["desk:plain", "routed"] == (1 if hidden else 2)
    archived = [os.fsencode(one.name) for one in (desk.root / "done").glob("*/*")]
    assert sorted(archived) == sorted([b"good.json"] if hidden else [name, b"good.json"])


def test_a_name_is_shown_so_that_it_breaks_no_line(desk: Desk) -> None:
    for _ in range(2):
        (desk.inbox / "two\nlines\x1b[31m.json").write_text(GOOD)
        later(desk)
    told = desk.told("two\nlines\x1b[31m.json")
    assert "file_resent" in told
    assert "\x1b" not in visible(told)


def test_a_name_that_is_too_long_to_be_taken_is_told_once(desk: Desk) -> None:
    (desk.inbox / ("x" * 250)).write_text(GOOD)
    (desk.inbox / "good.json").write_text(GOOD)
    assert "too long" in later(desk)
    assert [later(desk) for _ in range(2)] == ["", ""]
    assert desk.counted()["desk:plain", "routed"] == 1
    assert [why for _, why, _ in desk.waiting()] == ["unreadable"]


def test_what_is_no_file_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(GOOD)
    (desk.inbox / "link.json").symlink_to(secret)
    (desk.inbox / "dangling.json").symlink_to(tmp_path / "nowhere")
    (desk.inbox / "folder.json").mkdir()
    os.mkfifo(desk.inbox / "pipe.json")
    (desk.inbox / ".hidden.json").write_text(GOOD)
    assert later(desk) == ""
    assert desk.counted() == {}
    assert secret.read_text() == GOOD


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_file_that_may_not_be_read_waits(desk: Desk) -> None:
    _unreadable(desk)


def test_a_file_that_cannot_be_read_waits_and_is_told_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if str(path).endswith(".taken-a.json") and allowed == [False]:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *rest, **more)

    allowed = [False]
    monkeypatch.setattr(os, "open", refuse)
    (desk.inbox / "a.json").write_text(GOOD)
    (desk.inbox / "b.json").write_text(GOOD.replace("1", "2"))
    assert "Permission denied" in later(desk)
    assert [later(desk) for _ in range(2)] == ["", ""]
    assert desk.counted() == {("desk", "file_waits"): 1, ("desk:plain", "routed"): 1}
    allowed[0] = True
    later(desk)
    assert desk.counted()["desk:plain", "routed"] == 2
    assert desk.waiting() == []


def _unreadable(desk: Desk) -> None:
    path = desk.inbox / "a.json"
    path.write_text(GOOD)
    path.chmod(0)
    assert "Permission denied" in later(desk)
    assert later(desk) == ""
    (desk.inbox / ".taken-a.json").chmod(0o600)
    later(desk)
    assert desk.counted()["desk:plain", "routed"] == 1


def test_a_file_that_vanishes_before_it_is_looked_at_is_forgotten(desk: Desk) -> None:
    (desk.inbox / "a.json").write_text(GOOD)
    desk.look()
    (desk.inbox / "a.json").unlink()
    assert later(desk) == ""
    assert desk.counted() == {}


def test_a_taken_file_that_vanishes_is_told_and_forgotten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.inbox / "a.json").write_text(GOOD)
    desk.look()
    rename = Path.rename

    def gone(self: Path, target: Path) -> Path:
        made = rename(self, target)
        target.unlink()
        return made

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", gone)
        assert "No such file" in later(desk)
    assert later(desk) == ""
    assert desk.waiting() == []
    assert desk.counted() == {("desk", "file_waits"): 1}


def test_a_file_that_is_too_large_is_a_letter_and_goes(desk: Desk) -> None:
    (desk.inbox / "a.json").write_text(" " * 70_000)
    later(desk)
    (letter,) = desk.letters()
    assert letter["reason"] == "limit_exceeded"
    assert names(desk) == ["a.json"]


@pytest.mark.slow
def test_ten_thousand_files_are_taken_step_by_step(desk: Desk) -> None:
    many = 10_000
    for n in range(many):
        (desk.inbox / f"{n:05}.json").write_text(f'[{{"id": "{n}", "amount": "1"}}]')
    desk.folder.step()
    desk.land.clock.move_to(desk.land.clock.now() + timedelta(seconds=5))
    began = time.process_time()
    assert desk.folder.step() == 200  # a daemon that is to stop waits for no more
    a_step = time.process_time() - began
    assert a_step < 2
    taken = 200
    while step := desk.folder.step():
        taken += step
    assert taken == many
    assert list(desk.inbox.iterdir()) == []
    assert len(list((desk.root / "done").glob("*/*"))) == many
