"""A mistake seeded into a copy of the shipped landscape, and the part of it that is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: texts by their path in the project
Texts = Mapping[str, str]
_KEPT = ("contracts/", "routes/tables/", "routes/policies/", "routes/systems/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One change of one file; what is told of it where, and what the words name."""

    name: str
    file: str
    #: which transform or route file it is about: only what uses it is loaded
    about: str
    #: a text file: what stands there once, and what stands there instead
    find: str = ""
    instead: str = ""
    #: a contract: a pointer into its schema, and what stands there instead; null takes it out
    pointer: str = ""
    schema: Any = None
    #: the finding, its place, and the other end that its words name
    code: str
    at: str
    names: str


def seeded(texts: Texts, mistake: Mistake) -> dict[str, str]:
    """Return the part of the landscape that a mistake is about, with the mistake."""
    made = part_of(texts, mistake.about)
    made[mistake.file] = changed(texts[mistake.file], mistake)
    return made


def changed(text: str, mistake: Mistake) -> str:
    """Return a text with the mistake. Raises AssertionError where it is not the text meant."""
    if mistake.pointer:
        document = json.loads(text)
        *way, last = [part for part in mistake.pointer.split("/") if part]
        place = document
        for part in way:
            place = place[part]
        assert last in place, f"{mistake.name}: {mistake.pointer} is gone"
        if mistake.schema is None:
            del place[last]
        else:
            place[last] = mistake.schema
        return json.dumps(document, indent=2)
    assert text.count(mistake.find) >= 1, f"{mistake.name}: {mistake.find!r} is gone"
    return text.replace(mistake.find, mistake.instead, 1)


def part_of(texts: Texts, about: str) -> dict[str, str]:
    """Return what a transform or a route file needs, and what uses it."""
    name = about.removeprefix("transforms/").removesuffix(".yaml")
    kept = {
        path: text
        for path, text in texts.items()
        if path.startswith(_KEPT) and not path.endswith(".test.yaml")
    }
    for path, text in texts.items():
        uses = (
            path.startswith(("routes/channels/", "routes/flows/")) and f"transform: {name}" in text
        )
        if path == about or (uses and not path.endswith(".test.yaml")):
            kept[path] = text
    used = {one for text in list(kept.values()) for one in _transforms(text)}
    return kept | {path: texts[path] for path in sorted(used) if path in texts}


def _transforms(text: str) -> Iterator[str]:
    for name in re.findall(r"transform: ([a-z0-9_]+/[a-z0-9_]+)", text):
        yield f"transforms/{name}.yaml"


def texts_in(root: Path) -> dict[str, str]:
    """Return the landscape's texts."""
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for folder in ("contracts", "routes", "transforms")
        for path in sorted((root / folder).rglob("*"))
        if path.suffix in (".yaml", ".json") and "fixtures" not in path.parts
    }
