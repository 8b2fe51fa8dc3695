"""A file is put away whole, under a name that no other file has, wherever the process dies."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from router.runtime import archive
from router.runtime.archive import Archive, give_back

DAY = date(2026, 3, 1)


class Died(BaseException):
    """The process ends here."""


@pytest.fixture(params=["beside", "elsewhere", "without links"])
def made(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Archive, Path, Path]]:
    """An archive on the same file system, on another, on one that has no second names."""
    inbox = tmp_path / "in"
    inbox.mkdir()
    shm = Path("/dev/shm")
    if request.param != "elsewhere":
        if request.param == "without links":
            monkeypatch.setattr(os, "link", _refuse)
        yield Archive(lambda day: tmp_path / "done" / day), inbox, tmp_path / "done" / "2026-03-01"
        return
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has one file system")
    with tempfile.TemporaryDirectory(dir=shm) as folder:
        yield Archive(lambda day: Path(folder) / day), inbox, Path(folder) / "2026-03-01"


def _refuse(*_: Any, **__: Any) -> None:
    raise OSError(errno.EPERM, "this file system has no links")


def held(folder: Path) -> dict[str, str]:
    return {one.name: one.read_text() for one in folder.iterdir()}


def test_a_name_that_is_there_gets_a_number(made: tuple[Archive, Path, Path]) -> None:
    keeper, inbox, folder = made
    for n in range(3):
        (inbox / ".taken-a.csv").write_text(f"{n}")
        target = keeper.put(inbox / ".taken-a.csv", "a.csv", DAY)
        assert target.read_text() == f"{n}"
        assert list(inbox.iterdir()) == []
    assert held(folder) == {"a.csv": "0", "a.csv.1": "1", "a.csv.2": "2"}


def test_times_are_kept(made: tuple[Archive, Path, Path]) -> None:
    keeper, inbox, _ = made
    (inbox / "a").write_text("x")
    os.utime(inbox / "a", (1_700_000_000, 1_700_000_000))
    assert keeper.put(inbox / "a", "a", DAY).stat().st_mtime == 1_700_000_000


def test_a_link_in_the_archive_is_no_name_that_is_free(made: tuple[Archive, Path, Path]) -> None:
    keeper, inbox, folder = made
    folder.mkdir(parents=True)
    (folder / "a").symlink_to(inbox / "nowhere")
    (inbox / "b").write_text("x")
    assert keeper.put(inbox / "b", "a", DAY).name == "a.1"
    assert not (inbox / "nowhere").exists()


@pytest.mark.parametrize("boundary", ["archive.copied", "archive.named"])
def test_a_death_leaves_one_whole_file(
    made: tuple[Archive, Path, Path], monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    keeper, inbox, folder = made
    path = inbox / ".taken-a.csv"
    path.write_text("x" * 100_000)
    with monkeypatch.context() as patched:
        patched.setattr(archive, "reach", _dies_at(boundary))
        try:
            keeper.put(path, "a.csv", DAY)
        except Died:
            seen = {name: text for name, text in held(folder).items() if name[0] != "."}
            assert set(seen.values()) <= {"x" * 100_000}
    if path.exists():
        keeper.put(path, "a.csv", DAY)
    assert held(folder) == {"a.csv": "x" * 100_000}
    assert list(inbox.iterdir()) == []


def test_half_a_copy_is_made_anew_and_never_seen(
    made: tuple[Archive, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, inbox, folder = made
    (inbox / "a").write_text("whole")

    def die(_source: Any, target: Any) -> None:
        target.write(b"wh")
        target.flush()
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(archive.shutil, "copyfileobj", die)
        try:
            keeper.put(inbox / "a", "a", DAY)
        except Died:
            assert set(held(folder)) == {".part-a"}
            keeper_again = keeper
            patched.undo()
            keeper_again.put(inbox / "a", "a", DAY)
    assert held(folder) == {"a": "whole"}


def test_a_left_copy_of_another_file_is_not_taken_for_this_one(
    made: tuple[Archive, Path, Path],
) -> None:
    """A process died between taking the source away and its own copy: then another file came."""
    keeper, inbox, folder = made
    folder.mkdir(parents=True)
    (folder / "a").write_text("first")
    (folder / ".part-a").hardlink_to(folder / "a") if _links(folder) else None
    (inbox / "a").write_text("second")
    assert keeper.put(inbox / "a", "a", DAY).read_text() == "second"
    assert held(folder) == {"a": "first", "a.1": "second"}


def test_what_fails_leaves_the_file_where_it_was(
    made: tuple[Archive, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, inbox, folder = made
    (inbox / "a").write_text("x")
    folder.mkdir(parents=True)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patched:
        for name in ("link", "fsync"):
            patched.setattr(os, name, full)
        with pytest.raises(OSError, match="no room"):
            keeper.put(inbox / "a", "a", DAY)
    assert (inbox / "a").read_text() == "x"
    assert keeper.put(inbox / "a", "a", DAY).read_text() == "x"
    assert held(folder) == {"a": "x"}


def test_a_file_is_given_back_over_no_other(tmp_path: Path) -> None:
    (tmp_path / ".taken-a").write_text("first")
    (tmp_path / "a").write_text("second")
    give_back(tmp_path / ".taken-a", tmp_path / "a")
    assert held(tmp_path) == {".taken-a": "first", "a": "second"}
    (tmp_path / "a").unlink()
    give_back(tmp_path / ".taken-a", tmp_path / "a")
    assert held(tmp_path) == {"a": "first"}


def _links(folder: Path) -> bool:
    try:
        os.link(folder / "a", folder / ".link")
    except OSError:
        return False
    (folder / ".link").unlink()
    return True


def _dies_at(boundary: str) -> Callable[[str], None]:
    def die(name: str) -> None:
        if name == boundary:
            raise Died

    return die
