"""Files are written whole or not at all, once, and never outside their folder."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from adapters.file import FileAdapter, FileRequest, FileSettings
from router import Prepared, Retryable, TransformError
from router.config.components import INVALID

DOCUMENT = {"id": "ä", "n": 1}
BYTES = '{"id":"ä","n":1}'.encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files go: it is made by the first of them."""
    return tmp_path / "out"


@pytest.fixture
def adapter(folder: Path) -> FileAdapter:
    """An adapter over the folder."""
    return FileAdapter(FileSettings(folder=str(folder)), None)  # type: ignore[arg-type]


@pytest.fixture
def request_of(workshop: Any) -> Any:
    """A maker of requests."""

    def make(text: str) -> Any:
        made = workshop.decode(FileRequest, text, "reference", "name")
        assert made is not INVALID, workshop.told
        return made

    return make


def prepared(adapter: FileAdapter, request: Any, **values: Any) -> Prepared:
    return adapter.prepare(request, {"reference": "r1", **values}, DOCUMENT)


def put(adapter: FileAdapter, request_of: Any, body: bytes = BYTES) -> Any:
    made = prepared(adapter, request_of("{write: '{reference}.json', format: json}"))
    return adapter.call(Prepared(head=made.head, body=body), {})


def test_the_exact_bytes_are_prepared(adapter: FileAdapter, request_of: Any) -> None:
    made = prepared(adapter, request_of("{write: 'a/{reference}.json', format: json}"))
    assert made == Prepared(head={"verb": "write", "target": "a/r1.json"}, body=BYTES)
    line = prepared(adapter, request_of("{write: '{reference}'}"))
    assert line.body == BYTES + b"\n"
    question = prepared(adapter, request_of("{exists: '{reference}'}"))
    assert question == Prepared(head={"verb": "exists", "target": "r1"}, body=b"")


def test_a_file_is_written_once(adapter: FileAdapter, request_of: Any, folder: Path) -> None:
    assert put(adapter, request_of).status == 201
    assert (folder / "r1.json").read_bytes() == BYTES
    assert put(adapter, request_of).status == 200
    assert put(adapter, request_of, b"other").status == 409
    assert (folder / "r1.json").read_bytes() == BYTES


def test_nothing_lies_beside_what_was_written(
    adapter: FileAdapter, request_of: Any, folder: Path
) -> None:
    put(adapter, request_of)
    put(adapter, request_of)
    put(adapter, request_of, b"other")
    assert [one.name for one in folder.iterdir()] == ["r1.json"]


def test_it_can_be_asked_for(adapter: FileAdapter, request_of: Any) -> None:
    question = prepared(adapter, request_of("{exists: '{reference}.json'}"))
    assert adapter.call(question, {}).status == 404
    put(adapter, request_of)
    answer = adapter.call(question, {})
    assert answer.status == 200
    assert answer.body == {"sha256": hashlib.sha256(BYTES).hexdigest()}


def test_many_at_once_write_one_file(adapter: FileAdapter, request_of: Any, folder: Path) -> None:
    made = prepared(adapter, request_of("{write: '{reference}.json', format: json}"))
    barrier = threading.Barrier(8)
    statuses: list[int] = []

    def write(body: bytes) -> None:
        barrier.wait(timeout=10)
        try:
            statuses.append(adapter.call(Prepared(head=made.head, body=body), {}).status)
        except Retryable:
            statuses.append(0)

    bodies = [b"x" * 100_000 + bytes([n]) for n in range(8)]
    threads = [threading.Thread(target=write, args=(body,)) for body in bodies]
    for one in threads:
        one.start()
    for one in threads:
        one.join(timeout=20)
    assert sorted(statuses) == [201, *[409] * 7]
    assert (folder / "r1.json").read_bytes() in bodies
    assert [one.name for one in folder.iterdir()] == ["r1.json"]


def test_until_it_has_its_name_a_file_is_not_there(
    adapter: FileAdapter, request_of: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    link = os.link

    def spy(source: Any, target: Any) -> None:
        names = sorted(one.name for one in folder.iterdir())
        seen.append([one for one in names if not one.startswith(".")])
        assert Path(source).read_bytes() == BYTES
        link(source, target)

    monkeypatch.setattr(os, "link", spy)
    assert put(adapter, request_of).status == 201
    assert seen == [[]]


@pytest.mark.parametrize("broken", ["link", "fsync"])
def test_a_write_that_fails_leaves_nothing_and_can_be_repeated(
    adapter: FileAdapter,
    request_of: Any,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, broken, fail)
        with pytest.raises(Retryable, match="No space left"):
            put(adapter, request_of)
    assert list(folder.iterdir()) == []
    assert put(adapter, request_of).status == 201


def test_what_another_process_left_half_done_is_no_hindrance(
    adapter: FileAdapter, request_of: Any, folder: Path
) -> None:
    folder.mkdir()
    (folder / ".r1.json.1.1").write_bytes(b"half")
    assert put(adapter, request_of).status == 201
    assert (folder / "r1.json").read_bytes() == BYTES


def test_a_folder_that_cannot_be_written_means_nothing_happened(
    request_of: Any, tmp_path: Path
) -> None:
    (tmp_path / "plain").write_text("a file, no folder")
    adapter = FileAdapter(FileSettings(folder=str(tmp_path / "plain" / "out")), None)  # type: ignore[arg-type]
    with pytest.raises(Retryable):
        put(adapter, request_of)
    assert not adapter.check().ok


def test_a_folder_at_the_name_of_the_file_is_no_answer(
    adapter: FileAdapter, request_of: Any, folder: Path
) -> None:
    (folder / "r1.json").mkdir(parents=True)
    with pytest.raises(Retryable):
        put(adapter, request_of)


def test_the_check_makes_the_folder(adapter: FileAdapter, folder: Path) -> None:
    assert adapter.check().ok
    assert folder.is_dir()
    adapter.close()


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/etc/passwd", "..\\x", "a\\b", ".hidden", "a\0b", "a\nb"],
)
def test_a_value_cannot_lead_out_of_the_folder(
    adapter: FileAdapter, request_of: Any, name: str
) -> None:
    for text in ("{write: '{name}'}", "{exists: 'a/{name}'}"):
        with pytest.raises(TransformError):
            prepared(adapter, request_of(text), name=name)


@pytest.mark.parametrize("text", ["../{reference}", "/tmp/{reference}", "a/../../{reference}"])
def test_the_text_around_it_cannot_either(
    adapter: FileAdapter, request_of: Any, folder: Path, text: str
) -> None:
    # its own promise: writes never outside its folder
    request = request_of(f"{{write: '{text}'}}")
    with pytest.raises(TransformError):
        prepared(adapter, request)


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("{write: a}", True),
        ("{exists: a}", True),
        ("{write: a, exists: a}", False),
        ("{format: json}", False),
    ],
)
def test_a_request_writes_or_asks(request_of: Any, text: str, *, sound: bool) -> None:
    assert (request_of(text).complaint() == "") is sound
