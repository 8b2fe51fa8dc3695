"""A file with a marker is taken when its marker is there, and a marker lets in one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.runtime import folders
from router.runtime.folders import Folder
from tests.unit.runtime.conftest import Landscape
from tests.unit.runtime.takes import texts_of


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def desk(tmp_path: Path, noon: Any) -> Iterator[tuple[Folder, Path]]:
    source = 'pattern: "*", format: json, stable: 0s, marker: .done'
    land = Landscape(tmp_path, noon, texts_of(source))
    inbox = land.project.root / "in/desk"
    inbox.mkdir(parents=True)
    yield land.parts.folders[0], inbox
    land.parts.close()


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []


def test_a_file_waits_for_its_own_marker(desk: tuple[Folder, Path]) -> None:
    folder, inbox = desk
    (inbox / "a.json").write_text('{"id": "1"}')
    (inbox / "b.json.done").touch()
    assert folder.step() == 0
    (inbox / "a.json.done").touch()
    assert folder.step() == 1
    assert names(inbox) == ["b.json.done"]
    assert names(inbox.parent / "desk.done") == ["a.json", "a.json.done"]


def test_a_folder_is_no_marker(desk: tuple[Folder, Path]) -> None:
    folder, inbox = desk
    (inbox / "a.json").write_text('{"id": "1"}')
    (inbox / "a.json.done").mkdir()
    assert folder.step() == 0


@pytest.mark.parametrize("boundary", ["folder.read.a.json", "after_commit", "after_marker"])
def test_a_marker_lets_in_one_file_wherever_the_process_died(
    desk: tuple[Folder, Path], monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    folder, inbox = desk

    def die(name: str) -> None:
        if name.endswith(boundary):
            raise Died

    (inbox / "a.json").write_text('{"id": "1"}')
    (inbox / "a.json.done").touch()
    with monkeypatch.context() as patched:
        patched.setattr(folders, "reach", die)
        with pytest.raises(Died):
            folder.step()
    (inbox / "a.json").write_text('{"id": "2"}')
    for _ in range(3):
        try:
            folder.step()
        except FileExistsError:
            continue
    assert names(inbox) == ["a.json"]
    archived = inbox.parent / "desk.done"
    assert names(archived) == ["a.json", "a.json.done"]
    assert (archived / "a.json").read_text() == '{"id": "1"}'
