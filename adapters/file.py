"""Owns: writing one file for each effect, whole or not at all, and asking whether it exists.
Imports: what router exports.
Never: overwrites, appends, writes outside its folder.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from router import (
    CONTRACT,
    TEMPLATE,
    Answer,
    Choice,
    Contract,
    Health,
    Prepared,
    Retryable,
    Secrets,
    Template,
    Text,
    TransformError,
    Written,
    component,
    encode_json,
    knob,
    place_of,
)


@component("file request", doc="One file: its name in the folder, and how it is written.")
class FileRequest:
    """What an operation of a file system writes, or (for its look-up) asks for."""

    write: Template | None = knob(TEMPLATE, doc="name of the file to write", default=None)
    exists: Template | None = knob(TEMPLATE, doc="name of the file to ask for", default=None)
    format: str = knob(
        Choice(("json", "json_line")),
        doc="of a document: json_line ends with a line break",
        default="json_line",
    )
    contract: Contract | None = knob(CONTRACT, doc="what the document keeps", default=None)
    answer: Contract | None = knob(CONTRACT, doc="files give no answer", default=None)
    place: Any = place_of()

    def complaint(self) -> str:
        """Return what is wrong with the request as a whole, or an empty text."""
        return "" if (self.write is None) != (self.exists is None) else "one of write, exists"


@component("file settings", doc="The folder of a system that takes files.")
class FileSettings:
    """The environment's part of a file system."""

    folder: str = knob(Text("a path"), doc="relative to the project")


class FileAdapter:
    """Writes files into a folder. Safe for many threads: each effect has a name of its own.

    Status 201 = written, 200 = it was there with the same bytes, 409 = it was there with others.
    A question is answered by 200 or 404, a present file by its `sha256`.
    """

    Request = FileRequest
    Settings = FileSettings

    #: local disks answer at once; the lease is kept short
    timeout = timedelta(seconds=10)

    def __init__(self, settings: FileSettings, secrets: Secrets) -> None:
        del secrets  # a folder has none
        self._folder = Path(settings.folder)

    def prepare(self, request: FileRequest, values: Mapping[str, Any], document: Any) -> Prepared:
        """Return the name and the bytes. Raises TransformError for a name outside the folder."""
        verb = "write" if request.write is not None else "exists"
        name = getattr(request, verb).fill(values, _clean)
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise TransformError("the name of a file leads out of its folder")
        body = b""
        if verb == "write":
            body = _bytes(document, request.format)
        return Prepared(head={"verb": verb, "target": name}, body=body)

    def call(self, prepared: Prepared, key: Mapping[str, str]) -> Answer:
        """Write or ask. Raises Retryable when that fails: nothing is there then."""
        path = self._folder / prepared.head["target"]
        try:
            if prepared.head["verb"] == "exists":
                return self._asked(path)
            return self._written(path, prepared.body)
        except OSError as error:
            raise Retryable(f"{prepared.head['target']}: {error.strerror}") from error

    def check(self) -> Health:
        """Say whether the folder can be written."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return Health(ok=False, text=str(error.strerror))
        return Health(ok=os.access(self._folder, os.W_OK), text=str(self._folder))

    def close(self) -> None:
        """Hold nothing."""

    def _asked(self, path: Path) -> Answer:
        if not path.exists():
            return Answer(status=404)
        return Answer(status=200, body={"sha256": hashlib.sha256(path.read_bytes()).hexdigest()})

    def _written(self, path: Path, body: bytes) -> Answer:
        """Write beside, flush to disk, then link to the name: the name is never half a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return Answer(
                status=200 if path.read_bytes() == body else 409, body={"name": path.name}
            )
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with beside.open("xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            os.link(beside, path)
            _sync(path.parent)
        except FileExistsError:
            return Answer(
                status=200 if path.read_bytes() == body else 409, body={"name": path.name}
            )
        finally:
            beside.unlink(missing_ok=True)
        return Answer(status=201, body={"name": path.name})


def _bytes(document: Any, form: str) -> bytes:
    """Return a document as JSON, what a template wrote as it is."""
    if isinstance(document, Written):
        return document.data
    return encode_json(document) + (b"\n" if form == "json_line" else b"")


def _sync(folder: Path) -> None:
    """Let the new name outlast a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clean(text: str) -> str:
    """Return a part of a name that cannot leave the folder."""
    if not text or text.startswith(".") or any(char in text for char in "/\\\0\n"):
        raise TransformError("a part of a file name is empty, begins with a dot or holds a slash")
    return text
