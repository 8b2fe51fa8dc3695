"""Owns: warnings that a project has agreed to live with: written down once, not told again.
Imports: config.fingerprints, cli.common.
Never: holds an error: a landscape with one does not start, and no list may look as if it did.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.cli.common import fail
from router.config.fingerprints import fingerprints
from router.core.diagnostics import Diagnostic, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Findings without those of a baseline: how many these are, and what it holds for nothing."""

    findings: list[Diagnostic]
    known: int
    stale: tuple[str, ...]


def without(path: Path, findings: Sequence[Diagnostic], texts: Mapping[str, str]) -> Agreed:
    """Return what a baseline does not hold, and its entries that nothing fits any more."""
    held = {str(one["mark"]): one for one in _read(path)}
    marked = list(zip(findings, fingerprints(findings, texts), strict=True))
    left = [one for one, mark in marked if one.severity is Severity.ERROR or mark not in held]
    there = {mark for one, mark in marked if one.severity is not Severity.ERROR}
    stale = [
        f"{path}: not found any more: {one['code']} {one['file']} {one['message']}"
        for mark, one in held.items()
        if mark not in there
    ]
    return Agreed(findings=left, known=len(findings) - len(left), stale=tuple(stale))


def write_baseline(path: Path, findings: Sequence[Diagnostic], texts: Mapping[str, str]) -> int:
    """Write the warnings among findings down; return how many they are."""
    marks = fingerprints(findings, texts)
    entries = [
        {"code": one.code, "file": one.place.file, "message": one.message, "mark": mark}
        for one, mark in zip(findings, marks, strict=True)
        if one.severity is not Severity.ERROR
    ]
    entries.sort(key=lambda one: (one["file"], one["code"], one["message"], one["mark"]))
    text = json.dumps({"version": 1, "findings": entries}, indent=2) + "\n"
    try:
        path.write_text(text)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    return len(entries)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_text())
        entries = [one for one in found["findings"] if found["version"] == 1]
        complete = all({"mark", "code", "file", "message"} <= set(one) for one in entries)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        complete = False
    if not complete:
        fail(f"{path} is no baseline: router check --write-baseline {path}")
    return entries
