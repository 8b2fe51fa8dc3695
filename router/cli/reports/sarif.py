"""Owns: findings as SARIF 2.1.0, as code scanning and editors read it.
Imports: core.diagnostics, config.catalogue, config.fingerprints.
Never: shows a source line (a secret may stand there), names a folder of this machine.

Source: the OASIS standard, sarif-v2.1.0-errata01.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from router.cli.render import visible
from router.config.catalogue import Code, load_catalogue
from router.core.diagnostics import Diagnostic

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
#: places are relative to the folder that the source was checked out to
_ROOT = "%SRCROOT%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A finding with the mark by which it is known again, and why it is ignored if it is."""

    finding: Diagnostic
    mark: str
    ignored: str = ""


def sarif(found: Iterable[Marked], prefix: str = "") -> str:
    """Return the log. `prefix` leads from where the command runs to the project."""
    marked = list(found)
    catalogue = load_catalogue()
    codes = sorted({one.finding.code for one in marked})
    run = {
        "tool": {"driver": _driver(codes, catalogue)},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, codes, prefix) for one in marked],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _driver(codes: Sequence[str], catalogue: Mapping[str, Code]) -> dict[str, Any]:
    return {
        "name": "Crossdock",
        "version": version("crossdock"),
        "rules": [_rule(catalogue[code]) for code in codes],
    }


def _rule(code: Code) -> dict[str, Any]:
    why = " ".join(code.why.split())
    example = f"Wrong:\n\n```yaml\n{code.wrong.rstrip()}\n```\n\nRight:\n\n```yaml\n"
    plain = f"{why}\n\nWrong:\n{code.wrong.rstrip()}\n\nRight:\n{code.right.rstrip()}"
    return {
        "id": code.code,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": why},
        "help": {"text": plain, "markdown": f"{why}\n\n{example}{code.right.rstrip()}\n```"},
        "defaultConfiguration": {"level": "error" if code.code.startswith("E") else "warning"},
    }


def _result(marked: Marked, codes: Sequence[str], prefix: str) -> dict[str, Any]:
    finding = marked.finding
    text = f"{finding.message}: {finding.hint}" if finding.hint else finding.message
    place = finding.place
    region = {"startLine": place.line, "startColumn": place.column}
    if place.width:
        region["endColumn"] = place.column + place.width
    artifact = {"uri": _uri(prefix + place.file), "uriBaseId": _ROOT}
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity.value,
        "message": {"text": _plain(text)},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
        # the first is what GitHub reads, else it makes one of the line
        "partialFingerprints": {
            "primaryLocationLineHash": f"{marked.mark}:1",
            "crossdock/v1": marked.mark,
        },
        # one result that has them wants them in all (3.27.23): an empty list is "told"
        "suppressions": _suppressions(marked.ignored),
    }


def _suppressions(ignored: str) -> list[dict[str, Any]]:
    if not ignored:
        return []
    return [{"kind": "inSource", "status": "accepted", "justification": visible(ignored)}]


def _plain(text: str) -> str:
    """Return a text as a message: braces would be places to fill, `[a](b)` would be a link."""
    return visible(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _uri(path: str) -> str:
    return quote(path, errors="surrogatepass")  # a name of a disk may be no text
