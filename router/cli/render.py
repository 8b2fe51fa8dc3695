"""Owns: findings as text with source frames, and the JSON envelope of every command.
Imports: core.diagnostics, config.fingerprints.
Never: decides an exit code; lets a control character of a file reach the terminal.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from router.config.fingerprints import SECRET_LINES
from router.core.diagnostics import Diagnostic

#: characters of a source line that are shown
WIDTH = 160


def render(findings: Iterable[Diagnostic], texts: Mapping[str, str]) -> str:
    """Return findings as text, each with its line and carets."""
    return "\n".join(_one(finding, texts) for finding in findings)


def envelope(command: str, *, ok: bool, data: Mapping[str, Any]) -> str:
    """Return the JSON that every command prints with --format json."""
    body = {"version": 1, "command": command, "ok": ok, **data}
    return json.dumps(body, indent=2, default=str)  # ASCII: nothing in it steers a terminal


def finding_data(finding: Diagnostic) -> dict[str, Any]:
    """Return a finding for the envelope."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "file": finding.place.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "message": finding.message,
        "hint": finding.hint,
    }


def visible(text: str) -> str:
    """Return text in which control characters, direction marks and half characters are written
    out.
    """
    return "".join(
        char
        if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs")
        else f"\\u{ord(char):04x}"
        for char in text
    )


def _one(finding: Diagnostic, texts: Mapping[str, str]) -> str:
    place = finding.place
    word = "" if finding.severity.value == "error" else f" {finding.severity.value}"
    head = visible(f"{place} {finding.code}{word} {finding.message}")
    lines = texts.get(place.file, "").splitlines()
    if not 0 < place.line <= len(lines):
        return head + (f"\n   = {visible(finding.hint)}" if finding.hint else "")
    if finding.code in SECRET_LINES:
        return head + (f"\n   = {visible(finding.hint)}" if finding.hint else "")
    source = visible(lines[place.line - 1].replace("\t", " "))
    number = f"{place.line:5d}"
    start = max(place.column - 1, 0)
    shown = source[:WIDTH]
    width = max(1, min(place.width or 1, max(len(shown) - start, 1)))
    frame = f"{number} | {shown}\n{' ' * len(number)} | {' ' * start}{'^' * width}"
    return f"{head}\n{frame} {visible(finding.hint)}".rstrip()


def some(n: int, nouns: str) -> str:
    """Return a number of things: `1 error`, `2 errors`."""
    return f"{n} {nouns.removesuffix('s') if n == 1 else nouns}"
