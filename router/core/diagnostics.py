"""Owns: a finding about the author's text: code, severity, place, message, hint.
Imports: core.value.
Never: prints, reads files, or is raised.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from router.core.value import value


class Severity(StrEnum):
    """How much a finding weighs: an error stops the start, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@value(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: file relative to the project, line and column from 1."""

    file: str
    line: int = 1
    column: int = 1
    #: length in characters of what is meant, for the carets; 0 = unknown
    width: int = 0

    def moved(self, columns: int, width: int = 0) -> Place:
        """Return the place `columns` further right on the same line."""
        return Place(self.file, self.line, self.column + columns, width)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding. `message` says what is wrong, `hint` what to write instead."""

    code: str
    place: Place
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        text = f"{self.place} {self.code} {self.message}"
        return f"{text}: {self.hint}" if self.hint else text


@dataclass(slots=True)
class Report:
    """Collects findings while a project is read, so that all are told at once."""

    found: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, place: Place, message: str, hint: str = "") -> None:
        """Add an error."""
        self.found.append(Diagnostic(code=code, place=place, message=message, hint=hint))

    def warn(self, code: str, place: Place, message: str, hint: str = "") -> None:
        """Add a warning."""
        self.found.append(
            Diagnostic(
                code=code, place=place, message=message, hint=hint, severity=Severity.WARNING
            )
        )

    def extend(self, more: Iterable[Diagnostic]) -> None:
        """Add findings made elsewhere."""
        self.found.extend(more)

    @property
    def has_errors(self) -> bool:
        """Whether an error is among the findings."""
        return any(one.severity is Severity.ERROR for one in self.found)


def in_order(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return each finding once, by file, line and column."""
    return sorted(set(findings), key=lambda one: (one.place, one.code, one.message))


def nearest(name: str, known: Iterable[str]) -> str:
    """Say `did you mean X?` for the closest known name, or list what there is."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    if not names:
        return "there are none"
    shown = ", ".join(names[:12])
    return f"one of: {shown}" + (" ..." if len(names) > 12 else "")
