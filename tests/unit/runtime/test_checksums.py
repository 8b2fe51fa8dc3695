"""A file with a checksum beside it is taken when it has it; one that waits is told once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.runtime import archive, folders
from tests.unit.runtime.desk import Desk

ONE = b'[{"id": "1", "amount": "5"}]'
TWO = b'[{"id": "2", "amount": "6"}]'

BOUNDARIES = ("folder.read.a.json", "folder.after_commit", "folder.after_marker", "archive.named")


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def make(tmp_path: Path, noon: Any) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def one(ending: str = ".sha256") -> Desk:
        file = f'file: {{pattern: "*.json", format: json, stable: 0s, checksum: {ending}}}'
        made.append(Desk(tmp_path, noon, file))
        return made[-1]

    yield one
    for desk in made:
        desk.land.parts.close()


def digest(body: bytes, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, body).hexdigest()


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize(
    "text",
    [
        "{0}",
        "{0}\n",
        "{0}  a.json\n",
        "{0} *a.json\r\n",
        "\\{0}  /out/a.json\n",
        "\ufeff{0}  another name\n",
        "SHA (a.json) = {0}\n",
        "SHA2-256(a.json)= {0}\n",
        "{1}  b.json\n{0}  a.json\n",
    ],
)
def test_a_file_that_has_its_checksum_is_taken(
    make: Callable[..., Desk], algorithm: str, text: str
) -> None:
    desk = make(f".{algorithm}")
    (desk.inbox / "a.json").write_bytes(ONE)
    said = text.format(digest(ONE, algorithm).upper(), digest(TWO, algorithm))
    desk.drop(f"a.json.{algorithm}", said)
    assert desk.counted() == {("desk:plain", "routed"): 1}
    assert [Path(one).name for one in desk.archived()] == ["a.json", f"a.json.{algorithm}"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        digest(ONE)[:-1],
        digest(ONE, "md5"),
        "{1}  b.json\n{1}  c.json",
        "\0",
        "{1}  a.json",
    ],
)
def test_a_file_without_its_checksum_waits_and_is_told_once(
    make: Callable[..., Desk], text: str
) -> None:
    desk = make()
    (desk.inbox / "a.json").write_bytes(ONE)
    (desk.inbox / "a.json.sha256").write_text(text.format("", digest(TWO)))
    assert "desk: a.json: a.json.sha256" in desk.look()
    for _ in range(3):
        assert desk.look() == ""
    assert sorted(one.name for one in desk.inbox.iterdir()) == ["a.json", "a.json.sha256"]
    assert desk.counted() == {("desk", "file_waits"): 1}
    assert [(name, why) for name, why, _ in desk.waiting()] == [("a.json", "checksum")]
    assert "file_waits: a.json is not taken: a.json.sha256" in desk.told("a.json")


def test_another_process_tells_it_no_second_time(make: Callable[..., Desk]) -> None:
    desk = make()
    (desk.inbox / "a.json").write_bytes(ONE)
    desk.drop("a.json.sha256", digest(TWO))
    parts = (desk.land.store, desk.land.parts.ingress, desk.land.clock)
    where = archive.Archive(lambda day: desk.root / "done" / day)
    desk.folder = folders.Folder(desk.folder.channel, desk.inbox, where, parts)
    assert desk.look() == ""
    assert desk.counted() == {("desk", "file_waits"): 1}


@pytest.mark.parametrize("mended", ["a.json", "a.json.sha256"])
def test_a_right_one_frees_it(make: Callable[..., Desk], mended: str) -> None:
    desk = make()
    (desk.inbox / "a.json").write_bytes(ONE)
    desk.drop("a.json.sha256", digest(TWO))
    desk.drop(mended, TWO if mended == "a.json" else digest(ONE))
    assert desk.counted() == {("desk", "file_waits"): 1, ("desk:plain", "routed"): 1}
    assert desk.waiting() == []
    assert list(desk.inbox.iterdir()) == []


def test_one_that_is_taken_away_waits_no_more(make: Callable[..., Desk]) -> None:
    desk = make()
    (desk.inbox / "a.json").write_bytes(ONE)
    desk.drop("a.json.sha256", digest(TWO))
    (desk.inbox / "a.json").unlink()
    desk.look()
    assert desk.waiting() == []


def test_others_pass_the_one_that_waits(make: Callable[..., Desk]) -> None:
    desk = make()
    for name in ("a.json", "b.json"):
        (desk.inbox / name).write_bytes(ONE)
        (desk.inbox / f"{name}.sha256").write_text(digest(ONE if name == "b.json" else TWO))
    desk.look()
    assert desk.counted()["desk:plain", "routed"] == 1


def test_a_file_that_comes_while_a_wrong_one_is_looked_at_takes_its_place(
    make: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make()
    (desk.inbox / "a.json").write_bytes(ONE)
    (desk.inbox / "a.json.sha256").write_text(digest(TWO))
    check = folders.check_sum

    def meanwhile(said: Path, name: str, here: str) -> None:
        (desk.inbox / "a.json").write_bytes(TWO)
        check(said, name, here)

    with monkeypatch.context() as patched:
        patched.setattr(folders, "check_sum", meanwhile)
        desk.look()
    desk.look()
    assert desk.counted()["desk:plain", "routed"] == 1
    assert sorted(Path(one).name for one in desk.archived()) == [
        "a.json",
        "a.json.sha256",
        "a.json.unfit",
    ]
    assert desk.waiting() == []


@pytest.mark.parametrize(
    "boundary",
    ["folder.read.a.json", "folder.after_commit", "folder.after_marker", "archive.named"],
)
def test_wherever_the_process_dies_the_file_is_taken_once(
    make: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    desk = make()

    def die(name: str) -> None:
        if name == boundary:
            raise Died

    (desk.inbox / "a.json").write_bytes(ONE)
    (desk.inbox / "a.json.sha256").write_text(digest(ONE))
    with monkeypatch.context() as patched:
        for module in (folders, archive):
            patched.setattr(module, "reach", die)
        with pytest.raises(Died):
            desk.folder.step()
    assert desk.look() == ""
    assert desk.counted() == {("desk:plain", "routed"): 1}
    assert sorted(Path(one).name for one in desk.archived()) == ["a.json", "a.json.sha256"]
    assert list(desk.inbox.iterdir()) == []
