"""A file that comes again is told by its bytes: the same, others under its name, another name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router.infra.store.jobs import Job, JournalQuery
from router.runtime import archive, copies, folders
from tests.unit.runtime.desk import Desk

DESK = 'file: {pattern: "*.json", format: json, stable: 0s, body_limit: 1KiB}'
BOUNDARIES = ("folder.read.a.json", "folder.after_commit", "folder.after_marker", "archive.named")


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def desk(tmp_path: Path, noon: Any) -> Iterator[Desk]:
    made = Desk(tmp_path, noon, DESK)
    yield made
    made.land.parts.close()


ONE = '[{"id": "1", "amount": "5"}]'
TWO = '[{"id": "1", "amount": "5"}, {"id": "2", "amount": "6"}]'


def test_the_archive_has_the_day_in_its_path(desk: Desk) -> None:
    desk.drop("a.json", ONE)
    desk.land.clock.move_to(desk.land.clock.now() + timedelta(days=1))
    desk.drop("b.json", TWO)
    first, second = desk.archived()
    day = desk.land.clock.now().date()
    assert (first, second) == (f"{day - timedelta(days=1)}/a.json", f"{day}/b.json")


def test_the_same_file_again_adds_nothing_and_is_told(desk: Desk) -> None:
    desk.drop("a.json", ONE)
    desk.drop("a.json", ONE)
    assert desk.counted() == {("desk:plain", "routed"): 1, ("desk", "file_resent"): 1}
    assert [Path(one).name for one in desk.archived()] == ["a.json", "a.json.1"]
    assert "file_resent: a.json has the bytes of" in desk.told("a.json")
    assert "nothing is done" in desk.told("a.json")


def test_a_fuller_file_adds_what_is_new_and_is_told(desk: Desk) -> None:
    desk.drop("a.json", ONE)
    desk.drop("a.json", TWO)
    assert desk.counted() == {
        ("desk:plain", "routed"): 2,
        ("desk:plain", "duplicate"): 1,
        ("desk", "file_changed"): 1,
    }
    assert "file_changed: a.json has other bytes than at" in desk.told("a.json")


def test_a_record_that_says_something_else_is_a_conflict(desk: Desk) -> None:
    desk.drop("a.json", ONE)
    desk.drop("a.json", ONE.replace("5", "7"))
    assert desk.counted()["desk:plain", "conflict"] == 1


def test_the_same_bytes_under_another_name_are_looked_at(desk: Desk) -> None:
    """The name may be all that tells them apart: a shop's empty day, a shop's one sale."""
    desk.drop("a.json", ONE)
    desk.drop("b.json", ONE)
    assert desk.counted() == {
        ("desk:plain", "routed"): 1,
        ("desk:plain", "duplicate"): 1,
        ("desk", "file_renamed"): 1,
    }
    assert "file_renamed: b.json has the bytes of a.json at" in desk.told("b.json")


def test_a_file_that_turns_back_is_no_resend(desk: Desk) -> None:
    for text in (ONE, TWO, ONE):
        desk.drop("a.json", text)
    assert desk.counted()["desk", "file_changed"] == 2
    assert ("desk", "file_resent") not in desk.counted()


def test_size_and_time_of_a_resend_say_nothing(desk: Desk) -> None:
    desk.drop("a.json", ONE)
    (desk.inbox / "a.json").write_text(ONE.replace("1", "2", 1))
    (only,) = desk.root.glob("done/*/a.json")
    os.utime(desk.inbox / "a.json", ns=(only.stat().st_atime_ns, only.stat().st_mtime_ns))
    desk.folder.step()
    desk.land.run()
    assert desk.counted()["desk:plain", "routed"] == 2


@pytest.mark.parametrize("words", [(ONE,), (ONE, ONE), (ONE, TWO)])
@pytest.mark.parametrize(
    "boundary",
    ["folder.read.a.json", "folder.after_commit", "folder.after_marker", "archive.named"],
)
def test_each_copy_is_told_once_wherever_the_process_dies(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, boundary: str, words: tuple[str, ...]
) -> None:
    def die(name: str) -> None:
        if name == boundary:
            raise Died

    for text in words:
        (desk.inbox / "a.json").write_text(text)
        with monkeypatch.context() as patched:
            for module in (folders, archive):
                patched.setattr(module, "reach", die)
            try:
                desk.folder.step()
            except Died:
                patched.undo()
                desk.folder.step()
    desk.land.run()
    counted = desk.counted()
    assert counted["desk:plain", "routed"] == (2 if TWO in words else 1)
    assert counted.get(("desk", "file_resent"), 0) == (words == (ONE, ONE))
    assert counted.get(("desk", "file_changed"), 0) == (TWO in words)
    assert len(desk.archived()) == len(words)
    assert list(desk.inbox.iterdir()) == []


def test_two_large_files_with_one_beginning_are_two(desk: Desk) -> None:
    large = "x" * 2000
    for text in (large + "a", large + "b", large + "b"):
        desk.drop("a.json", text)
    assert desk.counted() == {
        ("desk:?", "dead_lettered"): 2,
        ("desk", "file_changed"): 1,
        ("desk", "file_resent"): 1,
    }


def test_no_replay_takes_a_line_about_a_file_for_a_record(desk: Desk) -> None:
    for text in (ONE, TWO, TWO):
        desk.drop("a.json", text)

    def plan(transaction: Any) -> int:
        number = transaction.jobs.make(Job(how="replay", reason="r", rate=1), desk.land.clock.now())
        transaction.jobs.freeze_records(number, JournalQuery(since="2000"))
        return int(transaction.jobs.totals(number)["remaining"])

    assert desk.land.store.write(plan) == 3


def test_a_file_that_changes_while_it_is_read_is_read_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.inbox / "a.json").write_text(ONE)
    digest = copies._digests

    def slow(body: bytes, rest: Any, algorithms: Any) -> list[str]:
        with (desk.inbox / ".taken-a.json").open("a") as file:
            file.write(" ")
        return digest(body, rest, algorithms)

    with monkeypatch.context() as patched:
        patched.setattr(copies, "_digests", slow)
        with pytest.raises(OSError, match=r"a\.json changes while it is read"):
            desk.folder.step()
        assert desk.folder.step() == 0  # told once
    assert desk.folder.step() == 1
    desk.land.run()
    assert desk.counted() == {("desk", "file_waits"): 1, ("desk:plain", "routed"): 1}
    assert desk.waiting() == []


def test_a_file_that_vanishes_is_nobodys_trouble(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.inbox / "a.json").write_text(ONE)
    (desk.inbox / "b.json").write_text(TWO)
    rename = Path.rename

    def gone(self: Path, target: Path) -> Path:
        if self.name == "a.json":
            self.unlink()
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", gone)
    desk.folder.step()
    desk.land.run()
    assert desk.counted() == {("desk:plain", "routed"): 2}
    assert [Path(one).name for one in desk.archived()] == ["b.json"]


def test_what_another_channel_has_in_hand_in_the_same_folder_is_left(desk: Desk) -> None:
    (desk.inbox / ".taken-a.csv").write_text("theirs")
    desk.look()
    assert [one.name for one in desk.inbox.iterdir()] == [".taken-a.csv"]
