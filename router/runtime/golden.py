"""Owns: golden files: comparing with them, and writing anew what they should say.
Imports: core, infra.codecs, runtime.comparing.
Never: writes a file that a test does not name as its expected value, or one out of the project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from router.core.document import Json
from router.core.errors import MessageError
from router.infra.codecs import decode_json
from router.runtime.comparing import compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A golden file that says something else than what came of a test."""

    path: Path
    document: Json
    differences: tuple[str, ...]


@dataclass(slots=True)
class Goldens:
    """The golden files beside one test; collects those that differ."""

    folder: Path
    wants: list[Want] = field(default_factory=list)

    def differences(self, where: str, name: str, have: Json) -> list[str]:
        """Return how a document differs from a golden file."""
        path = self.folder / name
        if not path.is_file():
            found = [f"{where}: no file {name} beside the test: router test --update writes it"]
        else:
            try:
                found = compared(where, _read(path, have), have)
            except (MessageError, UnicodeDecodeError) as error:
                found = [f"{where}: {name}: {error}"]
        if found:
            self.wants.append(Want(path=path, document=have, differences=tuple(found)))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A golden file that was written anew, and what it said before."""

    file: str
    is_new: bool
    differences: tuple[str, ...]


def rewrite(
    root: Path, wants: Iterable[Want], given: Collection[str] = ()
) -> tuple[list[Rewritten], list[str]]:
    """Write golden files; return what was written, and why others were not.

    Each file is written whole or not at all. Where tests want two things of one file, none is;
    nor are files that tests are given, by their path from `root`: the test would be another one.
    """
    by_path: dict[Path, list[Want]] = {}
    for one in wants:
        by_path.setdefault(Path(os.path.normpath(one.path)), []).append(one)
    done, refused = [], []
    for path, ones in sorted(by_path.items()):
        name = os.path.relpath(path, root)
        texts = {_text(path, one.document) for one in ones}
        if name in given:
            refused.append(f"{name}: not written: a test is given it, expect a file of its own")
        elif not path.resolve().is_relative_to(root.resolve()):
            refused.append(f"{name}: not written: it lies out of the project")
        elif len(texts) > 1:
            refused.append(f"{name}: not written: tests expect different values in it")
        else:
            is_new = not path.exists()
            _write(path, texts.pop(), ones[0].document)
            differences = tuple(line for one in ones for line in one.differences)
            done.append(Rewritten(file=name, is_new=is_new, differences=differences))
    return done, refused


def written(document: Json) -> str:
    """Return a document as a golden file says it: sorted keys, so that a map may be reordered.

    Amounts are texts and stay as they are; a number is written as it is read.
    """
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _is_text(path: Path, document: Json) -> bool:
    """Return whether a golden file holds a text itself: what a template writes is no JSON."""
    return isinstance(document, str) and path.suffix != ".json"


def _read(path: Path, have: Json) -> Json:
    data = path.read_bytes()
    return data.decode() if _is_text(path, have) else decode_json(data)


def _text(path: Path, document: Json) -> str:
    return document if _is_text(path, document) else written(document)


def _write(path: Path, text: str, document: Json) -> None:
    data = text.encode()
    same = _is_text(path, document) or decode_json(data) == document
    assert same, "what is written reads as what came of the test"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)
