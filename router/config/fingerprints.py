"""Owns: the marks by which findings are known again when lines have moved.
Imports: core.diagnostics.
Never: puts a text of a line that may hold a secret into a mark.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from router.core.diagnostics import Diagnostic

#: hexadecimal characters of a mark: 64 bits tell a million findings apart
LENGTH = 16
#: findings about a line that may hold a secret: it is neither shown nor hashed
SECRET_LINES = frozenset({"E054"})


def fingerprints(findings: Sequence[Diagnostic], texts: Mapping[str, str]) -> list[str]:
    """Return the mark of each finding, in their order; no two are the same.

    A mark is made of code, file, message and the line's text without its indentation, so that it
    survives lines that come or go around it. Of findings that are alike in all of these the
    first, the second and so on have marks of their own.
    """
    lines = {name: text.splitlines() for name, text in texts.items()}
    seen: Counter[tuple[str, ...]] = Counter()
    marks = []
    for finding in findings:
        parts = (finding.code, finding.place.file, finding.message, _line(finding, lines))
        seen[parts] += 1
        text = "\0".join((*parts, str(seen[parts])))
        marks.append(hashlib.blake2b(text.encode("utf-8", "backslashreplace")).hexdigest()[:LENGTH])
    return marks


def _line(finding: Diagnostic, lines: Mapping[str, Sequence[str]]) -> str:
    held = lines.get(finding.place.file, ())
    if finding.code in SECRET_LINES or not 0 < finding.place.line <= len(held):
        return ""
    return " ".join(held[finding.place.line - 1].split())
