"""Owns: findings as workflow commands of GitHub Actions, which shows them beside the lines.
Imports: core.diagnostics, cli.render.
Never: lets a text of the project begin a line: the runner obeys lines that begin with `::`.

Source: docs.github.com, workflow commands; the escapes are those of actions/toolkit, command.ts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from router.cli.render import visible
from router.core.diagnostics import Diagnostic, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is told beside a line: `level` is error, warning or notice."""

    level: str
    place: Place
    title: str
    text: str


def note_of(finding: Diagnostic) -> Note:
    """Return a finding as a note; its hint is a line of its own."""
    text = f"{finding.message}\n{finding.hint}" if finding.hint else finding.message
    level = finding.severity.value
    return Note(level=level, place=finding.place, title=finding.code, text=text)


def commands(notes: Iterable[Note], prefix: str = "") -> list[str]:
    """Return one command a line. `prefix` leads from where the command runs to the project."""
    return [_command(one, prefix) for one in notes]


def _command(note: Note, prefix: str) -> str:
    place = note.place
    properties = {
        "file": prefix + place.file,
        "line": str(place.line),
        "col": str(place.column),
        "endColumn": str(place.column + place.width) if place.width else "",
        "title": note.title,
    }
    said = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{note.level} {said}::{_data(note.text)}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
